"""Opens by system calls of other ABIs: 32-bit ones on x86-64, `int $0x80` among them, and x32.

In: the ends of all system calls of all tasks, for the tracepoints of single calls are blind to
these (arch_trace_is_compat_syscall, arch/x86/include/asm/ftrace.h). Out: a record for each open
among them. Programs are `tp_btf`: the least that a look at everybody's calls can cost.

A 32-bit call has TS_COMPAT set in its task's status, whatever kind of process makes it, and its
arguments in ebx, ecx, edx and esi. A call of the x32 ABI has a bit in its number, and its arguments
where 64-bit calls have them; a kernel without that ABI answers ENOSYS.
"""

from __future__ import annotations

import os

from probee import (
    Context,
    KernelStruct,
    LruHash,
    UserStr,
    atomic_add,
    cast,
    current,
    ktime_get_boot_ns,
    s32,
    s64,
    tp_btf,
    u32,
    u64,
)
from probee.errors import ProbeeError
from probee.kernel import TaskStruct
from probee.klib.filters import task_ids, wanted
from probee.klib.walk import AT_FDCWD
from probee.tools.opensnoop.calls import CREAT_FLAGS, MODE_BITS, asked_how, unpaired
from probee.tools.opensnoop.rows import (
    CALL,
    COMPAT,
    CREAT,
    HANDLE,
    OPEN,
    OPEN_BY_HANDLE_AT,
    OPENAT,
    OPENAT2,
    X32,
    report,
    timed,
    wanted_end,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.lang.programs import Program

TS_COMPAT = 2  # arch/x86/include/asm/thread_info.h
X32_BIT = 0x4000_0000  # __X32_SYSCALL_BIT, arch/x86/include/uapi/asm/unistd.h
NOT_OPEN = 0xFFFF


class ThreadInfo(KernelStruct, name="thread_info"):
    """arch/x86/include/asm/thread_info.h."""

    status: u32


class Task(TaskStruct):
    """include/linux/sched.h."""

    thread_info: ThreadInfo


class Registers(KernelStruct, name="pt_regs"):
    """A task's registers as they were at the system call: arch/x86/include/asm/ptrace.h."""

    orig_ax: u64
    bx: u64
    cx: u64
    dx: u64
    si: u64
    di: u64
    r10: u64


beginnings = LruHash(u32, u64, max_entries=10_240)


def way_of(regs: Registers) -> u32:
    """Which open this system call is, with the bit of its ABI; NOT_OPEN for all others."""
    if cast(Task, current.task).thread_info.status & TS_COMPAT != 0:
        match u32(regs.orig_ax):  # arch/x86/entry/syscalls/syscall_32.tbl
            case 5:
                return OPEN | COMPAT
            case 8:
                return CREAT | COMPAT
            case 295:
                return OPENAT | COMPAT
            case 342:
                return OPEN_BY_HANDLE_AT | COMPAT
            case 437:
                return OPENAT2 | COMPAT
        return NOT_OPEN
    number = u32(regs.orig_ax)
    if number & X32_BIT == 0:
        return NOT_OPEN
    match number - X32_BIT:  # syscall_64.tbl
        case 2:
            return OPEN | X32
        case 85:
            return CREAT | X32
        case 257:
            return OPENAT | X32
        case 304:
            return OPEN_BY_HANDLE_AT | X32
        case 437:
            return OPENAT2 | X32
    return NOT_OPEN


@tp_btf("sys_enter")
def enter_other(ctx: Context) -> None:
    """Keeps when an open began, where that is asked for."""
    if way_of(cast(Registers, ctx.regs)) != NOT_OPEN and wanted(task_ids()):
        beginnings[current.tid] = ktime_get_boot_ns()


@tp_btf("sys_exit")
def exit_other(ctx: Context) -> None:
    regs = cast(Registers, ctx.regs)
    way = way_of(regs)
    if way == NOT_OPEN:
        return
    ret: s64 = ctx.ret
    ids = task_ids()
    wants = wanted_end(ids, ret)
    begin: u64 = 0
    if timed:
        begun = beginnings.pop(current.tid, None)
        if begun is None:
            if wants:
                atomic_add(unpaired.value, 1)
            return
        begin = begun
    if wants:
        a, b, c, d = arguments(regs, way)
        report_other(ctx, ids, ret, way, a, b, c, d, begin)


def arguments(regs: Registers, way: u32) -> tuple[u64, u64, u64, u64]:
    """The first four."""
    if way & COMPAT != 0:
        return u32(regs.bx), u32(regs.cx), u32(regs.dx), u32(regs.si)
    return regs.di, regs.si, regs.dx, regs.r10


def report_other(
    ctx: Context, ids: u64, ret: s64, way: u32, a: u64, b: u64, c: u64, d: u64, begin: u64
) -> None:
    """Sends the record of a call with these arguments."""
    name, flags, mode, unread = b, u64(u32(c)), d & MODE_BITS, 0
    at, in_root = s32(a), False
    call = way & CALL
    if call == OPEN:
        name, flags, mode, at = a, u64(u32(b)), c & MODE_BITS, AT_FDCWD
    elif call == CREAT:
        name, flags, mode, at = a, CREAT_FLAGS, b & MODE_BITS, AT_FDCWD
    elif call == OPENAT2:
        way, flags, mode, in_root = asked_how(way, c)
    elif call == OPEN_BY_HANDLE_AT:
        name, mode, unread = 0, 0, HANDLE
    path: UserStr = name  # type: ignore[assignment] # registers hold addresses as numbers
    report(ctx, ids, ret, way, path, flags, mode, unread, begin, at, in_root)


# ------------------------------------------------------------------------------------ user side


def compat_programs(*, timed: bool) -> tuple[Program, ...]:
    """The programs for this machine. Raises ProbeeError where there are none."""
    machine = os.uname().machine
    if machine != "x86_64":
        raise ProbeeError(
            f"--compat: 32-bit system calls are known on x86_64 only, and this is {machine}",
            hint="leave --compat (or --all-ways) out: --io-uring goes without",
        )
    return (enter_other, exit_other) if timed else (exit_other,)
