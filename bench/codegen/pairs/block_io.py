"""A finished request: a record of many widths, for slow ones only."""

from __future__ import annotations

from probee import (
    Const,
    Context,
    RingBuf,
    Struct,
    current,
    raw_tracepoint,
    s16,
    u8,
    u32,
    u64,
)

ARGUMENTS = {
    "sector": ("u64", (0, 1 << 40)),
    "inserted": ("u64", (0, 100, 100_000)),
    "issued": ("u64", (50, 200, 200_000)),
    "now": ("u64", (0, 1100, 1200, 1 << 40)),
    "op": ("u32", (0, 1, 0x800, 0x10801, 0xFFFFFFFF)),
    "sectors": ("u32", (0, 8, 0xFFFFFFFF)),
    "device": ("u32", (0x800000, 7)),
    "error": ("s32", (0, -5, -110)),
}


class Event(Struct):
    sector: u64
    latency: u64
    queued: u64
    pid: u32
    bytes: u32
    device: u32
    error: s16
    kind: u8
    flags: u8


events = RingBuf(Event, size="64K")
least_ns = Const(u64, 1000)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    issued: u64 = ctx.issued
    inserted: u64 = ctx.inserted
    now: u64 = ctx.now
    op: u32 = ctx.op
    latency = now - issued
    if now < issued or latency < least_ns:
        return 0
    e = events.reserve()
    if e is None:
        return 0
    e.sector, e.latency = ctx.sector, latency
    e.queued = issued - inserted if inserted and inserted <= issued else 0
    e.pid, e.bytes, e.device = current.pid, ctx.sectors << 9, ctx.device
    e.error, e.kind = ctx.error, op & 0xFF
    e.flags = (1 if op & 0x800 else 0) | (2 if op & 0x10000 else 0)
    e.submit()
    return 1
