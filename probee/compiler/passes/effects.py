"""What calls do to memory, and which calls may be merged, moved or dropped. Not a pass.

In: a helper's name and its operands. Out: rows. Which arguments a helper reads and writes is taken
from `tables.helpers`, the verifier's own prototypes; what those do not say stands here, with its
source. A helper that is in no set below has effects and is left where it is.
"""

from __future__ import annotations

from typing import NamedTuple

from probee.compiler.ir.ops import ASKING, Value
from probee.tables.helpers_data import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Op, Operand

# The same answer each time within one run of a program: the task does not change under it.
STABLE = frozenset(
    {
        "get_current_pid_tgid",
        "get_current_uid_gid",
        "get_current_cgroup_id",
        "get_current_task",
        "get_current_task_btf",
        "task_pt_regs",
        "get_smp_processor_id",
        "get_numa_node_id",
        "get_func_ip",
        "get_attach_cookie",
    }
)
# These tell something else each time, but tell only.
WITHOUT_EFFECT = STABLE | {
    "ktime_get_ns",
    "ktime_get_boot_ns",
    "ktime_get_coarse_ns",
    "ktime_get_tai_ns",
    "jiffies64",
    "get_prandom_u32",
    "ringbuf_query",
}
# Helpers that write all of the memory they are given: what stood there before is never seen.
# Each clears it where it fails (kernel/trace/bpf_trace.c, kernel/bpf/helpers.c).
FILLING = frozenset(
    {
        "probe_read",
        "probe_read_kernel",
        "probe_read_user",
        "get_ns_current_pid_tgid",
        "perf_event_read_value",
        "perf_prog_read_value",
    }
)
# These write text up to its NUL, or clear all where they fail (mm/maccess.c). Behind the NUL of a
# ring buffer record stand bytes of older records; in a map key they would make equal texts differ.
# A task's name was filled up with NULs until Linux 5.16 and is from 6.4 on (kernel/bpf/helpers.c;
# commits 03b9c7fa3f15 and f3f213497797).
FILLING_TEXT = frozenset(
    {"get_current_comm", "probe_read_str", "probe_read_kernel_str", "probe_read_user_str"}
)
# Fills its memory and does nothing else: without a reader of that memory it can go.
ONLY_FILLING = FILLING | FILLING_TEXT
# Takes the context and leaves it and all packet pointers as they are.
CONTEXT_KEPT = frozenset(
    {
        "perf_event_output",
        "get_stackid",
        "get_stack",
        "get_func_ip",
        "get_attach_cookie",
        "get_func_arg",
        "get_func_ret",
        "get_func_arg_cnt",
        "perf_prog_read_value",
        "read_branch_records",
    }
)


class Access(NamedTuple):
    """One pointer argument. `size`: bytes from there, or -1. `fills`: surely writes them all."""

    argument: int
    reads: bool
    writes: bool
    size: int = -1
    fills: bool = False


# helper → (kind, detail) of each argument, as `tables.helpers.ARGUMENT_KINDS` explains them
ARGUMENTS = {row[0]: tuple((argument[0], argument[3]) for argument in row[6]) for row in ROWS}
_READS = frozenset({"map_key", "map_value", "map_value_or_null", "const_str"})
_WRITES = frozenset({"map_value_write", "fixed_mem_write", "dynptr_uninit"})
_SIZED = ("mem_", "fixed_mem_")
_NUMBERS = frozenset({"scalar", "mem_size", "mem_size_or_zero", "alloc_size"})
_ELSEWHERE = frozenset({"const_map", "user_ptr", "ctx", "ctx_or_null", "btf_id", "btf_id_or_null"})
_PEEKED = frozenset({"kernel_ptr", "any_ptr"})  # may be an address of our own, and is only read


def accesses(op: Op) -> list[Access]:
    """What the call `op` does to memory that its operands point to.

    What its prototype does not tell counts as read and written, to an unknown extent.
    """
    name = str(op.symbol)
    arguments = ARGUMENTS.get(name)
    if op.kind != "call" or arguments is None:
        return [Access(i, reads=True, writes=True) for i in range(len(op.args))]
    if name == "ringbuf_discard":
        return []
    out: list[Access] = []
    for index, (kind, detail) in enumerate(arguments[: len(op.args)]):
        if kind in _ELSEWHERE or (kind in _NUMBERS and not _is_pointer(op.args[index])):
            continue
        if kind in _PEEKED:
            out.append(Access(index, reads=True, writes=False))
            continue
        size = -1
        if kind.startswith("mem_") and index + 1 < len(op.args):
            following = op.args[index + 1]
            size = following if isinstance(following, int) and following >= 0 else -1
        elif kind.startswith("fixed_mem_") and detail.isdigit():
            size = int(detail)
        fills = size >= 0 and (name in FILLING or name in FILLING_TEXT)
        known = kind in _READS or kind in _WRITES or kind.startswith(_SIZED)
        reads = not known or not (kind in _WRITES or kind.startswith("mem_write"))
        reads = reads or name == ASKING
        writes = not known or "write" in kind or kind in _WRITES
        out.append(Access(index, reads, writes, size, fills))
    return out


def keeps_pointer(op: Op, index: int) -> bool:
    """Whether the helper called may use its pointer argument later, or hand it to a callback."""
    arguments = ARGUMENTS.get(str(op.symbol), ())
    if index >= len(arguments):
        return True
    kind = arguments[index][0]
    plain = kind in _READS or kind in _ELSEWHERE or kind in _PEEKED
    return not (plain or kind in ("map_value_write", "ringbuf_mem") or kind.startswith(_SIZED))


def _is_pointer(operand: Operand) -> bool:
    return isinstance(operand, Value) and operand.kind == "ptr"


def takes_context(op: Op) -> bool:
    """Whether the context is handed over; to what is not known, any pointer may be it."""
    arguments = ARGUMENTS.get(str(op.symbol))
    if op.kind != "call" or arguments is None:
        return any(isinstance(arg, Value) and arg.kind == "ptr" for arg in op.args)
    return any(kind in ("ctx", "ctx_or_null") for kind, _ in arguments)
