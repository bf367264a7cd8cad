"""Who opens what: open, openat, openat2, creat and open_by_handle_at, of the whole machine.

In: the system calls' tracepoints. Out: a row for each call that ended, in the order of their ends.

Where the kernel lets a program at a system call's exit read its arguments from the saved user
registers (`bpf_task_pt_regs`), one program a call does all. Elsewhere, or with --pair, a program at
the entry keeps them for the one at the exit: `start` holds at most 10,240 calls at a time and
forgets the oldest, so tasks killed inside a call leave nothing that grows.

The name is read at the exit, when its page is there for sure: another thread may have rewritten it
since the kernel read it. A name that cannot be read is `?`; a call that takes no name, `[handle]`.
"""

from __future__ import annotations

import os

from probee import (
    Chars,
    Const,
    Context,
    LruHash,
    PerCpuArray,
    RingBuf,
    Struct,
    UserStr,
    chars,
    current,
    ktime_get_boot_ns,
    probe_read_user,
    read_str,
    s64,
    sizeof,
    tracepoint,
    u32,
    u64,
)
from probee.frame.columns import Column
from probee.frame.openflags import flag_names, mode_of, mode_text, octal
from probee.frame.options import Option
from probee.frame.standard import (
    ERRNAME_OPTION,
    TIME_OPTIONS,
    UID_OPTION,
    error_columns,
    task_columns,
    time_columns,
    wants_time,
)
from probee.frame.text import is_cut, text_of
from probee.frame.tool import Plan, Tool
from probee.host.features import Features
from probee.klib.paths import PATH_FILTERS, glob_keep, path_wanted, prefix_filters
from probee.klib.tasks import TASK_OPTIONS, task_filters, task_ids, wanted
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_task_pt_regs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values

    NOWHERE = UserStr()
else:
    NOWHERE = 0  # the address of nothing


class Open(Struct):
    """A call that ended. `ids`: process id << 32 | thread id. `comm` at 0 saves an instruction."""

    comm: Chars = chars(16)
    ids: u64
    ret: s64
    path: Chars = chars(256)


class More(Struct):
    """The same, with what only some options show."""

    open: Open
    time: u64
    uid: u32
    flags: u32
    mode: u32


class Args(Struct):
    """What the exit needs of the entry."""

    path: UserStr
    flags: u32
    mode: u32


class OpenHow(Struct):
    """struct open_how of openat2(2): include/uapi/linux/openat2.h."""

    flags: u64
    mode: u64
    resolve: u64


opens = RingBuf(Open, size="2M")
more_opens = RingBuf(More, size="2M")
start = LruHash(u32, Args, max_entries=10_240)
CREAT_FLAGS = os.O_CREAT | os.O_WRONLY | os.O_TRUNC  # what creat(2) stands for
unpaired = PerCpuArray(u64, max_entries=1)
only_failed = Const(bool, False)
more = Const(bool, False)


# ------------------------------------------------------------------------------------ kernel side


def fill(e: Open, ids: u64, ret: s64, named: bool, path: UserStr) -> None:
    """Writes what every record has."""
    e.comm = current.comm
    e.ids, e.ret = ids, ret
    if named:
        e.path = read_str(path, default="?")
    else:  # `path` is NOWHERE: a read that fails is smaller than clearing all behind the text
        e.path = read_str(path, default="[handle]")


def report(ids: u64, ret: s64, named: bool, path: UserStr, flags: u32, mode: u32) -> None:
    """Sends the record of a call that ended with `ret`, if its path is wanted."""
    if not path_wanted(path):
        return
    if more:
        if (m := more_opens.reserve()) is not None:
            fill(m.open, ids, ret, named, path)
            m.time, m.uid = ktime_get_boot_ns(), current.uid
            m.flags, m.mode = flags, mode
            m.submit()
    elif (e := opens.reserve()) is not None:
        fill(e, ids, ret, named, path)
        e.submit()


def wanted_end(ids: u64, ret: s64) -> bool:
    """Whether the end of this call gives a row."""
    return wanted(ids) and not (only_failed and ret >= 0)


@tracepoint("syscalls:sys_exit_open")
def exit_open(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(1) if more else 0
        mode: u32 = current.syscall_arg(2) if more else 0
        report(ids, ret, True, current.syscall_arg(0), flags, mode)


@tracepoint("syscalls:sys_exit_creat")
def exit_creat(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        mode: u32 = current.syscall_arg(1) if more else 0
        report(ids, ret, True, current.syscall_arg(0), CREAT_FLAGS, mode)


@tracepoint("syscalls:sys_exit_openat")
def exit_openat(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(2) if more else 0
        mode: u32 = current.syscall_arg(3) if more else 0
        report(ids, ret, True, current.syscall_arg(1), flags, mode)


@tracepoint("syscalls:sys_exit_openat2")
def exit_openat2(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        how = OpenHow(flags=0, mode=0, resolve=0)
        if more:
            probe_read_user(how, sizeof(OpenHow), current.syscall_arg(2))
        report(ids, ret, True, current.syscall_arg(1), u32(how.flags), u32(how.mode))


@tracepoint("syscalls:sys_exit_open_by_handle_at")
def exit_open_by_handle_at(ctx: Context) -> None:
    ret: s64 = ctx.ret
    ids = task_ids()
    if wanted_end(ids, ret):
        flags: u32 = current.syscall_arg(2) if more else 0
        report(ids, ret, False, NOWHERE, flags, 0)


@tracepoint("syscalls:sys_enter_open")
def enter_open(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        mode: u32 = ctx.mode if more else 0
        start[current.tid] = Args(path=ctx.filename, flags=flags, mode=mode)


@tracepoint("syscalls:sys_enter_creat")
def enter_creat(ctx: Context) -> None:
    if wanted(task_ids()):
        mode: u32 = ctx.mode if more else 0
        start[current.tid] = Args(path=ctx.pathname, flags=CREAT_FLAGS, mode=mode)


@tracepoint("syscalls:sys_enter_openat")
def enter_openat(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        mode: u32 = ctx.mode if more else 0
        start[current.tid] = Args(path=ctx.filename, flags=flags, mode=mode)


@tracepoint("syscalls:sys_enter_openat2")
def enter_openat2(ctx: Context) -> None:
    if wanted(task_ids()):
        how = OpenHow(flags=0, mode=0, resolve=0)
        if more:
            probe_read_user(how, sizeof(OpenHow), ctx.how)
        start[current.tid] = Args(path=ctx.filename, flags=u32(how.flags), mode=u32(how.mode))


@tracepoint("syscalls:sys_enter_open_by_handle_at")
def enter_open_by_handle_at(ctx: Context) -> None:
    if wanted(task_ids()):
        flags: u32 = ctx.flags if more else 0
        start[current.tid] = Args(path=NOWHERE, flags=flags, mode=0)


def report_pair(ret: s64, named: bool) -> None:
    """Sends the record of a call whose entry is in `start`, or counts one that is not."""
    args = start.get(current.tid)
    if args is None:
        if wanted_end(task_ids(), ret):
            unpaired[0] += 1
        return
    if not (only_failed and ret >= 0):
        report(task_ids(), ret, named, args.path, args.flags, args.mode)
    start.pop(current.tid, None)


@tracepoint(
    "syscalls:sys_exit_open",
    "syscalls:sys_exit_creat",
    "syscalls:sys_exit_openat",
    "syscalls:sys_exit_openat2",
)
def exit_named(ctx: Context) -> None:
    report_pair(ctx.ret, True)


@tracepoint("syscalls:sys_exit_open_by_handle_at")
def exit_handle(ctx: Context) -> None:
    report_pair(ctx.ret, False)


EXIT_ONLY = (exit_open, exit_creat, exit_openat, exit_openat2, exit_open_by_handle_at)
# The entries are attached first: only a call that began before them ends without one.
PAIR = (
    enter_open,
    enter_creat,
    enter_openat,
    enter_openat2,
    enter_open_by_handle_at,
    exit_named,
    exit_handle,
)


# ------------------------------------------------------------------------------------ user side


def plan(values: Values) -> Plan:
    """Programs and constants for what the command line asks."""
    consts, fill_maps = task_filters(values)
    path_consts, path_fill = prefix_filters(values)
    consts |= path_consts
    fill_maps |= path_fill
    keep = glob_keep(values, "path", text_of)
    if values.failed:
        consts[only_failed] = True
    ring: RingBuf[Any] = opens
    if wants_time(values) or values.show_uid or values.extended:
        consts[more] = True
        ring = more_opens
    if values.pair or not exit_reads_arguments():
        lost = {unpaired: "calls whose beginning was not seen"}
        return Plan(PAIR, ring, consts, fill_maps, lost, keep)
    return Plan(EXIT_ONLY, ring, consts, fill_maps, keep=keep)


def exit_reads_arguments() -> bool:
    """Whether `bpf_task_pt_regs` is there for programs on tracepoints; asked once for a kernel."""
    # Unknown (None) counts as yes: without the rights to probe, the load says what is missing.
    return Features().helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs) is not False


def columns(values: Values) -> tuple[Column, ...]:
    """bcc's columns, and before PATH what was asked for."""
    return (
        *time_columns(values),
        *task_columns(values),
        *error_columns(values),
        *(flag_columns(values) if values.extended else ()),
        Column("path", "PATH", "path", memo=False),
        Column("cut", "", "path", value=is_cut, memo=False),
    )


def flag_columns(values: Values) -> tuple[Column, ...]:
    """FLAGS and MODE; JSON has the flags as a number and by name."""
    text = octal if values.numeric else flag_names
    return (
        Column("flags", "FLAGS", "flags", 9 if values.numeric else 20, text=text),
        Column("flag_names", "", "flags", value=flag_names),
        Column("mode", "MODE", "flags mode", 4, text=mode_text, value=mode_of),
    )


TOOL = Tool(
    name="opensnoop",
    summary="Trace opens of files: who opened what, with what result.",
    plan=plan,
    columns=columns,
    options=(
        *TASK_OPTIONS,
        *PATH_FILTERS,
        Option("failed", "x", help="only opens that failed", group="Filters"),
        *TIME_OPTIONS,
        UID_OPTION,
        Option("extended", "e", help="show flags and mode", group="Columns"),
        Option("numeric", help="with -e: flags in octal", group="Columns"),
        ERRNAME_OPTION,
        Option(
            "pair",
            help="trace entry and exit of the calls, as kernels without bpf_task_pt_regs need",
            group="When it goes wrong",
        ),
    ),
    examples=(
        ("opensnoop", "all opens of the machine"),
        ("opensnoop -x", "only those that fail"),
        ("opensnoop -p 181,182", "only processes 181 and 182"),
        ("opensnoop -n ^ngin -T", "tasks named ngin…, with times"),
        ("opensnoop -u 33 -e -d 10", "user 33, with flags, for 10 seconds"),
        ("opensnoop --json -o opens.jsonl", "JSON lines into a file"),
    ),
    description=(
        "Calls: open, openat, openat2, creat, open_by_handle_at. A row is printed when the call "
        "ends. FD is the new descriptor, or -1; ERR is the error's "
        "number, or 0. PATH is the name as the caller gave it, [handle] where it gave none, ? "
        "where it could not be read, and ends in … where it was cut at 254 bytes. Unprintable "
        "bytes of names are escaped, backslashes doubled."
    ),
)
