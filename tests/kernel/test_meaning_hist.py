"""Histograms count in the kernel, and in the simulator, what they count in CPython."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.test_meaning import ROUNDS
from tests.meaning.compare import check

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Context, Counter, Global, Hist, Struct, raw_tracepoint, s8, s16, s32, s64, u8, u16, u32, u64,
)

total = Global(s64, 0)

class Key(Struct):
    a: u16
    b: s64
"""
NAMED = {
    "values of every type": """
h = Hist()

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    h.add(ctx.a)
    h.add(ctx.b, 2)
    h.add(ctx.c)
    h.add(ctx.d)
    h.add(ctx.e)
    h.add(ctx.f)
    h.add(ctx.g)
    h.add(ctx.h)
    h.add(ctx.h < ctx.d, count=3)
    h.add(ctx.a * 7 - ctx.b)
    h.add(-5)
    h.add(18446744073709551615)
    return 0
""",
    "linear ones, below, inside, above": """
around = Hist(linear=(-10, 12, 5))
far = Hist(linear=(100, 9000, 1000))
single = Hist(linear=(0, 7, 1))
below = Hist(linear=(-20, -3, 2))

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(-14, 14, 3):
        around.add(i)
    around.add(ctx.d)
    around.add(u64(ctx.b))
    around.add(11)
    around.add(12)
    far.add(u64(ctx.h))
    far.add(ctx.h)
    far.add(ctx.c * 100)
    single.add(ctx.f & 15)
    single.add(ctx.b)
    below.add(ctx.b)
    below.add(u64(ctx.b))
    below.add(u8(ctx.b))
    return 0
""",
    "by key": """
h = Hist(u8, max_entries=100)
by_struct = Hist(Key, linear=(0, 50, 10))

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    h[ctx.c & 3].add(ctx.e)
    h[ctx.c & 3].add(ctx.h, u8(ctx.f))
    by_struct[Key(a=ctx.c & 1)].add(ctx.g)
    k = Key(a=7, b=ctx.b & 1)
    by_struct[k].add(ctx.d)
    by_struct[k].add(3)
    return 0
""",
    "a struct as the key beside calls": """
h = Hist(Key, max_entries=100)
seen = Counter(Key, max_entries=100)

def weigh(k: Key) -> u64:
    seen[k] += 1
    return seen[k] + k.a

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    k = Key(a=ctx.c & 1)
    h[k].add(weigh(k), weigh(k))
    k.b = 1
    h[k].add(weigh(k))
    seen[k] *= weigh(k)
    return seen[k]
""",
    "the key before the value, the value before the count": """
h = Hist(u8)

def note(n: u8) -> u8:
    total.value = total.value * 10 + n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    h[note(1)].add(note(2), note(3))
    return total.value
""",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    check(HEADER + NAMED[name], ROUNDS, {}, tmp_path / "meaning_hist.py")
