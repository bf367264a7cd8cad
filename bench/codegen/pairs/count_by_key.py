"""How often each call was made, by whom."""

from __future__ import annotations

from probee import Context, Hash, Struct, raw_tracepoint, u32, u64

ARGUMENTS = {
    "id": ("u64", (1 << 32, 2 << 32, 3 << 32)),
    "call": ("u32", (0, 1, 257)),
}


class Key(Struct):
    pid: u32
    call: u32


class Count(Struct):
    n: u64


counts = Hash(Key, Count, max_entries=6)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    key = Key(pid=ctx.id >> 32, call=ctx.call)
    count = counts.get(key)
    if count is not None:
        count.n += 1
    else:
        counts[key] = Count(n=1)
