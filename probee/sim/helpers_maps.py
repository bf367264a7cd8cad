"""Helpers on maps and rings.

In: a State, the call's arguments as 64-bit numbers. Out: r0, as a signed or unsigned number. What
each one does is told by linux/bpf.h; the error numbers are those of kernel/bpf of Linux 6.18.
"""

from __future__ import annotations

from errno import E2BIG, EFAULT, EINVAL, ENOENT

from probee.sim.maps import SimMap
from probee.sim.memory import Fault
from probee.sim.streams import BloomMap, PerfMap, QueueMap, RingMap, StackMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.sim.state import State

BPF_F_CURRENT_CPU = 0xFFFFFFFF
BPF_F_INDEX_MASK = 0xFFFFFFFF
BPF_F_SKIP_FIELD_MASK, BPF_F_USER_STACK = 0xFF, 1 << 8
BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID = 1 << 9, 1 << 10
BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP = 1, 2
MAX_LOOPS = 1 << 23


def lookup(state: State, map_: int, key: int) -> int:
    """map_lookup_elem."""
    table = state.map(map_, SimMap)
    return table.lookup(state.key(table, key), state.world.cpu)


def lookup_percpu(state: State, map_: int, key: int, cpu: int) -> int:
    """map_lookup_percpu_elem."""
    table = state.map(map_, SimMap)
    return table.lookup(state.key(table, key), cpu) if cpu < state.world.cpus else 0


def update(state: State, map_: int, key: int, value: int, flags: int) -> int:
    """map_update_elem."""
    table = state.map(map_, SimMap)
    return table.update(state.key(table, key), state.value(table, value), flags, state.world.cpu)


def delete(state: State, map_: int, key: int) -> int:
    """map_delete_elem."""
    table = state.map(map_, SimMap)
    return table.delete(state.key(table, key))


def push(state: State, map_: int, value: int, flags: int) -> int:
    """map_push_elem."""
    table = state.map(map_, SimMap)
    if not isinstance(table, (QueueMap, BloomMap)):
        raise Fault(f"pushes to map {table.spec.name}, which is no queue, stack or Bloom filter")
    return table.push(state.value(table, value), flags)


def pop(state: State, map_: int, value: int) -> int:
    """map_pop_elem."""
    return _take(state, state.map(map_, QueueMap), value, keep=False)


def peek(state: State, map_: int, value: int) -> int:
    """map_peek_elem."""
    table = state.map(map_, SimMap)
    if isinstance(table, BloomMap):
        return table.test(state.value(table, value))
    return _take(state, state.map(map_, QueueMap), value, keep=True)


def _take(state: State, queue: QueueMap, value: int, *, keep: bool) -> int:
    found = queue.take(keep=keep)
    state.memory.write(value, found or bytes(queue.spec.value_size))
    return -ENOENT if found is None else 0


def for_each(state: State, map_: int, function: int, context: int, flags: int) -> int:
    """for_each_map_elem: how many elements the callback was given."""
    table = state.map(map_, SimMap)
    if flags:
        return -EINVAL
    count = 0
    for key, regions in table.elements():
        region = regions[state.world.cpu if len(regions) > 1 else 0]
        if region.gone:
            continue  # the callback deleted it
        held = state.memory.add("the key of a callback", bytearray(key), writable=False)
        count += 1
        stop = state.callback(function, map_, held.base, region.base, context)
        held.drop("whose callback has ended")
        if stop:
            break
    return count


def loop(state: State, count: int, function: int, context: int, flags: int) -> int:
    """bpf_loop: how many rounds were run."""
    count &= 0xFFFFFFFF
    if flags:
        return -EINVAL
    if count > MAX_LOOPS:
        return -E2BIG
    for index in range(count):
        if state.callback(function, index, context):
            return index + 1
    return count


def ring_reserve(state: State, ring: int, size: int, flags: int) -> int:
    """ringbuf_reserve."""
    return 0 if flags else state.map(ring, RingMap).reserve(size)


def ring_submit(state: State, record: int, flags: int) -> int:
    """ringbuf_submit."""
    return _finish(state, record, submit=True)


def ring_discard(state: State, record: int, flags: int) -> int:
    """ringbuf_discard."""
    return _finish(state, record, submit=False)


def _finish(state: State, record: int, *, submit: bool) -> int:
    for ring in state.maps.values():
        if isinstance(ring, RingMap) and ring.holds(record):
            ring.finish(record, submit=submit)
            return 0
    raise Fault(f"submits or discards {record:#x}, which is no reserved record")


def ring_output(state: State, ring: int, data: int, size: int, flags: int) -> int:
    """ringbuf_output."""
    if flags & ~(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP):
        return -EINVAL
    return state.map(ring, RingMap).output(state.memory.read(data, size))


def ring_query(state: State, ring: int, flags: int) -> int:
    """ringbuf_query: bytes waiting (0), size (1); the positions (2, 3) are not kept."""
    table = state.map(ring, RingMap)
    if flags in (2, 3):
        raise Fault("asks a ring for its positions, which the simulator does not keep")
    return {0: table.used, 1: table.capacity}.get(flags, 0)


def stack_number(state: State, context: int, map_: int, flags: int) -> int:
    """get_stackid."""
    known = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID
    if flags & ~known:
        return -EINVAL
    world = state.world
    frames = world.user_stack if flags & BPF_F_USER_STACK else world.kernel_stack
    frames = frames[flags & BPF_F_SKIP_FIELD_MASK :]
    return state.map(map_, StackMap).keep(frames) if frames else -EFAULT


def perf_output(state: State, context: int, map_: int, flags: int, data: int, size: int) -> int:
    """perf_event_output."""
    if flags & ~BPF_F_INDEX_MASK:
        return -EINVAL
    cpu = state.world.cpu if flags == BPF_F_CURRENT_CPU else flags
    return state.map(map_, PerfMap).output(cpu, state.memory.read(data, size))
