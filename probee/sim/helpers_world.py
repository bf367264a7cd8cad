"""Helpers that ask about the world: time, task, CPU, memory elsewhere, text.

In: a State, the call's arguments as 64-bit numbers. Out: r0. Sources: linux/bpf.h, and
kernel/trace/bpf_trace.c and kernel/bpf/helpers.c of Linux 6.18.
"""

from __future__ import annotations

from errno import E2BIG, EFAULT, EINVAL

from probee.sim.memory import Fault, span, text
from probee.sim.printing import Arguments, formatted
from probee.tables.architectures import by_machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.sim.state import State

TASK = 0xFFFF888000000000 - (1 << 40)  # what stands for the address of struct task_struct
JIFFY_NS = 4_000_000  # CONFIG_HZ=250
REGISTERS_SIZE = 1024  # more than struct pt_regs of any architecture


def now(state: State) -> int:
    """All clocks: there is no sleep and no leap second in the world."""
    return state.world.now()


def jiffies(state: State) -> int:
    """jiffies64."""
    return state.world.now() // JIFFY_NS


def random(state: State) -> int:
    """get_prandom_u32."""
    return state.world.random.getrandbits(32)


def processor(state: State) -> int:
    """get_smp_processor_id."""
    return state.world.cpu


def node(state: State) -> int:
    """get_numa_node_id: there is one."""
    return 0


def pid_tgid(state: State) -> int:
    """get_current_pid_tgid."""
    return state.world.pid << 32 | state.world.tid


def uid_gid(state: State) -> int:
    """get_current_uid_gid."""
    return state.world.gid << 32 | state.world.uid


def cgroup(state: State) -> int:
    """get_current_cgroup_id."""
    return state.world.cgroup_id


def comm(state: State, buffer: int, size: int) -> int:
    """get_current_comm: cut, up to its NUL. What is behind stays, as on Linux 5.17 to 6.3."""
    raw = state.world.comm_bytes().partition(b"\0")[0]
    state.memory.write(buffer, raw[: size - 1] + b"\0")
    return 0


def task(state: State) -> int:
    """get_current_task, get_current_task_btf: an address with `world.kernel` behind it, if any."""
    return TASK


def registers(state: State, task: int) -> int:
    """task_pt_regs: the system call's arguments where the architecture keeps them."""
    if task != TASK:
        raise Fault("asks for the registers of a task that is not the current one")
    if state.registers is None:
        state.registers = state.memory.add(
            "struct pt_regs", bytearray(REGISTERS_SIZE), writable=False
        )
    for offset, value in zip(
        by_machine(state.world.arch).syscall_args, state.world.syscall_args, strict=True
    ):
        raw = (value & (1 << 64) - 1).to_bytes(8, "little")
        state.registers.data[offset : offset + 8] = raw
    return state.registers.base


def _put(state: State, to: int, size: int, found: bytes | None) -> int:
    """What was read, or zeroes and EFAULT."""
    state.memory.write(to, bytes(size) if found is None else found)
    return -EFAULT if found is None else 0


def read_user(state: State, to: int, size: int, of: int) -> int:
    """probe_read_user, copy_from_user."""
    return _put(state, to, size, span(state.world.user, of, size))


def read_kernel(state: State, to: int, size: int, of: int) -> int:
    """probe_read_kernel."""
    return _put(state, to, size, state.memory.read_kernel(of, size))


def read_any(state: State, to: int, size: int, of: int) -> int:
    """probe_read: addresses of the two spaces do not overlap."""
    found = span(state.world.user, of, size)
    return _put(state, to, size, state.memory.read_kernel(of, size) if found is None else found)


def _put_text(state: State, to: int, size: int, found: bytes | None) -> int:
    """Bytes up to the NUL, cut to `size` with it: how many, or EFAULT and zeroes."""
    if size == 0:
        return 0
    end = -1 if found is None else found[:size].find(0)
    if found is None or (end < 0 and len(found) < size):
        return _put(state, to, size, None)
    raw = found[:end] if end >= 0 else found[: size - 1]
    state.memory.write(to, raw + b"\0")
    return len(raw) + 1


def read_user_text(state: State, to: int, size: int, of: int) -> int:
    """probe_read_user_str."""
    return _put_text(state, to, size, text(state.world.user, of))


def read_kernel_text(state: State, to: int, size: int, of: int) -> int:
    """probe_read_kernel_str."""
    return _put_text(state, to, size, _kernel_text(state, of))


def read_any_text(state: State, to: int, size: int, of: int) -> int:
    """probe_read_str."""
    found = text(state.world.user, of)
    return _put_text(state, to, size, _kernel_text(state, of) if found is None else found)


def _kernel_text(state: State, address: int) -> bytes | None:
    region, at = state.memory.place(address)
    return text(state.world.kernel, address) if region is None else bytes(region.data[at:])


def compare(state: State, first: int, size: int, second: int) -> int:
    """strncmp: the difference of the first bytes that differ."""
    a = state.memory.read(first, size)
    b = (_kernel_text(state, second) or b"").ljust(size, b"\0")
    for x, y in zip(a, b, strict=False):
        if x != y or x == 0:
            return x - y
    return 0


class _Words(Arguments):
    """Numbers for a format, and the text behind their addresses."""

    def __init__(self, state: State, values: tuple[int, ...]) -> None:
        super().__init__(values)
        self._state = state

    def text(self, address: int, space: str) -> bytes:
        areas: Mapping[int, bytes] = self._state.world.user
        found = text(areas, address) if space == "u" else _kernel_text(self._state, address)
        return (found or b"").split(b"\0")[0]


def print_(state: State, fmt: int, size: int, *values: int) -> int:
    """trace_printk: with up to three numbers."""
    return _printed(state, state.memory.read(fmt, size), tuple(v or 0 for v in values))


def print_many(state: State, fmt: int, size: int, data: int, length: int) -> int:
    """trace_vprintk: with an array of numbers."""
    return _printed(state, state.memory.read(fmt, size), _array(state, data, length))


def _array(state: State, data: int, length: int) -> tuple[int, ...]:
    if length % 8 or length > 12 * 8:
        raise Fault(f"hands {length} bytes of arguments to a format; it takes up to 12 words")
    raw = state.memory.read(data, length)
    return tuple(int.from_bytes(raw[i : i + 8], "little") for i in range(0, length, 8))


def _printed(state: State, fmt: bytes, values: tuple[int, ...]) -> int:
    line = formatted(fmt, _Words(state, values))
    if line is None:
        return -EINVAL
    state.printed.append(line.decode(errors="replace").rstrip("\n"))
    return len(line)


def write_text(state: State, to: int, size: int, fmt: int, data: int, length: int) -> int:
    """snprintf: how long the text is with its NUL, which may be more than fits."""
    if size >> 31:
        return -E2BIG
    line = formatted(_kernel_text(state, fmt) or b"", _Words(state, _array(state, data, length)))
    if line is None:
        return -EINVAL
    if size:
        state.memory.write(to, line[: size - 1] + b"\0")
    return len(line) + 1
