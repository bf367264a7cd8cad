"""Text means in the kernel what CPython makes of it: locals, results, keys, values, comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meaning.compare import check
from tests.meaning.expressions import pairs_of

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Array, Chars, Const, Context, Global, Hash, KernelStr, RingBuf, Struct, UserStr, array, chars,
    current, raw_tracepoint, read_str, s8, s16, s32, s64, u8, u16, u32, u64,
)

class K(Struct):
    n: u32
    name: Chars = chars(8)
    other: Chars = chars(16)

class E(Struct):
    n: u64
    comm: Chars = chars(16)
    path: Chars = chars(8)
    names: list[Chars] = array(chars(8), 3)

counts = Hash(chars(8), u64, max_entries=64)
pairs = Hash(K, u64, max_entries=64)
names = Hash(u32, chars(8), max_entries=8)
m = Hash(u32, E, max_entries=8)
ring = RingBuf(E, size="4K")
total = Global(u64, 0)

"""
NAMED = {
    "text in locals": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    s = read_str(p, 16, default="none")
    t = read_str(q, 8)
    name = current.comm
    if t is None:
        return 1
    if (e := ring.reserve()) is not None:
        e.comm = s
        e.path = t
        e.submit()
    u = t
    return (s == t) + (s == name) * 2 + (u == "abc") * 4 + (s != u) * 8 + (name == "probee") * 16
""",
    "optional text": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    found = 0
    if (s := read_str(p, 16)) is not None:
        found = 1
        if s == "abc":
            found = 2
    if t := read_str(q, 8):
        found += 4
        if t.startswith("ab"):
            found += 8
    u = read_str(p, 8)
    if u is not None and u:
        found += 16
    if read_str(q, 4) is None:
        found += 32
    return found + (64 if None != read_str(p, 4) else 0)
""",
    "truth of text": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = E(comm=current.comm)
    e.path = read_str(p, default="")
    empty = ""
    tiny = read_str(p, 2, default="")
    return (1 if e.path else 2 if e.comm and not empty else 3) + (4 if tiny else 8)
""",
    "functions of text": """
def kind(s: str) -> u32:
    if s == "bash":
        return 1
    if s.startswith("abc"):
        return 2
    return 3

def picked(p: UserStr) -> Chars | None:
    return read_str(p, 16)

def name() -> str:
    return current.comm

def fixed() -> str:
    return "abc"

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = E(path="bash")
    s = picked(p)
    if s is None:
        return kind(name())
    return kind(s) + kind(e.path) * 4 + kind(fixed()) * 16 + kind("x") * 64 + kind(name()) * 256
""",
    "a local with a buffer": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    s: str = chars(8)
    if s:
        return 9
    found = 0
    for i in range(3):
        if i == ctx.g % 3:
            s = read_str(p, default="?")
        else:
            s = "ab"
        t = s
        found = found * 4 + (t == "ab") + (s == "abc") * 2
    counts: list[u16] = array(u16, 5)
    for i in range(5):
        counts[i] += i + ctx.e
    s = "abc"
    names[1] = s
    return found * 65536 + counts[ctx.g % 5]
""",
    "text as a key": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e = E()
    e.path = read_str(p, default="?")
    if e.path not in counts:
        counts[e.path] = 0
    counts[e.path] += 1
    e.path = read_str(q, default="?")
    counts[e.path] = counts.setdefault(e.path, 5) + 1
    counts[read_str(p, default="?")] += 2
    s = read_str(q, 8, default="?")
    counts[s] += 7
    counts["abc"] = 3
    counts["b"] = 1
    if (r := ring.reserve()) is not None:
        r.path = read_str(p, default="??")
        counts[r.path] = 11
        r.submit()
    del counts["b"]
    return counts.setdefault(s, 4)
""",
    "text in a struct that is a key": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    k = K(n=1, name="abc", other=current.comm)
    pairs[k] = 1
    h = K(n=1, name=read_str(p, default="abc"), other=read_str(q, default="x"))
    if h in pairs:
        total.value += 1
    pairs[h] = 2
    g = K(n=1)
    g.name = read_str(q, default="abcdef")
    g.name = read_str(p, default="abc")
    g.other = "prober"
    g.other = "probee"
    pairs[g] = pairs.setdefault(g, 4) + 3
    for i in range(2):
        j = K(n=i, name="zzzzzz")
        if i == 1:
            j.name = "a"
        pairs[j] = i
    return pairs[K(n=1, name="abc", other=current.comm)]
""",
    "text as a value": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    names[1] = read_str(p, default="none")
    names[2] = "ab"
    s = read_str(p, 8, default="")
    names[3] = s
    names[4] = names[3]
    found = names.get(ctx.g & 3)
    if found is None:
        return -1
    same = found == names[2]
    return same * 2 + (found == "abc") + names[4].startswith("ab") * 4
""",
    "beginnings, ends and parts": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    s = read_str(p, 8, default="?")
    t = read_str(p, 64, default="abc")
    e = E(comm=current.comm)
    e.path = read_str(p, default="")
    return (
        s.startswith(("x", "abc", "é")) + s.endswith("ef") * 2 + t.endswith(("é", "zzz")) * 4
        + (s[:3] == "abc") * 8 + (t[:7] != "abc") * 16 + (e.path[:1] in ("a", "é", "b")) * 32
        + (s in ("abc", "bash", "abcdef")) * 64 + ("é" in s) * 128 + (s == t) * 256
        + e.comm.endswith("bee") * 512 + (current.comm[:2] == "pr") * 1024 + s.endswith("") * 2048
        + (s[:0] == "") * 4096 + ("abcdeé" == t) * 8192 + (t[:6] == "abcdeé") * 16384
    )
""",
    "bytes of a text": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    s = read_str(p, 8, default="?")
    t = read_str(q, 16, default="abc")
    found = (
        (s.raw == b"abc") + (s.raw[1:3] == b"bc") * 2 + (s.raw[2:] == b"c") * 4
        + (s.raw[1:9] == b"bc") * 8 + (s.raw[:2] == b"") * 16 + (s.raw[3:] == b"") * 32
        + (s.raw == t.raw) * 64 + s.raw.startswith(t.raw) * 128 + (t.raw in s.raw) * 256
        + s.cut * 512 + t.cut * 1024 + (b"\\xc3" in s.raw) * 2048 + (s.raw[0:0] == b"") * 4096
        + s.raw.endswith(b"\\xc3") * 8192 + (b"f" in t.raw) * 16384 + (s.raw[5:7] == b"f") * 32768
    )
    total.value += len(s.raw) * 100 + len(t.raw)
    total.value += s.raw[ctx.g & 3]
    return found + t.raw[-1] * 65536
""",
    "text between records": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    e = E(comm=current.comm)
    e.path = read_str(p, default="q")
    e.names[ctx.g % 3] = e.path
    e.names[-1] = read_str(p, default="w")
    e.comm, e.path = "new", e.names[0]
    m[1] = e
    found = 0
    for name in m[1].names:
        found = found * 2 + (name == e.path)
    return found * 2 + (m[1].comm == e.comm)
""",
    "a while loop over a text": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    s = read_str(p, 16, default="abc/def")
    t = read_str(p, 8)
    i = 0
    while i < len(s.raw) and s.raw[i] != 100:
        i += 1
    if t is None:
        return i
    j = 0
    while len(t.raw) > j:
        total.value = total.value * 3 + t.raw[j]
        j += 1
    return i * 100 + j
""",
    "text that is read where it is compared": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    e = E()
    e.names[1] = read_str(q, default="")
    found = (
        (read_str(p, 8, default="") in ("abc", "a", "abcdef")) * 2
        + read_str(p, 8, default="").startswith(("abc", "a", "abcdef")) * 4
        + (read_str(p, 8, default="") in e.names) * 8
        + ("abc" == read_str(p, 8, default="") == "abc") * 16
        + (read_str(p, 8, default="")[:2] in ("ab", "a")) * 32
    )
    match read_str(p, 8), current.comm:
        case None, _:
            return found
        case "abc" | "a", "probee":
            return found + 1
        case x, y if x is not None:
            return found + 64 * len(x.raw) + 1024 * len(y.raw)
    return -1
""",
    "a text that fits where a cut one was": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    p: UserStr = ctx.a
    q: UserStr = ctx.i
    s: str = chars(8)
    s = read_str(p, 8, default="abcdef")
    found = s.cut + (s == "abcdef") * 2
    s = read_str(q, 8, default="z")
    found = found * 4 + s.cut + s.startswith("abcdefg\\x01") * 2
    s = "abcdef"
    t = read_str(p, 2, default="")
    return found * 16 + s.cut + t.cut * 2 + (t == "") * 4 + s.endswith("f") * 8
""",
}


@pytest.mark.usefixtures("_named_probee", "_on_cpu_0")
@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, held: dict[int, bytes], tmp_path: Path) -> None:
    check(HEADER + NAMED[name], pairs_of(held), {}, tmp_path / "meaning_text.py", memory=held)
