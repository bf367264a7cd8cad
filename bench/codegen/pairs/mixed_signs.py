"""Sums, differences and comparisons of 32-bit numbers with and without sign."""

from __future__ import annotations

from probee import Array, Context, raw_tracepoint, s32, s64, u32

NUMBERS = (0, 1, -1, 7, -8, 0x7FFFFFFF, -0x80000000)
ARGUMENTS = {
    "a": ("s32", NUMBERS),
    "b": ("s32", NUMBERS),
    "c": ("u32", (0, 1, 0xFFFFFFFF, 0x80000000)),
    "d": ("u32", (0, 2, 0xFFFFFFFE)),
}
total = Array(s64, max_entries=1)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> s32:
    a: s32 = ctx.a
    b: s32 = ctx.b
    c: u32 = ctx.c
    d: u32 = ctx.d
    sum = s64(a) + b
    if sum < 0:
        sum = -sum
    if c > d:
        sum += c - d
    else:
        sum -= d - c
    if a < 0 and c > a:
        sum ^= c
    total[0] += sum
    return s32(sum) >> 3
