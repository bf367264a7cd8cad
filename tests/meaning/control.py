"""Named programs on control flow: `match`, loops, functions, values that are one of several.

In: nothing. Out: `CONTROL`, sources by what they show, for tests/kernel/test_meaning.py.
"""

from __future__ import annotations

CONTROL = {
    "match: values, alternatives, guards, captures": """
log = Global(u64, 0)

def note(n: s64) -> s64:
    log.value = log.value * 10 + u64(n & 7)
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    match note(ctx.d):
        case 1 | -1:
            total = 1
        case 0 if note(ctx.a) > 3:
            total = 2
        case n if n > note(5):
            total = n * 2
        case (2 | -2 | 0) as k:
            total = k - 100
        case n:
            total = n + 1
    match ctx.e:
        case -1:
            total += 10000
        case 18446744073709551615:
            total += 20000
        case 0x7FFFFFFFFFFFFFFF:
            total += 30000
    return total
""",
    "match: what may be None": """
m = Hash(u32, s16, max_entries=8)
log = Global(u64, 0)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    for i in range(4):
        match m.get(i):
            case None:
                m[i] = ctx.f + i
            case 0 | 1:
                total += 1
            case -1 as n if ctx.a > 0:
                total += n * 3
            case n:
                m[i] = n + 1
                total += 10 + n
    x = m.get(ctx.c & 7)
    match x:
        case 0:
            return 5
        case None:
            return total
    return total + x
""",
    "loops whose rounds the kernel counts": """
total = Global(u64, 0)
m = Hash(u32, u64, max_entries=64)
a = Array(u64, max_entries=64)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    i, s = 0, 0
    big = 0
    small: u8 = 0
    flag = ctx.a > 0
    for i in range(400):
        if i == 390:
            break
        if i & 1:
            continue
        s += i
        small += 3
        flag = not flag
        if s > 20_000:
            big = i
    else:
        s = -1
    for i in range(ctx.c & 511, 400, 1):
        a[i & 63] += i
        s ^= i
    for i in range(-200, min(ctx.f, 100)):
        s += i
    for i in range(700, max(ctx.d, -700), -7):
        s = s * 3 + i
    else:
        s += 1
    for i in range(0, min(ctx.g, 1 << 40), 1 << 38):
        s += i
    total.value += u64(s)
    return s + big + small + flag + i
""",
    "loops in loops that the kernel counts": """
m = Hash(u32, u64, max_entries=64)
total = Global(u64, 0)

def find(n: u32) -> s64:
    for i in range(50):
        if i * i >= n:
            return i
    return -1

def sums(n: u16) -> u64:
    t: u64 = 0
    for i in range(n & 63):
        for j in range(150):
            if j > i:
                break
            t += u64(i * j + find(u32(j) & 63))
        else:
            t += 7
    return t

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(200):
        m[i & 15] = m.setdefault(i & 15, 0) + i
        if ctx.d == 1 and i == 133:
            return 9
    total.value = sums(ctx.c & 65535)
    return find(ctx.c)
""",
    "traps and records inside loops that the kernel counts": """
class R(Struct):
    n: u64

ring = RingBuf(R, size="64K")
m = Hash(u32, u32, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    last = m.get(0)
    for i in range(40):
        if i % 10 == 5:
            if (r := ring.reserve()) is not None:
                r.n = 7 // (i - 25 - (ctx.g & 1))
                r.submit()
        for j in range(60):
            if (i + j) % 70 == 69 and ctx.f == 3:
                m[1 // (j - 49)] = j
            last = m.get(j & 3)
            if last is None:
                m[j & 3] = i
                break
    if last is None:
        return -1
    return last
""",
    "while loops that the kernel counts": """
total = Global(u64, 0)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    n: s32 = ctx.d
    steps = 0
    while steps < 300 and n != 1:
        if n & 1:
            n = 3 * n + 1
        else:
            n //= 2
        steps += 1
    else:
        steps += 100_000
    k: u16 = ctx.c & 2047
    while k > 10:
        k -= 3
        if k == 1001:
            break
        total.value += k
    else:
        k += 500
    return steps * 1000 + k
""",
    "values that are one of several": """
m = Hash(u32, s16, max_entries=8)
total = Global(u64, 0)

def note(n: s64) -> s64:
    total.value = total.value * 10 + u64(n & 7)
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    count = m.get(ctx.c & 3) or 0
    m[ctx.c & 3] = count + 1
    other = m.get(1) or m.get(2)
    if other is None:
        other = ctx.f
    both = m.get(ctx.c & 3) and m.get(3)
    if both is None:
        total.value += 1
    elif not both:
        total.value += 2
    else:
        total.value += both & 255
    found = m.get(5) if ctx.a & 1 else ctx.f
    if found is not None:
        m[5] = found - 1
    nothing = None if ctx.d < 0 else ctx.g
    last = (note(1) and m.get(4)) or note(2) or note(3)
    return count * 1000 + other + last + (nothing if nothing is not None else -7)
""",
    "None as an argument, a default and a result": """
m = Hash(u32, u32, max_entries=8)

class P(Struct):
    x: u32

ps = Hash(u32, P, max_entries=8)

def limited(n: s64, top: u32 | None = None, *, step: s64 | None = 2) -> s64:
    if top is None:
        top = 10
    if step is not None:
        n += step
    return min(n, top)

def find(k: u32) -> u32 | None:
    if k == 3:
        return None
    if k > 4:
        return k
    return m.get(k)

def place(k: u32):
    if k & 1:
        return ps.get(k)
    if k == 2:
        return None
    return ps.get(0)

def plus(k: s64, more: "int | None" = None, factor=None) -> s64:
    if more is not None:
        k += more
    return k if factor is None else k * factor

def divided(a: s64, b: s64) -> tuple[s64, s64]:
    if b == 0:
        return 0, a
    return a // b, a % b

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = limited(ctx.f) + limited(ctx.f, 3) + limited(ctx.f, None, step=None)
    total += limited(ctx.d, top=ctx.g, step=ctx.f)
    total += plus(1) + plus(2, ctx.f) + plus(3, factor=ctx.g) + plus(4, None, 3)
    got = find(ctx.c & 7)
    if got is None:
        m[ctx.c & 7] = ctx.g
        ps[ctx.c & 7] = P(x=ctx.g)
    else:
        total += got
    p = place(ctx.c & 3)
    if p is not None:
        p.x += 1
        total += p.x
    q, r = divided(ctx.d, ctx.f)
    (q, r), total = (r, q), total * 3
    return total + q * 7 + r
""",
    "a local that is a number or None": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    best: s32 | None = None
    for i in range(6):
        v = (ctx.d * (i + 3)) % 17
        if best is None or v > best:
            best = v
        if v == 11:
            best = None
    if best is None:
        return -1
    a, b, c = 1, 2, best
    a, b = b, a
    b, c, a = a + c, b, c
    return best * 1000 + a * 100 + b * 10 + c
""",
    "match: bools, tuples, names behind it": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    match ctx.f > 0:
        case True:
            total = 1
        case False:
            total = 2
    k = 7
    match ctx.f & 1, ctx.d:
        case 1, 0 | 1:
            total += 10
        case 0, n if n < 0:
            total -= n
        case k, 2:
            total += 100 + k
        case _, n:
            total += 1000 + n
    return total * 100 + k
""",
    "ends of long loops past 32 bits, where there is no round": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    start = (ctx.g & 1) * 0x100000000 + 5
    for i in range(start, 5000):
        if i & 1:
            total += i
    stop = 4900 - (ctx.e & 1) * 0x100000000
    for i in range(stop):
        if i & 3:
            total ^= i
    return total
""",
    "ends of loops that were computed": """
N = 12
span = range

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    k = ctx.g % 10
    for i in range(k - 3):
        total += i + 1
    for i in range(k - 3, 4 - k):
        total = total * 2 + i
    for i in span(3 - k * 2, k * 3 - 5):
        total = total * 3 + i
        j = i
        while j < k:
            j += 1
            total ^= j
    while k < N - 2 * 2 + 1 and ctx.e > k:
        k += 1
    n = ctx.g % 10
    i = n
    while i < 9 and ctx.e > i:  # a u8 whose end the verifier must see coming
        i += 1
    total = total * 10 + i
    j = 10
    while j > -5:
        j -= 3
    return total * 1000 + j * 100 + k
""",
    "for: tuples, enumerate": """
from probee import array, current

PRIMES = (2, 3, 5)
PAIRS = ((1, 10), (2, True), (3, 40))
NAMES = ("kworker", "", "bash")
log = Global(u64, 0)

class Row(Struct):
    xs: list[s16] = array(s16, 4)
    seen: u32

rows = Array(Row, max_entries=2)

def note(n: s64) -> s64:
    log.value = log.value * 10 + u64(n & 7)
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    a = ctx.a & 3
    for p in PRIMES:
        if p == a:
            continue
        if p * 2 == ctx.c & 15:
            break
        total = total * 10 + p
    else:
        total += 1000
    total = total * 10 + p
    for i, (x, y) in ((1, (5, 6)), (2, (3, note(4)))):
        total += i * x - y
    for x, y in PAIRS:
        if x > a:
            return total + y
        total += x * y
        for a in (a + 1, note(a), a):
            total += a
    for i, x in enumerate(rows[a & 1].xs):
        rows[a & 1].seen += i * (x + 1)
        total += rows[a & 1].seen
    if current.comm not in NAMES:
        total += 7
    if a in PRIMES:
        total -= 9
    return total * 10 + a
""",
}
