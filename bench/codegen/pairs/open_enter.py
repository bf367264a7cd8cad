"""The entry of a traced call: keeps its arguments under the thread's id."""

from __future__ import annotations

from probee import Const, Context, Hash, Struct, UserStr, raw_tracepoint, u32, u64

ARGUMENTS = {
    "id": ("u64", tuple(pid << 32 | tid for pid in (1, 2) for tid in range(4))),
    "path": ("u64", (b"/etc/passwd\0", b"/\0")),
    "flags": ("u32", (0, 0x241)),
    "mode": ("u32", (0, 0o644)),
}


class Call(Struct):
    path: UserStr
    flags: u32
    mode: u32


start = Hash(u32, Call, max_entries=4)
only_pid = Const(u32, 0)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    id: u64 = ctx.id
    if only_pid != 0 and only_pid != id >> 32:
        return
    start[u32(id)] = Call(path=ctx.path, flags=ctx.flags, mode=ctx.mode)
