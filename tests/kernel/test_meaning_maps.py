"""Every kind of map means in the kernel what its counterpart in Python means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.test_meaning import ROUNDS
from tests.meaning.compare import check

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Array, BloomFilter, Context, Counter, Global, Hash, LpmTrie, LruHash, LruPerCpuHash,
    PerCpuArray, PerCpuHash, Queue, Stack, Struct, raw_tracepoint, atomic_add, atomic_and,
    atomic_or, atomic_xor, atomic_fetch_add, atomic_fetch_and, atomic_fetch_or, atomic_fetch_xor,
    atomic_exchange, atomic_compare_exchange, PerCpuGlobal, chars,
    s8, s16, s32, s64, u8, u16, u32, u64,
)

class Point(Struct):
    x: u32
    y: s64

class Pair(Struct):
    a: u8
    p: Point
    b: bool

class Prefix(Struct):
    prefixlen: u32
    address: u32

total = Global(s64, 0)
"""
NAMED = {
    "get with a default": """
m = Hash(u32, s16, max_entries=8)
wide = Hash(u64, u64, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    a = m.get(ctx.c & 3, -1)
    b = wide.get(u64(ctx.c & 1), ctx.b)
    m[ctx.c & 1] = a + 5
    wide[0] = u64(b) * 3 + 1
    c = m.get(9, None)
    return a * 100 + b + (1 if c is None else 2) + m.get(7, ctx.h)
""",
    "an array's get, with a default": """
a = Array(s16, max_entries=4)
own = PerCpuArray(u16, max_entries=4)
names = Array(chars(16), max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    a[ctx.g & 3] = ctx.f
    own[ctx.c & 3] += ctx.e
    names[ctx.g & 3] = "one"
    for i in range(6):
        total.value = total.value * 3 + a.get(i, -7) + own.get(i, ctx.h)
    name = names.get(ctx.b)
    if name is not None and name == "one":
        total.value += 1
    return total.value + a.get(ctx.a, 5) + a.get(-1, 6)
""",
    "numbers that may be None are equal or not": """
m = Hash(u32, s32, max_entries=8)
n = Hash(u32, u64, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.d
    n[2] = ctx.a
    x = m.get(ctx.g & 3)
    y = n.get(ctx.c & 3)
    r = (x == 1) + (x == y) * 2 + (y != 0) * 4 + (0 == x) * 8 + (x != y) * 16
    r += (m.get(2) == n.get(1)) * 32 + (m.get(1) == n.get(2)) * 64
    if x == 1:
        r += x * 1000
    if x != 0:
        r += 5000
    elif y == x:
        r += x + y
    if x == y and x == 0:
        r += 9000 + x
    if x in (1, 2, y) or x == None:
        r += 20000
    match x:
        case None:
            r += 1
        case 2:
            r += 2
        case -1:
            r += x
    z = x if x == 2 else 7
    k: s16 | None = None
    for i in range(3):
        if k == i:
            k += 1
        elif k != x:
            k = i
    return r + z + (k or 0)
""",
    "bools that may be None are equal or not": """
m = Hash(u32, bool, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.d > 2
    x = m.get(ctx.g & 1)
    return (x == True) + (x == False) * 2 + (x != 1) * 4 + (x == (ctx.c > 2)) * 8
""",
    "text that may be None has a truth": """
m = Hash(u32, chars(8), max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    if ctx.c & 2:
        m[1] = "ab"
    else:
        m[1] = ""
    t = m.get(ctx.g & 1)
    if t:
        total.value += 1 + (t == "ab") * 100
    if not t:
        total.value += 2
    if t is not None and not t:
        total.value += 4
    if t and t.startswith("a"):
        total.value += 8
    return total.value + (1 if t else 0)
""",
    "pop in all its forms": """
m = Hash(u32, s16, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.f
    m[2] = 7
    a = m.pop(1, 100)
    b = m.pop(1, 100)
    c = m.pop(2)
    d = m.pop(3, None)
    m[4] = 9
    m.pop(4)
    if d is None:
        total.value += 1
    total.value += a + b * 3 + c
    return m.pop(ctx.g & 1)
""",
    "pop of a key that is missing, as a statement": """
m = Hash(u32, u32, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[0] = 1
    m.pop(ctx.g & 1)
    return 5
""",
    "pop of a struct is a copy": """
m = Hash(u32, Pair, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[ctx.g & 1] = Pair(a=ctx.g, p=Point(x=ctx.c, y=ctx.b), b=True)
    found = m.pop(1, None)
    if found is None:
        return 1
    m[2] = Pair(a=3)
    found.p.y += 1
    taken = m.pop(2)
    taken.a += found.a
    m[3] = taken
    return found.p.y + found.p.x + found.b + taken.a
""",
    "pop of a struct in a condition": """
m = LruHash(u32, Point, max_entries=64)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(4):
        m[i] = Point(x=i, y=ctx.b)
    if (p := m.pop(ctx.c & 7, None)) is not None and p.x > 1:
        return p.y
    return m.pop(0).x
""",
    "a hash without memory set aside, of booleans": """
m = Hash(s8, bool, max_entries=300, prealloc=False)
r = LruHash(u64, s32, max_entries=64, common_lru=False)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[ctx.h] = ctx.g
    m[1] = not m.get(1, False)
    r[ctx.a & 1] = ctx.d
    return (m[ctx.h] and ctx.h not in m) + m[1] * 2 + r[ctx.a & 1]
""",
    "this CPU's entries": """
m = PerCpuHash(u32, s64, max_entries=8)
s = LruPerCpuHash(u32, Point, max_entries=64)
a = PerCpuArray(u32, max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[0] = m.get(0, 0) + ctx.b
    m[ctx.c & 3] = m.setdefault(2, 5) + 1
    m[0] += 2
    s[1] = Point(x=ctx.c)
    p = s.get(1)
    if p is not None:
        p.y = ctx.d
    a[ctx.g & 3] += 1
    if 2 in m:
        del m[2]
    return m[0] + s[1].y + a[1]
""",
    "a counter": """
c = Counter(u32, max_entries=64)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    before = c[ctx.c & 3]
    c[ctx.c & 3] += ctx.d
    c[ctx.c & 3] -= ctx.g
    c[5] += 0
    c[6] -= ctx.b
    c[7] *= 3
    c[8] |= ctx.e
    c[8] ^= c[6]
    c[9] = ctx.b
    c[9] //= 2
    del c[9]
    del c[77]
    found = c.get(5)
    missing = c.get(78)
    return (
        before + c[5] + c[99] + (5 in c) + (99 in c) * 2 + c.get(50, 11) + c.pop(7, 3)
        + (found is not None) * 100 + (missing is None) * 1000
    )
""",
    "a counter by struct, on each CPU": """
c = Counter(Point, max_entries=64, per_cpu=True)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p = Point(x=ctx.c & 1, y=ctx.h)
    for i in range(3):
        c[p] += i + ctx.f
    c[Point()] += c[p]
    return c[p] + c[Point()]
""",
    "the amount is computed before it is added": """
c = Counter(u32, max_entries=64)
log = Global(u64, 0)

def note(n: u32) -> u32:
    log.value = log.value * 10 + n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    c[note(1)] += note(2) + note(3)
    c[note(4)] *= note(5)
    return c[note(1)]
""",
    "a queue": """
q = Queue(s32, max_entries=3)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    fits = q.push(ctx.d)
    first = q.peek()
    if q.push(ctx.h):
        total.value += 1
    q.push(7)
    if ctx.g & 1:
        q.push(8)
        for i in range(4):
            if (n := q.pop()) is None:
                break
            total.value += n & 3
    if first is None:
        return -1
    return first * 2 + fits
""",
    "a stack": """
q = Stack(u64, max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(3):
        q.push(ctx.a + i)
    top, under = q.pop(), q.pop()
    if top is None or under is None:
        return 0
    return s64(top) * 3 - s64(under)
""",
    "queues of structs": """
q = Queue(Pair, max_entries=8)
m = Hash(u32, Pair, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    q.push(Pair(a=ctx.g, p=Point(x=1, y=ctx.b)))
    q.push(Pair(a=5))
    if (seen := q.peek()) is not None:
        total.value = seen.p.y + seen.a
    return total.value
""",
    "what is taken out of a queue goes into a map": """
q = Queue(Pair, max_entries=8)
m = Hash(u32, Pair, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    q.push(Pair(a=ctx.g, p=Point(x=1, y=ctx.b)))
    q.push(Pair(a=5))
    got = q.pop()
    if got is None:
        return 1
    value = got.p.y
    got.p.y += 3
    got.b = True
    m[0] = got
    for i in range(2):
        rest = q.pop()
        if rest is not None:
            total.value += rest.a
    return got.p.y + value
""",
    "text taken out of maps": """
q = Queue(chars(16), max_entries=8)
m = Hash(u32, chars(16), max_entries=8)
c = Counter(chars(8), max_entries=8)
b = BloomFilter(chars(8), max_entries=1000)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    if ctx.g & 1:
        q.push("first")
    else:
        q.push("second")
    m[1] = "one"
    m[2] = "two"
    got = m.pop(ctx.g & 3, None)
    if got is not None:
        total.value += 10 if got == "one" else 20
    taken = q.pop()
    if taken is not None and taken == "first":
        total.value += 1
    c["a"] += 1
    c["b"] -= ctx.g
    b.add("x")
    if "x" in b and "y" not in b:
        total.value += c["a"] * 1000
    return m.pop(2) == "two"
""",
    "a bloom filter": """
b = BloomFilter(u32, max_entries=4096)
s = BloomFilter(Point, max_entries=4096, hashes=3)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    known = ctx.c in b
    b.add(ctx.c & 7)
    s.add(Point(x=ctx.c & 3, y=-1))
    return known + (ctx.c in b) * 2 + (Point(x=2, y=-1) in s) * 4 + (Point(x=2) not in s) * 8
""",
    "a trie of prefixes": """
t = LpmTrie(Prefix, u32, max_entries=16)
s = LpmTrie(Prefix, Point, max_entries=16)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    t[Prefix(prefixlen=8, address=10)] = 1
    t[Prefix(prefixlen=16, address=10 + 256 * (ctx.g & 1))] = 2
    s[Prefix(prefixlen=24, address=ctx.c & 0xFFFFFF)] = Point(x=ctx.c)
    found = s.get(Prefix(prefixlen=32, address=ctx.c & 0xFFFFFF))
    if found is not None:
        found.y += 1
    total.value += t.get(Prefix(prefixlen=32, address=10 + 256), 100)
    if Prefix(prefixlen=8, address=11) in t:
        total.value += 50
    del t[Prefix(prefixlen=16, address=10 + 256 * (ctx.g & 1))]
    return t[Prefix(prefixlen=32, address=10 + ctx.g // 200)]
""",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    check(HEADER + NAMED[name], ROUNDS, {}, tmp_path / "meaning_maps.py")
