"""The five system calls that open: at their exits alone, or at entries and exits.

In: the system calls' tracepoints. Out: a record for each call that ended.

Where the kernel lets a program at a system call's exit read its arguments from the saved user
registers (`bpf_task_pt_regs`), one program a call does all: `EXIT_ONLY`. Elsewhere, or where the
beginning of a call matters, `PAIR`: a program at the entry keeps the arguments for the one at the
exit. `start` holds at most 10,240 calls at a time and forgets the oldest, so tasks killed inside a
call leave nothing that grows.

The name and openat2's `struct open_how` are read at the exit, when their pages are there for sure:
another thread may have rewritten them since the kernel read them.
"""

from __future__ import annotations

import os

from probee import (
    Context,
    Global,
    LruHash,
    Struct,
    UserStr,
    atomic_add,
    current,
    ktime_get_boot_ns,
    probe_read_user,
    s32,
    s64,
    sizeof,
    tracepoint,
    u32,
    u64,
)
from probee.klib.filters import task_ids, thread, wanted
from probee.klib.results import wanted_result
from probee.klib.walk import AT_FDCWD
from probee.tools.opensnoop.rows import (
    CREAT,
    FLAGS_UNREAD,
    HANDLE,
    OPEN,
    OPEN_BY_HANDLE_AT,
    OPENAT,
    OPENAT2,
    located,
    more,
    report,
    timed,
    wanted_end,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    NOWHERE = UserStr()
else:
    NOWHERE = 0  # the address of nothing
CREAT_FLAGS = os.O_CREAT | os.O_WRONLY | os.O_TRUNC  # what creat(2) stands for
RESOLVE_IN_ROOT = 0x10  # include/uapi/linux/openat2.h
MODE_BITS = 0o7777  # all but openat2 ignore the others


class OpenHow(Struct):
    """struct open_how of openat2(2): include/uapi/linux/openat2.h."""

    flags: u64
    mode: u64
    resolve: u64


class Begun(Struct):
    """What the exit needs of the entry. `flags`: of openat2 the address of its struct open_how."""

    path: UserStr
    flags: u64
    mode: u32
    way: u32
    time: u64
    at: s32


start = LruHash(u32, Begun, max_entries=10_240)
unpaired = Global(u64, 0)  # rare, so all CPUs may share it


def asked_how(call: u32, address: u64) -> tuple[u32, u64, u64, bool]:
    """`way`, flags, mode, RESOLVE_IN_ROOT of an openat2 with its struct open_how at `address`."""
    how = OpenHow(flags=0, mode=0, resolve=0)
    if more and probe_read_user(how, sizeof(OpenHow), address) != 0:
        return call | FLAGS_UNREAD, 0, 0, False
    return call, how.flags, how.mode, how.resolve & RESOLVE_IN_ROOT != 0


# -------------------------------------------------------------------------------- at exits alone


@tracepoint("syscalls:sys_exit_open")
def exit_open(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(1) if more else 0
        mode: u64 = current.syscall_arg(2) & MODE_BITS if more else 0
        report(ctx, ids, ret, OPEN, current.syscall_arg(0), flags, mode, 0, 0)


@tracepoint("syscalls:sys_exit_creat")
def exit_creat(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        mode: u64 = current.syscall_arg(1) & MODE_BITS if more else 0
        report(ctx, ids, ret, CREAT, current.syscall_arg(0), CREAT_FLAGS, mode, 0, 0)


@tracepoint("syscalls:sys_exit_openat")
def exit_openat(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(2) if more else 0
        mode: u64 = current.syscall_arg(3) & MODE_BITS if more else 0
        at: s32 = current.syscall_arg(0) if located else 0
        report(ctx, ids, ret, OPENAT, current.syscall_arg(1), flags, mode, 0, 0, at)


@tracepoint("syscalls:sys_exit_openat2")
def exit_openat2(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        address: u64 = current.syscall_arg(2) if more else 0
        at: s32 = current.syscall_arg(0) if located else 0
        way, flags, mode, in_root = asked_how(OPENAT2, address)
        path: UserStr = current.syscall_arg(1)
        report(ctx, ids, ret, way, path, flags, mode, 0, 0, at, in_root)


@tracepoint("syscalls:sys_exit_open_by_handle_at")
def exit_open_by_handle_at(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(2) if more else 0
        report(ctx, ids, ret, OPEN_BY_HANDLE_AT, NOWHERE, flags, 0, HANDLE, 0)


EXIT_ONLY = (exit_open, exit_creat, exit_openat, exit_openat2, exit_open_by_handle_at)


# --------------------------------------------------------------------------- at entries and exits


def begin(way: u32, path: UserStr, flags: u64, mode: u32, at: s32 = AT_FDCWD) -> None:
    """Keeps what the exit will need."""
    time = ktime_get_boot_ns() if timed else 0
    start[thread()] = Begun(path=path, flags=flags, mode=mode, way=way, time=time, at=at)


@tracepoint("syscalls:sys_enter_open")
def enter_open(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        begin(OPEN, ctx.filename, flags, ctx.mode if more else 0)


@tracepoint("syscalls:sys_enter_creat")
def enter_creat(ctx: Context) -> None:
    if wanted(task_ids()):
        begin(CREAT, ctx.pathname, CREAT_FLAGS, ctx.mode if more else 0)


@tracepoint("syscalls:sys_enter_openat")
def enter_openat(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        begin(OPENAT, ctx.filename, flags, ctx.mode if more else 0, ctx.dfd)


@tracepoint("syscalls:sys_enter_openat2")
def enter_openat2(ctx: Context) -> None:
    if wanted(task_ids()):
        begin(OPENAT2, ctx.filename, ctx.how if more else 0, 0, ctx.dfd)


@tracepoint("syscalls:sys_enter_open_by_handle_at")
def enter_open_by_handle_at(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        begin(OPEN_BY_HANDLE_AT, NOWHERE, flags, 0)


def end(ctx: Context, ret: s64, unread: u32, how: bool) -> None:
    """Sends the record of a call whose entry is in `start`, or counts one that is not."""
    begun = start.get(thread())
    if begun is None:
        if wanted_end(task_ids(), ret):
            atomic_add(unpaired.value, 1)
        return
    if wanted_result(ret):
        way, flags, mode = begun.way, begun.flags, u64(begun.mode & MODE_BITS)
        in_root = False
        if how:
            way, flags, mode, in_root = asked_how(OPENAT2, begun.flags)
        at = begun.at
        ids, path, time = task_ids(), begun.path, begun.time
        report(ctx, ids, ret, way, path, flags, mode, unread, time, at, in_root)
    start.pop(thread(), None)


@tracepoint("syscalls:sys_exit_open", "syscalls:sys_exit_creat")
def end_old(ctx: Context) -> None:
    end(ctx, ctx.ret, 0, False)


@tracepoint("syscalls:sys_exit_openat")
def end_openat(ctx: Context) -> None:
    end(ctx, ctx.ret, 0, False)


@tracepoint("syscalls:sys_exit_openat2")
def end_openat2(ctx: Context) -> None:
    end(ctx, ctx.ret, 0, True)


@tracepoint("syscalls:sys_exit_open_by_handle_at")
def end_open_by_handle_at(ctx: Context) -> None:
    end(ctx, ctx.ret, HANDLE, False)


# The entries are attached first: only a call that began before them ends without one.
PAIR = (
    enter_open,
    enter_creat,
    enter_openat,
    enter_openat2,
    enter_open_by_handle_at,
    end_old,
    end_openat,
    end_openat2,
    end_open_by_handle_at,
)
# There is no open or creat where a system call came after openat: on arm64.
OLD = (exit_open, exit_creat, enter_open, enter_creat, end_old)
