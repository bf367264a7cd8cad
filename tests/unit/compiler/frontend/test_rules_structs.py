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
total = Global(u64, 0)
"""
ACCEPTED = {
    "references to other types": "o = Outer()\ni = o.inner\no.slots = outers[1].slots\ni.a = 1",
    "the object around what is replaced": "o = Outer()\np = o\np.inner = Inner()\no.x = p.inner.a",
    "got again": "o = Outer()\ni = o.inner\no.inner = Inner()\ni = o.inner\ni.a = 1",
    "read where its copy is": "i = Inner(a=1)\no = Outer()\no.inner = i\ntotal.value = i.a",
    "a loop over one array twice": "o = Outer()\nfor i in o.inners:\n    i.a = 1\n"
    "for i in o.inners:\n    total.value += i.a",
    "a literal length": "o = Outer()\nfor i in range(len(o.slots)):\n    o.slots[i] = i",
}  # fmt: skip
REFUSED = {
    "past the end": ("index-range", "outers[1].slots[6] = 1"),
    "before the start": ("index-range", "total.value = outers[1].slots[-7]"),
    "a part that was replaced": (
        "stale-reference", "o = Outer()\ni = o.inner\no.inner = Inner()\ntotal.value = i.a"),
    "an element that was replaced": (
        "stale-reference", "o = Outer()\ni = o.inners[1]\no.inners[2] = Inner()\ni.a = 1"),
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
    "elements of the context": ("type", "total.value = ctx.filename[1]"),
    "len of a number": ("type", "total.value = len(total.value)"),
}  # fmt: skip
FUNCTIONS = """
def first(i: Inner, n: u32) -> u32:
    return i.a

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
