"""Where the kernel keeps the registers with which a task entered it.

In: the running kernel and its types. Out: how far behind the begin of a task's kernel stack
(`task_struct.stack`) they stand, in bytes. The kernel's configuration decides it (THREAD_SIZE and
TOP_OF_KERNEL_STACK_PADDING, arch/x86/include/asm/thread_info.h), once for all tasks, and tells it
nowhere: so it is asked by a program that runs once, in this process.
"""

from __future__ import annotations

from os import close
from struct import pack

from probee.btf.kinds import STRUCT
from probee.errors import ProbeeError
from probee.host import bpf
from probee.host.memlock import with_memlock
from probee.uapi.bpf import BPF_PROG_TYPE_RAW_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_get_current_task_btf, BPF_FUNC_task_pt_regs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable

_PLAUSIBLE = range(2048, 1 << 20, 8)  # behind a stack of at least a page, less the registers


def saved_registers(btf: TypeTable) -> int | None:
    """The distance, or None where it cannot be learned."""
    tasks = btf.by_name(STRUCT, "task_struct")
    stack = btf.member(tasks[0], "stack") if len(tasks) == 1 else None
    if stack is None:
        return None
    try:
        distance = _ask(stack.bit_offset // 8)
    except ProbeeError:  # an older kernel, or no rights: then the helper serves
        return None
    return distance if distance in _PLAUSIBLE else None


def _ask(stack: int) -> int:
    """The registers' address less the stack's, by a program in this task."""
    code = b"".join(pack("=BBhi", *slot) for slot in (
        (0x85, 0, 0, BPF_FUNC_get_current_task_btf),
        (0xBF, 0x06, 0, 0),  # r6 = r0
        (0xBF, 0x01, 0, 0),  # r1 = r0
        (0x85, 0, 0, BPF_FUNC_task_pt_regs),
        (0xBC, 0x07, 0, 0),  # w7 = w0: an address as a number
        (0x79, 0x61, stack, 0),  # r1 = r6->stack
        (0xBC, 0x70, 0, 0),  # w0 = w7
        (0x1C, 0x10, 0, 0),  # w0 -= w1
        (0x95, 0, 0, 0),
    ))  # fmt: skip
    fd, _ = with_memlock(lambda: bpf.prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, code, "GPL"))
    try:
        return bpf.prog_test_run(fd)[0]
    finally:
        close(fd)
