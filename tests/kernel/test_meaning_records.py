"""Records of varying length mean in the kernel what CPython makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meaning.compare import check
from tests.meaning.expressions import pairs_of

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Array, Chars, Context, Global, Hash, PerCpuArray, RingBuf, Struct, UserStr, array, chars,
    current, offsetof, probe_read_user_str, raw_tracepoint, read_str, s16, s64, sizeof,
    u8, u16, u32, u64, window,
)

class E(Struct):
    n: u64
    comm: Chars = chars(16)
    path: Chars = chars(8)

class Odd(Struct):
    n: u64
    path: Chars = chars(9)

class Outer(Struct):
    kind: u8
    inner: E

class Slots(Struct):
    n: u16
    slots: list[s16] = array(s16, 4)

class Long(Struct):
    n: u32
    raw: list[u8] = array(u8, 24)
    path: Chars = chars(80)

class Comm(Struct):
    n: u16
    comm: Chars = chars(16)

ring = RingBuf(E, size="4K")
comms = RingBuf(Comm, size="4K")
longs = RingBuf(Long, size="4K")
odds = RingBuf(Odd, size="4K")
outers = RingBuf(Outer, size="4K")
arrays = RingBuf(Slots, size="4K")
scratch = PerCpuArray(E, max_entries=1)
joined = PerCpuArray(Long, max_entries=1)
two = Array(E, max_entries=2)
table = Hash(u32, E, max_entries=4)
total = Global(u64, 0)
AT = offsetof(E, "path")

"""
NAMED = {
    "scratch that is sent up to its text's end": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e = scratch[0]
    e.n = 7
    e.comm = current.comm
    e.path = read_str(p, default="?!")
    sent = ring.output(e)
    e.n += 1
    sent = ring.output(e) and sent
    e.path = read_str(q, default="")
    return sent + ring.output(e) * 2
""",
    "a text that is one of several": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e = E(n=1, path="abcdef")
    if ctx.g == 1:
        e.path = read_str(p, default="?")
    elif ctx.g == 2:
        e.path = "xyz"
    elif ctx.g == 3:
        e.path = read_str(q, 8, default="q")
    ring.output(e)
    o = Odd(path=read_str(q, default="none"))
    odds.output(o)
    if ctx.g == 1:
        o.path = read_str(p, 9, default="")
    return odds.output(o)
""",
    "what another name for the same record writes": """
def put(e: E, p: UserStr) -> None:
    e.path = read_str(p, default="...")

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e, f = two[0], two[ctx.g & 1]
    e.path = read_str(p, default="1")
    f.path = read_str(q, default="22")
    ring.output(e)
    ring.output(f)
    put(e, p)
    ring.output(e)
    for i in range(3):
        ring.output(f)
        f.path = "abc"
        ring.output(e)
        f.path = read_str(q, default="22")
    return ring.output(f)
""",
    "copies of a text": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    s = read_str(p, 8, default="abc")
    e = scratch[0]
    e.path = s
    ring.output(e)
    table[1] = E(path="ab")
    f = table[1]
    f.path = e.path
    ring.output(f)
    e.path = "a"
    ring.output(e)
    ring.output(f)
    t = read_str(p, 8)
    if t is not None:
        e.path = t
    ring.output(e)
    return len(e.path.raw) + len(f.path.raw) * 16 + len(s.raw) * 256
""",
    "the length of a text that was just read": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = E()
    e.path = read_str(p, default="?!")
    total.value += len(e.path.raw)
    ring.output(e, AT + len(e.path.raw))
    ring.output(e, min(AT + len(e.path.raw) + 2, sizeof(E)))
    s = read_str(p, 16)
    if s is None:
        return 99
    return len(s.raw) + (s.cut << 8) + len(e.path.raw) * 1024
""",
    "a length that a name of the task leaves unknown": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    o = Comm(n=1)
    o.comm = read_str(p, default="0123456789")
    found = len(o.comm.raw)
    comms.output(o)
    o.comm = current.comm
    comms.output(o)
    if ctx.g & 1:
        o.comm = "a"
    else:
        o.comm = "bc"
    comms.output(o)
    return found + len(o.comm.raw) * 100 + len(current.comm.raw) * 10000
""",
    "a size that is said": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = E(n=ctx.g, comm="abc")
    e.path = read_str(p, default="abcdef")
    return ring.output(e, 23 + ctx.g)
""",
    "a size that may be wrong in both ways": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = scratch[0]
    e.path = read_str(p, default="abcdef")
    n: s64 = 32 - ctx.g * 4
    total.value += ring.output(e, n)
    total.value += ring.output(e, n + 5)
    return ring.output(e, u64(ctx.b) - 2)
""",
    "a nested text, and an array": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    o = Outer(kind=3)
    o.inner.comm = "xy"
    o.inner.path = read_str(p, default="abcdef")
    outers.output(o)
    outers.output(o, offsetof(Outer, "inner.path") + ctx.g)
    a = Slots(n=sizeof(Slots))
    for i in range(4):
        a.slots[i] = i - 700
    arrays.output(a, offsetof(Slots, "slots") + ctx.g * 2)
    return arrays.output(a, 3 + ctx.g)
""",
    "texts that are put one behind the other": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e = joined[0]
    e.path = ""
    at: u32 = 0
    for i in range(5):
        at &= 63
        n = probe_read_user_str(window(e.path, at, 10), 10, q if i & 1 else p)
        if n > 0:
            at += n - 1
    found = e.path.startswith("abc") + e.path.cut * 2
    longs.output(e, offsetof(Long, "path") + min(at + 1, 80))
    e.n = len(e.path.raw)
    longs.output(e)
    return found * 256 + at
""",
    "a case that changes what the cases behind it would have looked at": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = scratch[0]
    e.path = read_str(p, default="?!")
    match e.path:
        case "abc":
            e.path = "hi"
        case "" | "?!":
            e.path = "empty"
        case s:
            total.value += len(s.raw)
    ring.output(e)
    match table.get(ctx.g & 1):
        case None:
            table[ctx.g & 1] = E(n=1, path="new")
        case f if f.n > 3:
            del table[ctx.g & 1]
        case f:
            f.n += 1
            ring.output(f)
    match e.path, table.get(1):
        case "hi", None:
            table[1] = E(path="xy")
        case path, None:
            return len(path.raw) + 100
        case _, g:
            e.path = "q"
            return 0 if g is None else g.n
    return len(e.path.raw)
""",
    "a window that may not fit": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = Long(path="abcdef")
    before = e.path.cut
    probe_read_user_str(window(e.path, 3, 9), 9, p)
    longs.output(e)
    probe_read_user_str(window(e.raw, min(s64(ctx.f) - 1, 9), 8), 8, p)
    probe_read_user_str(window(e.raw, ctx.g * 5, 8), 8, p)
    probe_read_user_str(window(e.raw, 16 - ctx.g, 8), 8, 0)
    total.value += e.raw[ctx.g * 5]
    longs.output(e)
    probe_read_user_str(window(e.path, ctx.c * 30 - 2, 8), 7, p)
    return before
""",
}


@pytest.mark.usefixtures("_named_probee", "_on_cpu_0")
@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, held: dict[int, bytes], tmp_path: Path) -> None:
    check(HEADER + NAMED[name], pairs_of(held), {}, tmp_path / "meaning_records.py", memory=held)
