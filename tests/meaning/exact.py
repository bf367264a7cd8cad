"""Named programs that look at one rule each, at the ends of types: what random ones seldom meet.

In: nothing. Out: `EXACT`, whole sources by what they show.
"""

from __future__ import annotations

HEADER = """\
from probee import (
    Array, Const, Context, Counter, Global, Hash, RingBuf, Struct, array, raw_tracepoint,
    s8, s16, s32, s64, u8, u16, u32, u64,
)
"""
_PROGRAMS = {
    "shifts past the width, and by negative amounts": """
log = Global(u64, 0)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = ctx.b >> (ctx.g & 127)
    total += s64((ctx.a << (ctx.g & 127)) >> 3)
    total += ctx.f << (ctx.e & 63)
    total += ctx.h >> (ctx.e & 31)
    total += ctx.c >> (ctx.g & 63)
    log.value = u64(total)
    log.value += 1 << (ctx.g & 63)
    return total + (ctx.d << ctx.h)
""",
    "signs and widths of arithmetic": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = (3 - 5) * 7
    total += ctx.g + ctx.e
    total += ctx.d + ctx.c
    total += ctx.h * ctx.h - ctx.f
    total += ~ctx.g + -ctx.g + -ctx.h + ~ctx.h
    total += (ctx.g + u8(250)) * 3 + u8(ctx.a) + s8(ctx.a) + s16(ctx.b) + u16(ctx.j) + s32(ctx.a)
    total += s8(200) + u8(-3)
    total += bool(u64(ctx.c) << 32) + abs(ctx.h) * 5 + abs(ctx.d)
    return total
""",
    "division of both signs, by constants and by values": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = ctx.b // 4 + (ctx.b % 4) * 10 + ctx.d // 7 + (ctx.d % 7) * 100
    total += ctx.h // (ctx.f | 1) + ctx.h % (ctx.f | 1) + ctx.f // -3 + ctx.f % -3
    total += s64(ctx.a // (ctx.c | 1)) + s64(ctx.a % (ctx.c | 1))
    total += ctx.g // (ctx.e & 3)
    return total + ctx.d // ctx.h
""",
    "comparisons of every pair of signs": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    bits = 0
    bits = bits * 2 + (ctx.b < ctx.a)
    bits = bits * 2 + (ctx.a < ctx.b)
    bits = bits * 2 + (ctx.i >= ctx.j)
    bits = bits * 2 + (ctx.h > ctx.a)
    bits = bits * 2 + (ctx.d == ctx.c)
    bits = bits * 2 + (ctx.d != ctx.e)
    bits = bits * 2 + (ctx.d <= ctx.f)
    bits = bits * 2 + (ctx.h < ctx.f < ctx.d)
    bits = bits * 2 + (-1 < ctx.a)
    bits = bits * 2 + (ctx.h < 0)
    bits = bits * 2 + (ctx.b <= -2 or ctx.a > 9223372036854775807)
    bits = bits * 2 + (not (ctx.d < 1 and ctx.c >= 1))
    return bits
""",
    "what bounds say of masks, remainders, quotients and rounds": """
total = Global(u64, 0)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    bits = 0
    if (ctx.c & 7) > 6:
        bits += 1
    if (ctx.c & 7) < 1:
        bits += 2
    if ctx.c % 5 == 4 or ctx.c % 5 > 4:
        bits += 4
    if ctx.g // (ctx.e | 1) > 0:
        bits += 8
    x = ctx.g & 15
    if x == 15 or x < 1:
        bits += 16
    if (x | 4) > 14 and (x ^ 9) < 16:
        bits += 32
    if x - 3 < 0:
        bits += 64
    if x * 9 > 130:
        bits += 128
    for i in range(ctx.g & 3):
        if i > 1:
            bits += 256
        if i == 0:
            bits += 1024
    if ctx.d > 0:
        y = 5
    else:
        y = -5
    if y < 0:
        bits += 2048
    if y >= 5:
        bits += 4096
    z = ctx.c & 255
    z = z + 1
    bits += u8(z) * 8192 + s8(z)
    total.value += u64(bits)
    return bits
""",
    "locals in loops: what was known before them": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    i = 0
    low = 0
    while i < 6:
        i += 1
        if i > 3:
            total += 10
        if low < 0:
            total += 1000
        low -= 1
        if i == ctx.g & 7:
            continue
        total += i
    for i in range(5, 0, -1):
        total = total * 2 + i
    for i in range(3):
        total = total * 3 + i
        if i == ctx.e & 3:
            break
    else:
        total += 7
    for i in range(-3, 9, 4):
        total += i * i
    return total * 4 + i
""",
    "None, 0 and what is there": """
m = Hash(u32, u64, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[1] = ctx.a & 1
    total = 0
    if m.get(1):
        total += 1
    if not m.get(1):
        total += 10
    if m.get(2) is None:
        total += 100
    if m.get(1) is not None and 1 in m and 2 not in m:
        total += 1000
    if (n := m.get(1)) is not None:
        total += s64(n) * 10000
    total += s64(m.get(5, 7)) + s64(m.get(1, 7)) * 3
    total += s64(m.setdefault(1, 9)) * 5 + s64(m.setdefault(3, 4))
    del m[3]
    if ctx.g & 1:
        del m[4]
    return total
""",
    "and, or and if give values": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = s64(ctx.d or 5) * 7 + s64(ctx.d and ctx.h)
    total += s64(ctx.f if ctx.h else ctx.d) * 11
    total += s64(0 or ctx.h or 3) - s64(1 and ctx.f and 2)
    return total + min(ctx.d, ctx.h, 3) * 13 + max(ctx.f, ctx.h) * 17
""",
    "operands in order, with effects": """
log = Global(u64, 0)

def note(n: s64) -> s64:
    log.value = log.value * 10 + u64(n)
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    return note(1) - note(2) + (note(3) * note(4) if note(5) else note(6)) - min(note(7), note(8))
""",
    "functions: defaults, keywords, types of parameters and results": """
limit = 3

def scaled(a: u8, b: s8 = 5, *, c: u32 = limit) -> u16:
    return a * b + c

def less(a, b=2):
    return a - b

limit = 100

def quick(n: s64) -> s64:
    if n > 3:
        return 3
    while n < 2:
        n += 1
        if n == 0:
            return -1
    else:
        n *= 10
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total: u16 = scaled(ctx.c) + scaled(ctx.d, ctx.e, c=ctx.a) * 3 + scaled(b=2, a=ctx.h)
    total += less(ctx.b) + less(b=ctx.d, a=2) * 5 + less(ctx.f, ctx.h)
    return total + quick(ctx.h & 3) * 7 + quick(ctx.f & 7)
""",
    "indices past 2^32, past the end, and from the end": """
counts = Array(u64, max_entries=8)
seen = Global(s64, 0)

class Row(Struct):
    n: u16
    cells: list[s16] = array(s16, 5)

rows = Hash(u32, Row, max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    counts[ctx.g & 7] = 3
    counts[0] += 5
    total = 0
    if counts.get(u64(ctx.g & 1) << 32) is None:
        total += 1
    seen.value = total
    row = Row(n=1)
    for i in range(5):
        row.cells[i] = i * 3 - ctx.h
    total += row.cells[-1] * 7 + row.cells[ctx.g & 3] + row.cells[-s64(ctx.g & 3) - 1]
    rows[1] = row
    if ctx.h < 0:
        total += row.cells[ctx.h] * 3
    if ctx.f > 1:
        total += row.cells[ctx.f]
    return total + s64(counts[u64(ctx.g & 1) << 32])
""",
    "structs in structs, copied whole and in part": """
class Small(Struct):
    a: u8
    b: s8
    c: u8

class Big(Struct):
    x: u16
    small: Small
    y: s8
    z: u32

kept = Hash(u32, Big, max_entries=8)
alone = Hash(u32, Small, max_entries=8)

def fill(n: s64) -> s64:
    b = Big(x=n)
    b.small.c = 7
    kept[u32(n) & 3] = b
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    s = Small(1, ctx.h, 255)
    b = Big(y=ctx.f, small=s, z=ctx.c)
    kept[0] = b
    alone[1] = Small(2, ctx.h, 254)
    fill(ctx.d)
    total = 0
    found = kept.get(0)
    if found is not None:
        found.small.b -= 1
        total += found.small.a + found.small.b * 100 + found.y * 10000 + found.z
        other = kept.get(ctx.g & 1)
        if other is not None:
            total += found.z * 7
            other.z = 9
            total += found.z
            other.y = -9
            total += found.y * 3
    return total
""",
    "structs on the stack, round a loop and between constants": """
class Row(Struct):
    n: u32
    m: u32
    cells: list[u16] = array(u16, 4)

kept = Hash(u32, Row, max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    carried = Row(n=1)
    for i in range(3):
        total = total * 3 + carried.n
        carried.n = u32(i) + ctx.c
        if ctx.h > i:
            total += 1
        else:
            total ^= 5
    row = Row()
    row.cells[0] = 11
    total += row.cells[ctx.g & 1]
    row.cells[1] = 22
    row.cells[2] = 33
    total += row.cells[ctx.g & 3] * 100
    row.cells[3] = 44
    kept[1] = row
    kept[2] = carried
    return total
""",
    "records begin as zeroes, and are given back": """
class R(Struct):
    a: u64
    b: s16
    rest: list[u64] = array(u64, 60)

ring = RingBuf(R, size="4K")

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    if (r := ring.reserve()) is not None:
        r.a = ctx.a
        if ctx.g & 1:
            r.b = ctx.h
            for i in range(60):
                r.rest[i] = 77
        if ctx.h == 2:
            r.a = 7 // (ctx.e & 1)
        r.submit()
    return 1
""",
    "traps by their names, each counted for itself": """
counts = Array(u64, max_entries=4)
m = Hash(u32, u64, max_entries=4)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 1
    if ctx.h == -2:
        total += s64(m[9])
    if ctx.h == -1:
        del m[9]
    if ctx.h == 0:
        total += 5 // (ctx.g & 0)
    if ctx.h == 1:
        counts[ctx.c + 4] = 1
    if ctx.h == 2:
        total = total << ctx.b - 900
    return total
""",
    "counters": """
c = Counter(u32, max_entries=16)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = c[ctx.g]
    c[ctx.g] += 3
    c[ctx.e & 3] -= ctx.h
    c[5] *= 2
    return total * 10 + c[ctx.e & 3] + c[99]
""",
    "many keys, many values, one after another": """
m = Hash(u32, u64, max_entries=32)
p = Hash(u64, s16, max_entries=32)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    a, b, c, d = ctx.a, ctx.b, ctx.c, ctx.d
    e, f, g, h = ctx.e, ctx.f, ctx.g, ctx.h
    m[1] = a
    m[2] = u64(b)
    m[3] = c
    p[4] = d
    p[a] = f
    i = a * 3 + u64(b) * 5
    j = i * 7 + c * 11 + e
    total: s32 = d * 2 + f * 3 + g * 5 + h * 7
    k = s64(m[1]) + s64(m[3]) * 3 + p[4]
    m[1] = 5
    if 9 in m:
        total += 1
    total += s64(m[1]) + s64(m[2])
    x: s32 = d
    y: s8 = h
    for n in range(ctx.g & 3):
        x, y = y, x
        x += n
        m[n] = u64(x)
    return total + k + s64(i) + s64(j) * 3 + x * 1000 + y + d + f * g + h + e + s64(a) + b + c
""",
}
EXACT = {name: HEADER + source for name, source in _PROGRAMS.items()}
