"""Bob Jenkins' mix of three words (public domain, 2006), as the kernel uses it."""

from __future__ import annotations

from probee import Context, raw_tracepoint, u32

WORDS = (0, 1, 0xFFFFFFFF, 0x12345678, 0x80000000)
ARGUMENTS = dict.fromkeys(("a", "b", "c", "seed"), ("u32", WORDS))


def rol32(x: u32, n: u32) -> u32:
    return x << n | x >> (32 - n)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    a: u32 = ctx.a
    b: u32 = ctx.b
    c: u32 = ctx.c
    seed: u32 = ctx.seed
    start: u32 = 0xDEADBEEF + (3 << 2) + seed
    a += start
    b += start
    c += start
    c ^= b
    c -= rol32(b, 14)
    a ^= c
    a -= rol32(c, 11)
    b ^= a
    b -= rol32(a, 25)
    c ^= b
    c -= rol32(b, 16)
    a ^= c
    a -= rol32(c, 4)
    b ^= a
    b -= rol32(a, 14)
    c ^= b
    c -= rol32(b, 24)
    return c
