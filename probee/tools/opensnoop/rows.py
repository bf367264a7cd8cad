"""What opensnoop's programs send, and which ends of calls they send it for.

In: what a program knows of a call that ended. Out: a record in one of two rings: `opens` has what
every run shows, `more_opens` also what only some options show. The constants here are opensnoop's
own filters and what its records are to hold; `wanted()` and `wanted_result()` are every tool's.
"""

from __future__ import annotations

from probee import (
    Chars,
    Const,
    Context,
    PerCpuArray,
    RingBuf,
    Struct,
    UserStr,
    chars,
    current,
    ktime_get_boot_ns,
    offsetof,
    read_str,
    s32,
    s64,
    u16,
    u32,
    u64,
)
from probee.klib.filters import wanted
from probee.klib.paths import path_wanted
from probee.klib.results import wanted_result
from probee.klib.stacks import Stacks, take_stacks
from probee.klib.tasks import typed_task
from probee.klib.walk import AT_FDCWD, NAME_ROOM, Walked, locate

# `way`, how it was opened: an index into CALLS, and bits.
CALLS = ("open", "creat", "openat", "openat2", "open_by_handle_at")
OPEN, CREAT, OPENAT, OPENAT2, OPEN_BY_HANDLE_AT = range(5)
CALL = 0xF
FLAGS_UNREAD = 0x10  # of openat2: its struct open_how could not be read
COMPAT = 0x20  # a 32-bit system call
X32 = 0x40  # a system call of the x32 ABI
URING = 0x80  # a request of io_uring
SLOT = 0x100  # into a slot of the ring's table of files: `ret` is its number, and no descriptor

# `unread`: why there is no name.
FAULT = 1  # its address could not be read
HANDLE = 2  # the call takes a file handle


class Open(Struct):
    """A call that ended. `ids`: process id << 32 | thread id. `comm` at 0 saves an instruction.

    It is sent up to the end of its path.
    """

    comm: Chars = chars(16)
    ids: u64
    ret: s32
    way: u16
    unread: u16
    path: Chars = chars(NAME_ROOM)


class More(Struct):
    """The same, with what only some options show. `time`, of its end, and `latency` in ns."""

    time: u64
    latency: u64
    flags: u64
    mode: u64
    cgroup: u64
    uid: u32
    open: Open


class Located(Struct):
    """The same, with the path of what was opened, or a long name. Sent as long as that is."""

    comm: Chars = chars(16)
    ids: u64
    ret: s32
    way: u32
    time: u64
    latency: u64
    flags: u64
    mode: u64
    cgroup: u64
    uid: u32
    walked: Walked


class StackedMore(Struct):
    """More, and the stacks that led there, which stand first: the path ends the record."""

    stacks: Stacks
    more: More


class StackedLocated(Struct):
    """The same with a path that was walked."""

    stacks: Stacks
    located: Located


opens = RingBuf(Open, size="2M")
located_opens = RingBuf(Located, size="2M")
scratch = PerCpuArray(Located, max_entries=1)
open_scratch = PerCpuArray(Open, max_entries=1)
more_opens = RingBuf(More, size="2M")
more_scratch = PerCpuArray(More, max_entries=1)
stacked_opens = RingBuf(StackedMore, size="8M")
stacked_scratch = PerCpuArray(StackedMore, max_entries=1)
stacked_located_opens = RingBuf(StackedLocated, size="8M")
stacked_located_scratch = PerCpuArray(StackedLocated, max_entries=1)
stacked = Const(bool, False)  # only with `more`
more = Const(bool, False)
located = Const(bool, False)
timed = Const(bool, False)  # the entries are to take the time
min_ns = Const(u64, 0)
any_flags = Const(u64, 0)  # -f: bits of which one must be set,
access_modes = Const(u32, 0)  # or 1 << access mode, of those that are wanted


def wanted_end(ids: u64, ret: s64) -> bool:
    """Whether the end of this call may give a row."""
    return wanted(ids) and wanted_result(ret)


def wanted_flags(flags: u64, way: u32) -> bool:
    """Whether these flags have one of those that `-f` asks for; none, if they could not be read."""
    if any_flags == 0 and access_modes == 0:
        return True
    if way & FLAGS_UNREAD != 0:
        return False
    return flags & any_flags != 0 or access_modes >> (flags & 3) & 1 == 1


def report(
    ctx: Context,
    ids: u64,
    ret: s64,
    way: u32,
    path: UserStr,
    flags: u64,
    mode: u64,
    unread: u32,
    begin: u64,
    at: s32 = AT_FDCWD,
    in_root: bool = False,
) -> None:
    """Sends the record of a call that ended with `ret`, if its path and flags are wanted.

    `begin`: when it began, if `timed`. `unread`: HANDLE for a call that takes no name. `at`,
    `in_root`: what the name is relative to, see klib.walk.
    """
    if not path_wanted(path):
        return
    if more:
        report_more(ctx, ids, ret, way, path, flags, mode, unread, begin, at, in_root)
    else:
        e = open_scratch[0]
        fill(e, ids, ret, way, path, unread)
        opens.output(e)


def report_more(
    ctx: Context,
    ids: u64,
    ret: s64,
    way: u32,
    path: UserStr,
    flags: u64,
    mode: u64,
    unread: u32,
    begin: u64,
    at: s32,
    in_root: bool,
) -> None:
    """Sends one of the longer records, if flags and latency are wanted."""
    now = ktime_get_boot_ns()
    latency = now - begin if timed else 0
    if latency < min_ns or not wanted_flags(flags, way):
        return
    if located and stacked:
        sw = stacked_located_scratch[0]
        take_stacks(ctx, sw.stacks)
        fill_located(sw.located, ids, ret, way, now, latency, flags, mode)
        locate(sw.located.walked, ret, path, unread == 0, at, in_root)
        begin_text = offsetof(StackedLocated, "located.walked.text")
        stacked_located_opens.output(sw, begin_text + sw.located.walked.used)
    elif located:
        w = scratch[0]
        fill_located(w, ids, ret, way, now, latency, flags, mode)
        locate(w.walked, ret, path, unread == 0, at, in_root)
        located_opens.output(w, offsetof(Located, "walked.text") + w.walked.used)
    elif stacked:
        sm = stacked_scratch[0]
        take_stacks(ctx, sm.stacks)
        fill_more(sm.more, now, latency, flags, mode)
        fill(sm.more.open, ids, ret, way, path, unread)
        stacked_opens.output(sm)
    else:
        m = more_scratch[0]
        fill_more(m, now, latency, flags, mode)
        fill(m.open, ids, ret, way, path, unread)
        more_opens.output(m)


def fill_more(m: More, now: u64, latency: u64, flags: u64, mode: u64) -> None:
    """Writes what only some options show."""
    m.time, m.latency, m.uid = now, latency, current.uid
    m.flags, m.mode, m.cgroup = flags, mode, current.cgroup_id


def fill_located(
    w: Located, ids: u64, ret: s64, way: u32, now: u64, latency: u64, flags: u64, mode: u64
) -> None:
    """Writes all but the path."""
    w.comm = current.comm
    w.ids, w.ret, w.way = ids, ret, way
    w.time, w.latency, w.uid = now, latency, current.uid
    w.flags, w.mode, w.cgroup = flags, mode, current.cgroup_id


def fill(e: Open, ids: u64, ret: s64, way: u32, path: UserStr, unread: u32) -> None:
    """Writes what every record has."""
    if typed_task:
        e.comm = current.task.comm
    else:
        e.comm = current.comm
    e.ids, e.ret, e.way, e.unread = ids, ret, way, unread
    if unread == 0:
        e.path = read_str(path, default="?")
        # A file may be called that: only then is it asked which of the two it was.
        if e.path == "?" and read_str(path, 2) is None:
            e.unread = FAULT
    else:  # `path` is 0: a read that fails is smaller than clearing all behind the text
        e.path = read_str(path, default="[handle]")
