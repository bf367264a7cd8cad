"""The main forms of the language, with the types that checkers must see in them.

mypy and pyright read this file; it is not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from probee import (
    Array,
    Chars,
    Const,
    Context,
    Counter,
    Global,
    Hash,
    LruHash,
    PerCpuArray,
    RingBuf,
    Session,
    Struct,
    UserStr,
    array,
    chars,
    current,
    ktime_get_ns,
    offsetof,
    probe_read_user_str,
    raw_tracepoint,
    read_str,
    s32,
    sizeof,
    tracepoint,
    u32,
    u64,
    window,
)
from probee.contexts import SchedSwitch, SysEnterOpenat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.lang.programs import Program
    from probee.runtime.arrays import LiveArray, LivePerCpuArray
    from probee.runtime.maps import LiveHash
    from probee.runtime.ring import LiveRing
    from probee.runtime.variables import LiveConst, LiveGlobal


class Args(Struct):
    filename: UserStr
    flags: u32


class Open(Struct):
    pid: u32
    ret: s32
    comm: Chars = chars(16)
    args: Args


only = Const(u32, 0)
failed = Const(bool, False)
name = Const(chars(16), "sshd")
total = Global(u64, 0)
label = Global(chars(16), "")
start = Hash(u32, Args)
recent = LruHash(u32, u64)
by_name = Hash(chars(16), u64)
paths = LruHash(chars(16), chars(64))
lines = Hash(u32, chars(64))
hits = Counter(chars(16))
slots = Array(u64, max_entries=4)
counts = PerCpuArray(u64, max_entries=4)
opens = RingBuf(Open, size="1M")


class Line(Struct):
    slots: list[u32] = array(u32, 8)
    starts: list[Args] = array(Args, 2)


def sums(slots: list[u32]) -> u64:
    total: u64 = 0
    for slot in slots:
        total += slot
    return total


def named(path: str) -> str:
    return path


def wanted(pid: u32) -> bool:
    return only == 0 or pid == only


@tracepoint("syscalls:sys_enter_openat")
def enter(ctx: SysEnterOpenat) -> None:
    assert_type(ctx.filename, UserStr)
    assert_type(ctx.flags, int)
    args = Args(ctx.filename, flags=ctx.flags)  # by position and by name, as many as one likes
    empty = Args()
    start[current.tid] = args
    start[only] = empty  # a Const stands for its value
    assert_type(start.get(current.tid), Args | None)
    assert_type(start[1].flags, int)
    start[1].flags += 1
    recent[1] += only + 1
    assert_type(recent.pop(3, None), int | None)
    assert_type(recent.setdefault(3, 4), int)
    assert_type(slots.get(0), int | None)
    slots[0] += ktime_get_ns()
    by_name["bash"] = 1
    by_name[current.comm] += hits["x"]
    hits[current.comm] += 1
    assert_type(by_name.get("sh"), int | None)
    lines[1] = "x"
    lines[2] = current.comm
    assert_type(paths["x"], str)
    path = read_str(ctx.filename, 64)
    assert_type(path, Chars | None)
    kind: str = chars(16)
    kind = named(path) if path is not None else "none"
    by_name[kind] = sums(Line(slots=[1, 2]).slots)
    numbers: list[u32] = array(u32, 4)
    numbers[-1] += len(numbers)
    for point in Line().starts:
        assert_type(point, Args)
    assert_type(total.value, int)
    assert_type(label.value, str)
    total.value += sizeof(Args)
    assert_type(offsetof(Open, "args.flags"), int)
    sent = Open(pid=1)
    assert_type(opens.output(sent), bool)
    assert_type(opens.output(sent, sizeof(Open)), bool)
    assert_type(probe_read_user_str(window(sent.comm, 4, 8), 8, 0), int)


@tracepoint("sched:sched_switch")
def switch(ctx: SchedSwitch) -> None:
    assert_type(ctx.prev_comm, Chars)
    event = opens.reserve()
    assert_type(event, Open | None)
    if event is not None:
        event.comm = ctx.prev_comm
        event.comm = "any text"
        event.comm = read_str(event.args.filename, default="?")
        assert_type(event.comm, Chars)
        assert_type(event.comm.cut, bool)
        if event.comm == name or event.comm.startswith("k") or "x" in current.comm:
            event.discard()
        else:
            event.submit()
    half: u32 = only // 2 + 7 % only - (1 << only) + ~only - -only
    if failed and 1 < only <= half and wanted(only):
        total.value = min(int(only), 3)


@raw_tracepoint("sys_enter")
def raw(ctx: Context) -> None:
    assert_type(ctx.anything, Any)


def user_side() -> None:
    assert_type(enter, Program)
    sizes = {opens: "8M"}
    consts = {only: 3}
    with Session(enter, switch, raw, consts=consts, map_sizes=sizes) as session:
        assert_type(session[opens], LiveRing[Open])
        assert_type(session[opens].drain(), Iterator[Open])
        assert_type(session[start], LiveHash[int, Args])
        assert_type(session[by_name], LiveHash[str, int])
        assert_type(session[lines], LiveHash[int, str])
        assert_type(session[recent], LiveHash[int, int])
        assert_type(session[slots], LiveArray[int])
        assert_type(session[counts], LivePerCpuArray[int])
        assert_type(session[counts][0], list[int])
        assert_type(session[total], LiveGlobal[int])
        assert_type(session[label].value, str)
        assert_type(session[only], LiveConst[int])
        assert_type(session[failed].value, bool)
        assert_type(session[name].value, str)
    with Session(enter, consts={only: 1, failed: True, name: "x"}) as session:
        for event in session[opens].drain():
            print(event.pid, event.comm, event.args.flags)
