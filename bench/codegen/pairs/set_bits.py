"""Which CPUs of a mask are set: how many, the first, the last."""

from __future__ import annotations

from probee import Context, raw_tracepoint, u32, u64

ARGUMENTS = {"mask": ("u64", (0, 1, 0x80000000, 0xF0F0, (1 << 64) - 1, 1 << 63))}


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    mask: u64 = ctx.mask
    count: u32 = 0
    first: u32 = 64
    last: u32 = 64
    for i in range(64):
        if mask & 1:
            if first == 64:
                first = i
            last = i
            count += 1
        mask >>= 1
        if mask == 0:
            break
    return first | last << 8 | count << 16
