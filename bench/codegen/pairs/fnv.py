"""FNV-1a over the bytes of two words."""

from __future__ import annotations

from probee import Context, raw_tracepoint, u32, u64

ARGUMENTS = {
    "low": ("u64", (0, 1, 0x0123456789ABCDEF, (1 << 64) - 1)),
    "high": ("u64", (0, 0x80, 0xFEDCBA9876543210)),
}


def fnv1a(hash: u32, word: u64) -> u32:
    for _ in range(8):
        hash ^= word & 0xFF
        hash *= 16777619
        word >>= 8
    return hash


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    hash: u32 = 2166136261
    hash = fnv1a(hash, ctx.low)
    return fnv1a(hash, ctx.high)
