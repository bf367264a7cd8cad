"""Atomics, and variables of each CPU, do step by step what Python would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.test_meaning import ROUNDS
from tests.kernel.test_meaning_maps import HEADER
from tests.meaning.compare import check

pytestmark = pytest.mark.kernel

NAMED = {
    "atomics on every kind of place": """
m = Hash(u32, s32, max_entries=8)
a = Array(u64, max_entries=4)
r = Hash(u32, Point, max_entries=8)
low = Global(u32, 7)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.d
    atomic_add(m[1], ctx.b)
    atomic_add(a[ctx.g & 3], ctx.a)
    atomic_and(a[1], ctx.i)
    atomic_or(total.value, ctx.h)
    atomic_xor(low.value, ctx.c)
    r[0] = Point(x=ctx.c, y=ctx.b)
    p = r.get(0)
    if p is not None:
        atomic_add(p.x, ctx.e)
        atomic_add(p.y, -3)
        total.value += p.y
    q = Point(x=5)
    atomic_or(q.x, ctx.g)
    return m[1] + q.x
""",
    "atomics that give what was there": """
m = Hash(u32, s32, max_entries=8)
r = Hash(u32, Point, max_entries=8)
low = Global(u32, 7)
log = Global(u64, 0)

def note(n: u32) -> u32:
    log.value = log.value * 10 + n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.d
    r[0] = Point(x=ctx.c)
    got: s32 = atomic_fetch_add(m[note(1)], note(2) + ctx.b)
    got += atomic_fetch_and(r[0].x, ctx.c) + atomic_fetch_or(low.value, ctx.c)
    got += atomic_fetch_xor(total.value, ctx.b)
    got += atomic_exchange(m[1], ctx.b)
    got += atomic_exchange(total.value, ctx.d)
    atomic_fetch_add(low.value, 1)
    atomic_exchange(low.value, low.value + 1)
    return got * 5 + m[1]
""",
    "compare and exchange": """
m = Hash(u32, s32, max_entries=8)
low = Global(u32, 7)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = -1
    a = atomic_compare_exchange(m[1], ctx.d, ctx.b)
    b = atomic_compare_exchange(m[1], -1, 8)
    c = atomic_compare_exchange(low.value, 7, ctx.c)
    if atomic_compare_exchange(total.value, ctx.h, ctx.b) == ctx.h:
        total.value += 1
    atomic_compare_exchange(low.value, ctx.c, 7)
    return a + b * 10 + c + m[1]
""",
    "an atomic of a missing key": """
m = Hash(u32, s32, max_entries=8)
log = Global(u64, 0)

def note(n: u32) -> u32:
    log.value += n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[0] = 2
    atomic_add(m[ctx.g & 1], note(3))
    return m[0]
""",
    "variables of each CPU": """
mine = PerCpuGlobal(u32, 7)
flag = PerCpuGlobal(bool, False)
wide = PerCpuGlobal(s64, -3)
m = Hash(u32, u32, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    before = wide.value
    mine.value += ctx.c
    wide.value = ctx.b + mine.value
    flag.value = not flag.value
    m[mine.value & 3] = mine.value
    atomic_add(wide.value, 2)
    got = atomic_fetch_add(mine.value, 1)
    if flag.value and ctx.g:
        mine.value //= ctx.g
    return before + wide.value + got
""",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    check(HEADER + NAMED[name], ROUNDS, {}, tmp_path / "meaning_atomics.py")
