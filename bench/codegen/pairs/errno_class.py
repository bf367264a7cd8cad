"""Nested conditions: what to do about the result of a call."""

from __future__ import annotations

from probee import Context, raw_tracepoint, s32, u32, u64

ARGUMENTS = {
    "ret": ("s32", (0, 1, 3, -1, -2, -4, -11, -13, -14, -101, -104, -111, -112, -5000)),
    "flags": ("u32", (0, 1, 4, 64, 68)),
    "took": ("u64", (0, 999, 1000, 999_999, 1_000_000, 1 << 40)),
}


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    ret: s32 = ctx.ret
    flags: u32 = ctx.flags
    took: u64 = ctx.took
    if ret >= 0:
        if took < 1000:
            return 0
        if took < 1000000:
            return 1 if flags & 4 else 2
        return 3 if ret == 0 else 4
    if ret == -11 or ret == -4:
        return 5
    if ret == -2:
        if flags & 64:
            return 6
        return 7 if flags & 3 else 8
    if -112 < ret < -100:
        return 9
    if ret == -1 or ret == -13:
        return 10
    return 12 if ret < -4095 else 11
