"""What the front end accepts and refuses of structs, arrays in them and text. By code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Array, Chars, Context, Global, Hash, KernelStr, RingBuf, Struct, UserStr, array
from probee import chars, current, read_str, raw_tracepoint, s16, s32, s64, tracepoint
from probee import u8, u16, u32, u64

class Inner(Struct):
    a: u32
    text: Chars = chars(16)

class Outer(Struct):
    x: u32
    slots: list[u32] = array(u32, 6)
    others: list[u32] = array(u32, 4)
    inners: list[Inner] = array(Inner, 3)
    inner: Inner
    comm: Chars = chars(16)
    path: Chars = chars(64)

outers = Hash(u32, Outer)
inners = Hash(u32, Inner)
kept = Array(Outer, max_entries=4)
ring = RingBuf(Outer)
by_name = Hash(chars(16), u64)
texts = Hash(u32, chars(32))
total = Global(u64, 0)
label = Global(chars(16), "")
"""
ACCEPTED = {
    "references to other types": "o = Outer()\ni = o.inner\no.slots = outers[1].slots\ni.a = 1",
    "the object around what is replaced": "o = Outer()\np = o\np.inner = Inner()\no.x = p.inner.a",
    "another element that was replaced": "o = Outer()\ni = o.inners[1]\no.inners[2] = Inner()\n"
    "o.inner = Inner()\ni.a = 1",
    "got again": "o = Outer()\ni = o.inner\no.inner = Inner()\ni = o.inner\ni.a = 1",
    "read where its copy is": "i = Inner(a=1)\no = Outer()\no.inner = i\ntotal.value = i.a",
    "a loop over one array twice": "o = Outer()\nfor i in o.inners:\n    i.a = 1\n"
    "for i in o.inners:\n    total.value += i.a",
    "a name for text": "name = current.comm\nif name == 'bash' and name:\n    total.value = 1",
    "text read and tested": "if (s := read_str(ctx.filename, 64)) is not None:\n"
    "    if (e := ring.reserve()) is not None:\n        e.path = s\n        e.submit()",
    "text read and true": "if s := read_str(ctx.filename, size=64):\n    total.value = s == 'x'",
    "text of a record, another text of it changed": "o = Outer()\nname = o.comm\n"
    "o.path = 'x'\ntotal.value = name == o.path",
    "texts in a tuple": "o = Outer()\no.comm, o.path = current.comm, o.path",
    "a buffer that is written again": "s: str = chars(16)\nfor i in range(3):\n    s = 'x'\n"
    "    t = s\n    total.value += t == 'x'",
    "an array of its own": "xs: list[u32] = array(u32, 8)\nxs[ctx.flags & 7] += 1\ncount(xs)",
    "texts for parameters": "o = Outer()\ntell('x')\ntell(current.comm)\ntell(o.path)\n"
    "tell(read_str(ctx.filename, 16, default=''))",
    "text returned": "s = picked(ctx.filename)\nif s is not None:\n    tell(s)\ntell(name())",
    "keys of text": "by_name['bash'] = 1\nby_name[current.comm] += 1\n"
    "by_name[read_str(ctx.filename, default='?')] = 2\ndel by_name[Outer().comm]",
    "a shorter text for a longer key": "s = read_str(ctx.filename, 8, default='?')\nby_name[s] = 1",
    "values of text": "texts[1] = 'abc'\ntexts[2] = current.comm\nt = texts[1]\n"
    "total.value = t == texts[2]",
    "a literal length": "o = Outer()\nfor i in range(len(o.slots)):\n    o.slots[i] = i",
}  # fmt: skip
REFUSED = {
    "past the end": ("index-range", "outers[1].slots[6] = 1"),
    "before the start": ("index-range", "total.value = outers[1].slots[-7]"),
    "a part that was replaced": (
        "stale-reference", "o = Outer()\ni = o.inner\no.inner = Inner()\ntotal.value = i.a"),
    "an element that was replaced": (
        "stale-reference",
        "o = Outer()\ni = o.inners[1]\no.inners[ctx.flags & 1] = Inner()\ni.a = 1"),
    "the array around an element that was replaced": (
        "stale-reference",
        "o = Outer()\ni = o.inners[1]\no.inners = outers[1].inners\ntotal.value = i.a"),
    "replaced in the round before": (
        "stale-reference",
        "o = Outer()\ni = o.inner\nfor k in range(3):\n    i.a += 1\n    o.inner = Inner()"),
    "replaced while an argument waits": (
        "stale-reference", "o = Outer()\ntotal.value = first(o.inner, renew(o))"),
    "the array that is looped over": (
        "stale-reference",
        "o = Outer()\nfor x in o.slots:\n    o.slots = outers[1].slots"),
    "the map that is looped into": (
        "stale-reference", "for x in outers[1].slots:\n    outers[1] = Outer()"),
    "another length": ("type", "o = Outer()\no.slots = o.others"),
    "a list": ("syntax", "o = Outer()\no.slots = [1, 2, 3, 4, 5, 6]"),
    "a struct for a number": ("type", "o = Outer()\no.slots[1] = Inner()"),
    "a number for a struct": ("type", "o = Outer()\no.inners[1] = 4"),
    "a slice": ("not-yet", "o = Outer()\no.slots = o.slots[:6]"),
    "an element changed after it was stored": (
        "changed-after-store", "o = Outer()\ni = Inner()\no.inners[1] = i\ni.a = 2"),
    "text of no stated length": ("text-size", "s = read_str(ctx.filename)"),
    "text of a length that is no constant": ("text-size", "s = read_str(ctx.filename, ctx.flags)"),
    "text that may be None": ("maybe-none", "o = Outer()\no.path = read_str(ctx.filename)"),
    "text that was not tested": (
        "maybe-none", "s = read_str(ctx.filename, 8)\ntotal.value = s == 'x'"),
    "optional text for text": ("maybe-none", "s = read_str(ctx.filename, 8)\ntell(s)"),
    "text of a record that changed it": (
        "stale-reference", "o = Outer()\ns = o.comm\no.comm = 'x'\ntotal.value = s == 'x'"),
    "text of a buffer that was written again": (
        "stale-reference", "s: str = chars(16)\nt = s\ns = 'x'\ntotal.value = t == 'x'"),
    "text of a map's value": (
        "stale-reference",
        "t = texts[1]\ntexts[2] = 'x'\ntotal.value = t == 'x'"),
    "text of a record that is gone": (
        "use-after-submit",
        ("if (e := ring.reserve()) is not None:\n    s = e.comm\n    e.submit()\n"
        "    total.value = s == 'x'")),
    "text changed while it waits": (
        "stale-reference", "o = Outer()\ntotal.value = same(o.comm, rename(o))"),
    "a text looked for in another": (
        "text-bytes", "o = Outer()\ntotal.value = o.path in o.comm"),
    "a text that begins with another": (
        "text-bytes", "o = Outer()\ntotal.value = o.path.startswith(o.comm)"),
    "text and bytes": ("text-bytes", "total.value = current.comm == b'bash'"),
    "bytes and text": ("text-bytes", "total.value = current.comm.raw == 'bash'"),
    "bytes in text": ("text-bytes", "total.value = b'x' in current.comm"),
    "bytes as a beginning": ("text-bytes", "total.value = current.comm.startswith(b'x')"),
    "bytes for a text": ("type", "o = Outer()\no.comm = b'x'"),
    "half a character": ("text-bytes", "total.value = '\\udcc3' in current.comm"),
    "a character": ("text-bytes", "total.value = current.comm[0] == 'x'"),
    "characters behind the first": ("text-bytes", "total.value = current.comm[1:3] == 'x'"),
    "beginnings of a part": ("not-yet", "total.value = current.comm[:3].startswith('x')"),
    "bytes in a local": ("not-yet", "s = current.comm.raw\ntotal.value = s == b'x'"),
    "a part in a local": ("not-yet", "s = current.comm[:3]\ntotal.value = s == 'x'"),
    "bytes of a part": ("not-yet", "total.value = len(current.comm[:3].raw)"),
    "how many characters": ("text-bytes", "total.value = len(current.comm)"),
    "the order of texts": ("text-bytes", "total.value = current.comm < 'x'"),
    "a bound that is no constant": (
        "not-yet", "total.value = current.comm[:ctx.flags] == 'x'"),
    "structs of two types": ("type", "o = Outer()\ntotal.value = o == o.inner"),
    "the order of structs": ("type", "o = Outer()\ntotal.value = o.inner < o.inner"),
    "the order of arrays": ("not-yet", "o = Outer()\ntotal.value = o.slots < o.slots"),
    "a struct that may be None compared": (
        "maybe-none", "total.value = outers.get(1) == Outer()"),
    "a struct beside a number": ("type", "total.value = Outer() == 1"),
    "a variable's text that was replaced": (
        "stale-reference", "s = label.value\nlabel.value = 'x'\ntotal.value = s == 'x'"),
    "two texts for one name": ("local-type", "s = 'a'\nif ctx.flags:\n    s = 'b'"),
    "two kinds of text returned": ("not-yet", "tell(either(ctx.flags))"),
    "a buffer of another kind": ("type", "xs: list[u16] = array(u32, 8)"),
    "a buffer without a size": ("annotation", "s: str = chars(1)"),
    "a buffer of a size that is no constant": ("annotation", "s: str = chars(ctx.flags)"),
    "a list of another kind for a parameter": ("type", "count(Outer().inners)"),
    "a number for text": ("type", "tell(3)"),
    "a default that is too long": (
        "text-size", "s = read_str(ctx.filename, 4, default='abc')"),
    "a key that is too long": ("text-size", "by_name['0123456789abcdef'] = 1"),
    "a text that may not fit a key": ("text-size", "by_name[outers[1].path] = 1"),
    "a number as a key of text": ("type", "by_name[1] = 1"),
    "elements of the context": ("type", "total.value = ctx.filename[1]"),
    "len of a number": ("type", "total.value = len(total.value)"),
}  # fmt: skip
FUNCTIONS = """
def first(i: Inner, n: u32) -> u32:
    return i.a

def tell(s: str) -> None:
    total.value = s == "x"

def same(s: str, n: u32) -> bool:
    return s == "x"

def rename(o: Outer) -> u32:
    o.comm = "y"
    return 1

def name() -> str:
    return current.comm

def picked(p: UserStr) -> Chars | None:
    return read_str(p, 64)

def either(n: u32) -> str:
    if n:
        return "a"
    return "b"

def count(xs: list[u32]) -> u32:
    return len(xs)

def renew(o: Outer) -> u32:
    o.inner = Inner()
    return 1
"""


def _names(body: str) -> dict[str, Any]:
    program = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return names_of(DECLARATIONS + FUNCTIONS + program + textwrap.indent(body, "    "))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert compiled(_names(ACCEPTED[name])).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    assert [d.code for d in refusal.value.diagnostics] == [code]
    assert all(d.why or d.code in ("type", "not-yet") for d in refusal.value.diagnostics)


@pytest.mark.parametrize(
    ("hook", "field", "space"),
    [("syscalls:sys_enter_openat", "filename", "user"), ("rcu:rcu_utilization", "s", "kernel")],
)
def test_whose_text_a_tracepoint_points_to(hook: str, field: str, space: str) -> None:
    program = f'@tracepoint("{hook}")\ndef program(ctx: Context) -> None:\n'
    body = f"    by_name[read_str(ctx.{field}, default='')] = 1\n"
    (spec,) = compiled(names_of(DECLARATIONS + program + body)).programs
    assert f"probe_read_{space}_str" in spec.helpers
