"""How long calls took, in buckets of powers of two."""

from __future__ import annotations

from probee import Array, Context, Hash, raw_tracepoint, s64, u32, u64

ARGUMENTS = {
    "tid": ("u32", (1, 2, 3)),
    "now": ("u64", (0, 1_000, 65_537, 5_000_000, 1 << 33, 1 << 45, 1 << 62)),
    "begins": ("u64", (0, 1)),
}
SLOTS = 26
start = Hash(u32, u64, max_entries=8)
hist = Array(u64, max_entries=SLOTS)


def log2(v: u32) -> u32:
    r: u32 = u32(v > 0xFFFF) << 4
    v >>= r
    shift: u32 = u32(v > 0xFF) << 3
    v >>= shift
    r |= shift
    shift = u32(v > 0xF) << 2
    v >>= shift
    r |= shift
    shift = u32(v > 0x3) << 1
    v >>= shift
    r |= shift
    return r | v >> 1


def log2l(v: u64) -> u32:
    high: u32 = v >> 32
    return log2(high) + 32 if high else log2(u32(v))


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    tid: u32 = ctx.tid
    now: u64 = ctx.now
    if ctx.begins:
        start[tid] = now
        return
    began = start.get(tid)
    if began is None:
        return
    delta: s64 = now - began
    if delta >= 0:
        hist[min(log2l(u64(delta) // 1000), SLOTS - 1)] += 1
    start.pop(tid, None)
