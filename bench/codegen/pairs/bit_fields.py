"""Flags and small numbers, packed into a word and taken out of it."""

from __future__ import annotations

from probee import Context, raw_tracepoint, u32

ARGUMENTS = {
    "word": ("u32", (0, 0x00FFF031, 0x12345678, 0xFFFFFFFF, 0x80000001)),
    "change": ("u32", (0, 2, 0x3F0002, 0xFFFFFFFF)),
}
KIND_SHIFT = 4
SIZE_SHIFT = 12
WRITE = 1
SYNC = 2
DIRECT = 8


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    word: u32 = ctx.word
    change: u32 = ctx.change
    kind = word >> KIND_SHIFT & 0xFF
    size = word >> SIZE_SHIFT & 0xFFF
    flags = word & 0xF
    if flags & WRITE:
        flags |= change & SYNC
    else:
        flags &= ~SYNC
    if kind == 3:
        flags ^= DIRECT
    size = min(size + (change >> 16 & 0x3F), 0xFFF)
    return word & 0xFF000000 | size << SIZE_SHIFT | kind << KIND_SHIFT | flags
