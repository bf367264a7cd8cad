"""Programs that `make fuzz` once failed on, made small: each with the mistake it showed.

In: nothing. Out: `FOUND`, run in all legs by tests/kernel/test_meaning.py and without a kernel by
tests/unit/sim/test_meaning.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.meaning.expressions import ARGUMENTS


class Found(NamedTuple):
    """`rounds`: arguments of each run; `source` stands behind the imports of `header.IMPORTS`."""

    isa: int
    consts: Mapping[str, int]
    rounds: Sequence[Mapping[str, int]]
    source: str


ZEROES = dict.fromkeys(ARGUMENTS, 0)
FOUND = {
    "a negative constant that is set at load (seed 5104)": Found(
        1,
        {"limit": -20},
        [ZEROES],
        """
limit = Const(s8, 1)

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    return limit
""",
    ),
    "a while loop whose condition branches as its body does: too large (seed 30178)": Found(
        3,
        {},
        [ZEROES],
        """
numbers = Hash(s8, s32, max_entries=1)
total = Global(s16, 0)

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    vh = ctx.h
    vf = ctx.f
    va = 0
    ve = ctx.e
    n0 = 0
    w3 = 0
    while w3 < 59 and (bool(va) + (5 >> (ve & 7)) not in numbers or ctx.e != n0):
        w3 += 1
        if n0 > vf:
            total.value += 1
        va, n0 = (~15 - (total.value + ctx.j), (va := s32(ctx.g >= vh)))
    return va
""",
    ),
    "a test for None where a constant rules the code out (seed 300469)": Found(
        3,
        {},
        [ZEROES],
        """
numbers = Hash(s8, u64, max_entries=8)
mode = Const(u8, 0)
last = Global(u64, 0)

def q0(n: u64 | None = None) -> u64:
    if n is None:
        return 1
    return n

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    if mode:
        last.value = q0(numbers.get(0))
        m = numbers.get(1)
        if m is None:
            return 2
        for i in range(3):
            k = numbers.get(i)
            if k is None:
                continue
            last.value += k
        last.value += m
    return 3
    x = numbers.get(2)
    if x is not None:
        return x
    if x is None:
        return 5
""",
    ),
    "bool() of text and of what may be None (seed 403)": Found(
        4,
        {},
        [ZEROES, dict.fromkeys(ARGUMENTS, 1)],
        """
class P(Struct):
    p: u8
    t: Chars = chars(16)

numbers = Hash(s8, s32, max_entries=8)

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    sp = P(p=1)
    here = bool(numbers.get(0)) + bool(numbers.get(1)) * 2
    numbers[ctx.g] = ctx.d
    if ctx.a:
        sp.t = "abc"
    return here + bool(sp.t) * 4 + bool(current.comm) * 8 + bool("") * 16
""",
    ),
    "loops and comparisons that took the verifier more than a million instructions": Found(
        4,
        {},
        [ZEROES, dict.fromkeys(ARGUMENTS, 7)],
        """
total = Global(u64, 0)
numbers = Hash(u32, u32, max_entries=64)

def f0(a: s64, b: s64) -> u32:
    for i in range(-15, 25):
        if i > a:
            total.value += 1
        if 1 in numbers:
            a = s64(numbers[1])
        else:
            b = i
    if b >= a:
        return u32(b & 65535)
    return u32(a - b)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    x = f0(ctx.b, ctx.h)
    y = f0(ctx.h, f0(s64(x), ctx.c))
    z = f0(s64(y), f0(f0(ctx.d, x), y))
    n = 3
    vg: s64 = ctx.g
    vh: s64 = ctx.h
    while n < 69:
        n += 3
        if u32(ctx.g) >= 77:
            total.value += 1
        if ctx.b <= n:
            total.value += 3
        if not (ctx.b - ctx.f):
            continue
        vh, vg = s16(vg % (vh | 1)) ^ 2, s8(n)
    if x == 3 or y == 7 or z == 9:
        total.value += 7
    return s64(x ^ y ^ z) ^ vg ^ vh
""",
    ),
    "a constant set at load, taken as a number of the other sign (seed 1001412)": Found(
        3,
        {"limit": 32768, "small": -1},
        [ZEROES],
        """
limit = Const(u16, 0)
small = Const(s8, 0)
result = Global(u64, 0)

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    signed = s16(limit)
    unsigned = u8(small)
    wide = s32(limit)
    result.value = signed
    return unsigned * 100000 + wide
""",
    ),
}
