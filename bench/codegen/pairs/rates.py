"""Division and remainder, by constants and by numbers that are only known at run time."""

from __future__ import annotations

from probee import Array, Context, raw_tracepoint, u32, u64

ARGUMENTS = {
    "bytes": ("u64", (0, 1500, 1 << 20, 1 << 50)),
    "ns": ("u64", (0, 1, 777, 10**9)),
    "weight": ("u32", (0, 1, 2, 1024, 0xFFFFFFFF)),
}
buckets = Array(u64, max_entries=10)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    bytes: u64 = ctx.bytes
    ns: u64 = ctx.ns
    weight: u32 = ctx.weight
    rate: u64 = 0
    if ns != 0:
        rate = bytes * 1000000 // ns
    if weight > 1:
        rate = rate // weight + rate % weight
    buckets[rate // 1024 % 10] += rate
    return rate // 60 % 60
