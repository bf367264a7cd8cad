"""The exit of a traced call: a record of it, and what the entry kept is given back."""

from __future__ import annotations

from probee import (
    Chars,
    Context,
    Hash,
    RingBuf,
    Struct,
    UserStr,
    chars,
    current,
    raw_tracepoint,
    read_str,
    s32,
    s64,
    u32,
)

ARGUMENTS = {
    "key": ("u32", range(6)),
    "ret": ("s64", (-2, -1, 0, 3, 1 << 31)),
    "path": ("u64", (0, b"/etc/passwd\0", b"/" * 62 + b"\0", b"/" * 80 + b"\0", 8)),
    "flags": ("u32", (0, 0x241)),
    "begins": ("u64", (0, 1)),
}


class Call(Struct):
    path: UserStr
    flags: u32
    mode: u32


class Event(Struct):
    pid: u32
    tid: u32
    uid: u32
    ret: s32
    flags: u32
    comm: Chars = chars(16)
    path: Chars = chars(64)
    padding: u32


start = Hash(u32, Call, max_entries=64)
events = RingBuf(Event, size="64K")


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    key: u32 = ctx.key
    ret: s64 = ctx.ret
    if ctx.begins:
        start[key] = Call(path=ctx.path, flags=ctx.flags, mode=0)
        return
    call = start.get(key)
    if call is None:
        return
    if (e := events.reserve()) is not None:
        e.pid, e.tid, e.uid, e.ret = current.pid, current.tid, current.uid, ret
        e.flags = call.flags
        e.comm = current.comm
        e.path = read_str(call.path, default="?")
        e.submit()
    start.pop(key, None)
