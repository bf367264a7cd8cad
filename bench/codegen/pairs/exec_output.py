"""A program was started: who started it, and what; a record as long as its path."""

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
    raw_tracepoint,
    read_str,
    s32,
    u32,
    u64,
)

ARGUMENTS = {
    "id": ("u64", (1 << 32 | 1, 77 << 32 | 78)),
    "ppid": ("u32", (0, 1, 9999)),
    "uid": ("u32", (0, 1000, 1001)),
    "result": ("s32", (0, 0, -2, -13)),
    "when": ("u64", (0, 1 << 60, 123_456_789)),
    "count": ("u32", range(9)),
    "path": ("u64", (b"/bin/sh\0", b"a" * 200 + b"\0", 0)),
}


class Event(Struct):
    pid: u32
    ppid: u32
    uid: u32
    result: s32
    when: u64
    count: u32
    comm: Chars = chars(16)
    path: Chars = chars(4096)


events = RingBuf(Event, size="128K")
scratch = PerCpuArray(Event, max_entries=1)
only_failed = Const(s32, 0)
only_uid = Const(u32, 0xFFFFFFFF)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    result: s32 = ctx.result
    uid: u32 = ctx.uid
    if only_uid != 0xFFFFFFFF and only_uid != uid:
        return
    if only_failed != 0 and result >= 0:
        return
    path: UserStr = ctx.path
    e = scratch[0]
    e.pid, e.ppid, e.uid, e.result = ctx.id >> 32, ctx.ppid, uid, result
    e.when, e.count = ctx.when, ctx.count
    e.comm = current.comm
    e.path = read_str(path, default="?")
    events.output(e)
