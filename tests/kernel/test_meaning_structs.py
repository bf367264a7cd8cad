"""Structs, arrays in them and text mean in the kernel what CPython makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.test_meaning import ROUNDS
from tests.meaning.compare import check

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Array, Chars, Const, Context, Global, Hash, RingBuf, Struct, array, chars, raw_tracepoint,
    s8, s16, s32, s64, u8, u16, u32, u64,
)

class P(Struct):
    x: u32
    y: s16

class E(Struct):
    n: u64
    slots: list[u32] = array(u32, 6)
    small: list[s8] = array(s8, 8)
    points: list[P] = array(P, 3)
    grid: list[list[u16]] = array(array(u16, 3), 2)
    tail: u32

m = Hash(u32, E, max_entries=8)
kept = Array(E, max_entries=2)
ring = RingBuf(E, size="4K")
total = Global(u64, 0)

"""
NAMED = {
    "elements by constant and variable index, on the stack": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E(n=1, tail=9)
    e.slots[0] = 5
    e.slots[-1] = ctx.c
    e.slots[ctx.g & 3] += 7
    e.small[ctx.e & 7] = ctx.h
    e.small[ctx.e & 7] -= 100
    e.points[ctx.g % 3].x = 4
    e.points[-2].y = ctx.f
    e.grid[ctx.g & 1][ctx.e % 3] = 70000 & ctx.e
    m[1] = e
    return e.slots[ctx.g & 3] + e.small[-1] + e.grid[1][ctx.e % 3]
""",
    "indices that may be negative, or outside": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    for i in range(6):
        e.slots[i] = i * 10
    total.value += e.slots[ctx.h]
    e.slots[ctx.d] += 1
    total.value += e.slots[ctx.d - 3] + e.slots[ctx.d % 5 - 5]
    m[0] = e
    return e.slots[ctx.e]
""",
    "an index past 2^63 is outside, not negative": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    e.slots[5] = 3
    return e.slots[ctx.a]
""",
    "elements in maps and ring records": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[ctx.g & 3] = E(n=2)
    m[ctx.g & 3].slots[ctx.g % 6] = 6
    m[ctx.g & 3].points[ctx.c % 3].y -= ctx.f
    kept[ctx.g & 1].small[ctx.h] = ctx.h
    kept[1].slots[5] += 1
    if (r := ring.reserve()) is not None:
        r.slots[ctx.g % 6] = ctx.c
        r.slots[(ctx.g + 1) % 6] += r.slots[ctx.g % 6]
        r.points[ctx.c % 3].x = len(r.slots) + len(r.grid) + len(r.grid[0])
        r.submit()
    return m[ctx.g & 3].slots[ctx.g % 6]
""",
    "loops over arrays see what the body writes": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    for i in range(6):
        e.slots[i] = i
    i = 0
    for x in e.slots:
        i += 1
        if i < 6:
            e.slots[i] += x * 2
        if x == ctx.g:
            break
        total.value += x
    else:
        total.value += 1000
    for p in e.points:
        p.x += i
        i += 1
        if i == 8:
            continue
        p.y = -1
    for row in e.grid:
        for cell in row:
            total.value += cell
        row[1] = i
    m[2] = e
    return i
""",
    "an element is an object": """
def bump(p: P) -> None:
    p.x += 3

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    p = e.points[1]
    p.x = 4
    bump(e.points[ctx.g % 3])
    q = p
    q.y = 5
    e.points[0] = P(x=ctx.c)
    xs = e.slots
    xs[2] = 8
    m[3] = e
    return e.points[1].x + e.slots[2]
""",
    "whole arrays are copied": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    for i in range(6):
        e.slots[i] = ctx.c + i
    e.grid[1][2] = 7
    f = E(slots=e.slots, grid=e.grid, n=4)
    m[3] = f
    kept[0].points = m[3].points
    return e.slots[ctx.g % 6]
""",
    "a number in an array": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    for i in range(8):
        e.small[i] = i - 4
    e.slots[3] = ctx.e
    return (
        (ctx.h in e.small) + (ctx.a in e.small) * 2 + (ctx.e in e.slots) * 4
        + (-1 in e.slots) * 8 + (ctx.d not in e.slots) * 16
    )
""",
    "an index that a division bounds, where nothing stands behind": """
class Last(Struct):
    n: u32
    slots: list[u32] = array(u32, 5)

last = Hash(u32, Last, max_entries=4)
records = RingBuf(Last, size="4K")

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = Last()
    i = ctx.e % 5
    e.slots[i] = 3
    e.slots[ctx.f // 8192 + 2] += 1
    last[0] = e
    last[0].slots[ctx.a % 5] += 1
    if (r := records.reserve()) is not None:
        r.slots[ctx.c // 900000000] = 4
        r.slots[ctx.b % 5] += 1
        r.submit()
    for i in range(5):
        last[0].slots[i] += i
    return i
""",
    "one of several numbers": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    found = m.get(ctx.g)
    return (ctx.h in (1, ctx.d, -128)) + (ctx.a not in (0, 2**0, -1)) * 2 + (found in (None,)) * 4
""",
    "structs and arrays compared": """
class Q(Struct):
    p: P
    names: list[Chars] = array(chars(8), 2)
    long: list[u16] = array(u16, 20)

def made(x: u32, y: s16) -> P:
    return P(x=x, y=y)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    a = Q(p=made(ctx.g, ctx.f))
    b = Q(p=P(ctx.c, ctx.d))
    a.names[1] = "x"
    a.long[ctx.g % 20] = 3
    b.names[1] = "y"
    b.long[ctx.g % 20] = 3
    first = a == b
    b.names[1] = "x"
    second = a == b
    b.long[19] += 1
    e = E()
    e.points[ctx.g % 3] = made(ctx.c & 3, 1)
    kept[0].points = e.points
    return (
        first + second * 2 + (a == b) * 4 + (a.p != b.p) * 8 + (a.names == b.names) * 16
        + (made(1, 1) in e.points) * 32 + (a.p == made(ctx.c, ctx.f)) * 64
        + (kept[0].points == e.points) * 128 + (a == a) * 256
    )
""",
    "parts by reference and by copy": """
class Q(Struct):
    p: P
    q: P
    all: list[P] = array(P, 2)

def turned(p: P) -> P:
    p.y = -p.y
    return p

def fresh(p: P) -> P:
    return P(x=p.x + 1, y=p.y)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    q = Q()
    inner = q.p
    inner.x = ctx.c
    q.p.y = ctx.f
    turned(inner).x += 1
    q.q = fresh(q.p)
    q.all[1] = fresh(turned(q.q))
    kept[1].points[0] = fresh(turned(q.p))
    kept[1].points[0].x += 1
    p = kept[1].points[0]
    p.y += 1
    return (inner.x ^ q.all[1].x) + q.p.y + kept[1].points[0].x + kept[1].points[0].y
""",
    "arrays as values and keys": """
rows = Hash(u32, array(u16, 5), max_entries=4)
wide = Array(array(array(s32, 2), 2), max_entries=3)
tuples = Hash(array(u8, 3), u32, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    row: list[u16] = array(u16, 5)
    row[ctx.g % 5] = ctx.e
    rows[1] = row
    rows[1][ctx.g % 5] += 1
    wide[ctx.g % 3][ctx.c & 1][ctx.e & 1] += 2
    key: list[u8] = array(u8, 3)
    key[ctx.g % 3] = ctx.g
    tuples[key] = tuples.setdefault(key, 1) + 1
    found = 0
    taken = rows.pop(1, None)
    if taken is not None:
        for n in taken:
            found += n
    other: list[u16] = array(u16, 5)
    return found + len(rows.setdefault(2, other))
""",
    "elements swap": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    e.slots[1] = 1
    e.slots[2] = 2
    i = ctx.g % 6
    e.slots[i], e.slots[2] = e.slots[2], e.slots[i]
    m[1] = e
    return 0
""",
    "the index is computed behind the value, before the store": """
log = Global(u64, 0)

def note(n: u32) -> u32:
    log.value = log.value * 10 + n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    e.slots[note(2)] = note(3)
    e.slots[note(4)] += note(5)
    e.slots[note(1)], e.n = note(6), e.slots[note(2)]
    m[1] = e
    return 0
""",
    "structs that come back in tuples keep their memory": """
def two(n: u32) -> tuple[P, P]:
    return P(x=n, y=1), P(x=n + 1, y=2)

def deeper(n: u32):
    return (P(x=n), n + 1), P(x=n + 2)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    a, b = two(ctx.e & 7)
    c = P(x=100, y=3)
    (d, n), f = deeper(ctx.g)
    g = P(x=200, y=4)
    h = P(x=300, y=5)
    first = a.x * 1000 + b.x * 100 + c.y + a.y * 7 + b.y * 11 + g.y + h.y
    return first * 1000 + d.x + n * 300 + f.x * 7
""",
    "a parameter that is None in one call, a struct in another": """
def f(p: P | None = None, k: u32 = 3) -> u32:
    if p is None:
        return k
    p.x += 1
    return p.x

def g(p: P | None) -> u32:
    return f(p) if p is not None and p.x > 4 else f()

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p = P(x=ctx.g)
    return f() + f(p) * 10 + f(k=5) * 100 + g(None) * 1000 + g(p) * 10000
""",
    "a reference that is None now": """
pairs = Hash(u32, P, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    pairs[ctx.e & 1] = P(x=3)
    p = pairs.get(1)
    q = pairs.get(0)
    q = None
    if q is None:
        total.value += 1
    if ctx.g & 1:
        p = None
    return 0 if p is None else p.x
""",
    "sorted in place": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    e = E()
    for i in range(6):
        e.slots[i] = (ctx.c >> u32(i * 3)) & 15
    for i in range(6):
        for j in range(5 - i):
            if e.slots[j] > e.slots[j + 1]:
                e.slots[j], e.slots[j + 1] = e.slots[j + 1], e.slots[j]
    i = 0
    while i < len(e.slots) - 1:
        total.value = total.value * 16 + e.slots[i]
        i += 1
    return e.slots[i]
""",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    check(HEADER + NAMED[name].replace("2**0", "1"), ROUNDS, {}, tmp_path / "meaning_structs.py")
