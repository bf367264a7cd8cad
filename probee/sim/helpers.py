"""Every helper that the simulator has, by name, and the call of one.

In: the instruction of a call, the registers. Out: r0. A helper that has no row here is an error
that names it.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.sim import helpers_maps as maps, helpers_world as world
from probee.sim.arithmetic import M64
from probee.sim.memory import Fault
from probee.sim.steps import UNSET
from probee.tables.helpers import all_helpers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probee.sim.state import State
    from probee.sim.steps import Registers
    from probee.tables.helpers import Helper

    Answer = Callable[..., int]

HELPERS: Mapping[str, Answer] = {
    "map_lookup_elem": maps.lookup,
    "map_lookup_percpu_elem": maps.lookup_percpu,
    "map_update_elem": maps.update,
    "map_delete_elem": maps.delete,
    "map_push_elem": maps.push,
    "map_pop_elem": maps.pop,
    "map_peek_elem": maps.peek,
    "for_each_map_elem": maps.for_each,
    "loop": maps.loop,
    "ringbuf_reserve": maps.ring_reserve,
    "ringbuf_submit": maps.ring_submit,
    "ringbuf_discard": maps.ring_discard,
    "ringbuf_output": maps.ring_output,
    "ringbuf_query": maps.ring_query,
    "perf_event_output": maps.perf_output,
    "get_stackid": maps.stack_number,
    "ktime_get_ns": world.now,
    "ktime_get_boot_ns": world.now,
    "ktime_get_coarse_ns": world.now,
    "ktime_get_tai_ns": world.now,
    "jiffies64": world.jiffies,
    "get_prandom_u32": world.random,
    "get_smp_processor_id": world.processor,
    "get_numa_node_id": world.node,
    "get_current_pid_tgid": world.pid_tgid,
    "get_current_uid_gid": world.uid_gid,
    "get_current_cgroup_id": world.cgroup,
    "get_current_comm": world.comm,
    "get_current_task": world.task,
    "get_current_task_btf": world.task,
    "task_pt_regs": world.registers,
    "probe_read": world.read_any,
    "probe_read_user": world.read_user,
    "probe_read_kernel": world.read_kernel,
    "copy_from_user": world.read_user,
    "probe_read_str": world.read_any_text,
    "probe_read_user_str": world.read_user_text,
    "probe_read_kernel_str": world.read_kernel_text,
    "strncmp": world.compare,
    "trace_printk": world.print_,
    "trace_vprintk": world.print_many,
    "snprintf": world.write_text,
}
VARIADIC = 5


class Helpers:
    """The helpers by number; `names` as the kernel's disassembler has them."""

    def __init__(self) -> None:
        self._rows = {row.id: row for row in all_helpers()}
        self.names = {number: f"bpf_{row.name}" for number, row in self._rows.items()}

    def row(self, number: int) -> tuple[Helper, Answer]:
        """NotSupportedError for a helper that the simulator does not have."""
        row = self._rows.get(number)
        if row is None:
            raise NotSupportedError(f"there is no BPF helper with number {number}")
        answer = HELPERS.get(row.name)
        if answer is None:
            raise NotSupportedError(
                f"the simulator has no {row.name}()",
                hint="run the program in the kernel: Session and test_run",
            )
        return row, answer

    def call(self, state: State, number: int, registers: Registers) -> int:
        """Runs helper `number` on r1 to r5: what it leaves in r0."""
        row, answer = self.row(number)
        count = VARIADIC if row.variadic else len(row.args)
        arguments = registers[1 : 1 + count]
        for place, value in enumerate(arguments[: len(row.args)], 1):
            if value is None:
                raise Fault(f"calls {row.name}() with r{place}, which holds nothing")
        result = answer(state, *arguments)
        return UNSET if row.ret == "void" else result & M64
