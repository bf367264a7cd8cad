"""What histograms accept and refuse, by code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from probee.lang.hist import Hist
from tests.frontend_cases import compiled, ir_of, names_of

DECLARATIONS = """
from probee import Context, Global, Hist, RingBuf, Struct, UserStr, s64, tracepoint, u8, u32, u64

class Key(Struct):
    a: u32
    b: u32

one = Hist()
keyed = Hist(u32)
by_key = Hist(Key)
linear = Hist(linear=(-10, 100, 7))
total = Global(u64, 0)

def two() -> u32:
    return 2

def moved(k: Key) -> u32:
    k.a += 1
    return k.a
"""
ACCEPTED = {
    "a number": "one.add(ctx.flags)",
    "a struct as key beside a call": "k = Key(a=1)\nby_key[k].add(two(), two())\nk.a = 2",
    "with a count": "one.add(ctx.flags, ctx.mode)\none.add(1, count=2)",
    "a key": "keyed[ctx.flags].add(ctx.mode)",
    "a struct as key": "by_key[Key(a=1)].add(ctx.mode)",
    "in a loop": "for i in range(4):\n    linear.add(i)\n    keyed[i].add(two())",
    "a bool": "one.add(ctx.flags > 3)",
}
REFUSED = {
    "a key where there is none": ("map-operation", "one[1].add(2)"),
    "no key where there is one": ("map-operation", "keyed.add(2)"),
    "another method": ("map-operation", "one.get(2)"),
    "stored into": ("map-operation", "keyed[1] = 2"),
    "added to as a number": ("map-operation", "keyed[1] += 2"),
    "deleted from": ("map-operation", "del keyed[1]"),
    "looked into": ("map-operation", "if 1 in keyed:\n    total.value = 1"),
    "no value": ("arguments", "one.add()"),
    "another keyword": ("arguments", "one.add(1, times=2)"),
    "the count twice": ("arguments", "one.add(1, 2, count=2)"),
    "a negative count": ("type", "x: s64 = ctx.flags\none.add(1, x)"),
    "a pointer": ("type", "one.add(ctx.filename)"),
    "text": ("type", 'one.add("a")'),
    "the wrong key": ("type", "by_key[1].add(1)"),
    "not added to": ("no-effect", "keyed[1]"),
    "in a local": ("not-yet", "h = keyed[1]\nh.add(2)"),
    "a key that a call changes": (
        "changed-after-store",
        "k = Key(a=1)\nby_key[k].add(moved(k))",
    ),
}


def _names(body: str) -> dict[str, Any]:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return names_of(head + textwrap.indent(body, "    "), **names_of(DECLARATIONS, "declared.py"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert compiled(_names(ACCEPTED[name])).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.why
    assert diagnostic.fix


def test_a_known_value_has_a_known_slot() -> None:
    log2, linear = Hist(), Hist(linear=(-10, 100, 7))
    assert [log2.slot(n) for n in (-1, 0, 1, 2, 3, 4, (1 << 64) - 1)] == [0, 1, 1, 2, 2, 3, 64]
    assert [linear.slot(n) for n in (-11, -10, -4, -3, 99, 100)] == [0, 1, 1, 2, 16, 17]
    assert "lshr" not in ir_of(_names("one.add(9)"))


def test_the_slot_takes_no_branch() -> None:
    """So that the verifier follows one way through it: in a loop two ways are many."""
    for kind in ("u64", "s64", "u8"):  # the one branch asks whether the map has its element
        assert ir_of(_names(f"x: {kind} = ctx.flags\none.add(x)")).count("branch") == 1
