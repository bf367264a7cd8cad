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
}
