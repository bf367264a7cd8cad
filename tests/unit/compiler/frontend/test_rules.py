"""What the front end accepts and refuses: narrowing, duty, aliases, loops, names. By code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
import enum
from probee import Array, Chars, Const, Context, Global, Hash, LruHash, RingBuf, Struct, chars
from probee import current, read_str, raw_tracepoint, s16, s32, s64, tracepoint, u8, u16, u32, u64

class Inner(Struct):
    a: u32

class Point(Struct):
    x: u32
    y: s32
    inner: Inner

class Event(Struct):
    n: u64
    comm: Chars = chars(16)

class Color(enum.IntEnum):
    RED = 3

class Settings:
    LIMIT = 7

points = Hash(u32, Point)
recent = LruHash(u32, Point)
counts = Hash(u32, u64)
named = Hash(Event, u64)
slots = Array(u64, max_entries=8)
things = Array(Point, max_entries=4)
events = RingBuf(Event)
total = Global(u64, 0)
off = Const(u32, 0)

def change(p: Point) -> None:
    p.x = 9

def make(x: u32) -> Point:
    return Point(x=x)

def tell(e: Event) -> None:
    e.submit()
"""
ACCEPTED = {
    "narrowed by early return": "p = points.get(1)\nif p is None:\n    return\np.x = 1",
    "narrowed by walrus": "if (p := points.get(1)) is not None and p.x:\n    total.value = 1",
    "narrowed by or": "p = points.get(1)\nif p is None or p.x == 3:\n    return\np.y = 1",
    "narrowed by not": "p = points.get(1)\nif not (p is not None):\n    return\np.y = 1",
    "narrowed in a conditional": "n = counts.get(1)\ntotal.value = n if n is not None else 0",
    "narrowed by truth": "n = counts.get(1)\nif n:\n    total.value = n",
    "given a value": "n = counts.get(1)\nif n is None:\n    n = 5\ntotal.value = n",
    "looked up in a loop": "for i in range(4):\n    p = points.get(i)\n    if p is None:\n"
    "        continue\n    p.x = 1\n    del points[i]",
    "made in a loop": "for i in range(4):\n    p = Point(x=i)\n    p.y = 1\n    points[i] = p",
    "changed before it is stored": "p = Point()\nchange(p)\npoints[1] = p",
    "made by a function": "p = make(3)\np.y = 2\npoints[1] = p",
    "an alias": "p = Point()\nq = p\nq.x = 1\npoints[p.x] = q",
    "stored again": "p = Point()\npoints[1] = p\npoints[2] = p",
    "submitted by a function": "if (e := events.reserve()) is not None:\n    tell(e)",
    "submitted on every path": "e = events.reserve()\nif e is None:\n    return\nif ctx.flags:\n"
    "    e.discard()\n    return\ne.submit()",
    "reserved in a loop": "for i in range(3):\n    e = events.reserve()\n    if e is None:\n"
    "        break\n    e.n = i\n    e.submit()",
    "a trap gives a live record back": "if (e := events.reserve()) is not None:\n"
    "    e.n = 7 // ctx.flags\n    e.submit()",
    "the other way of a folded test": "if (e := events.reserve()) is not None:\n    if off == 0:\n"
    "        e.submit()\n    else:\n        e.discard()",
    "a guard that is folded": "if off != 0:\n    total.value //= off",
    "an enum's member": "total.value = Color.RED + Settings.LIMIT",
    "while that counts down": "n: u8 = ctx.flags\nwhile n > 0:\n    n -= 1",
    "while that counts mirrored": "n = 0\nwhile 10 >= n and total.value:\n    n += 2",
    "while that shifts": "n = ctx.flags & 255\nwhile n:\n    n >>= 1",
    "while with a break and a continue behind the step":
    "n = 0\nwhile n < 9:\n    n += 1\n    if n == 4:\n        continue\n    total.value += 1",
    "range of a byte": "n: u8 = ctx.flags\nfor i in range(n):\n    total.value += i",
    "range of a remainder": "for i in range(ctx.flags % 16):\n    total.value += i",
    "range of a minimum": "for i in range(min(ctx.mode, 100)):\n    total.value += i",
    "loop variable behind the loop": "i = 0\nfor i in range(3):\n    pass\ntotal.value = i",
    "static text": "name = \"abc\"\nif current.comm == name:\n    total.value = 1",
    "ring text": "if (e := events.reserve()) is not None:\n    e.comm = current.comm\n"
    "    if e.comm.startswith(\"ab\") or \"x\" in e.comm:\n        e.discard()\n    else:\n"
    "        e.submit()",
}  # fmt: skip
REFUSED = {
    "not narrowed by another test": ("maybe-none", "p = points.get(1)\nif ctx.flags:\n    p.x = 1"),
    "not narrowed behind the if": (
        "maybe-none", "p = points.get(1)\nif p is not None:\n    pass\np.x = 1"),
    "bound anew in the loop": (
        "maybe-none",
        "p = points[1]\nfor i in range(3):\n    total.value += p.x\n    p = points.get(i)"),
    "optional for a record": ("maybe-none", "change(points.get(1))"),
    "dropped on one path": (
        "ring-duty",
        "e = events.reserve()\nif e is None:\n    return\nif ctx.flags:\n    e.submit()"),
    "returned too early": (
        "ring-duty",
        "e = events.reserve()\nif e is None:\n    return\nif ctx.flags:\n    return\ne.submit()"),
    "not kept": ("ring-duty", "events.reserve()"),
    "not tested": ("ring-duty", "e = events.reserve()"),
    "twice": (
        "use-after-submit",
        "if (e := events.reserve()) is not None:\n    e.submit()\n    e.submit()"),
    "carried into the next round": (
        "ring-duty",
        "for i in range(3):\n    e = events.reserve()\n    if e is not None:\n        e.n = 1"),
    "submitted by a function before": (
        "use-after-submit",
        "if (e := events.reserve()) is not None:\n    tell(e)\n    e.n = 1"),
    "changed through an alias": (
        "changed-after-store", "p = Point()\nq = p\npoints[1] = p\nq.x = 1"),
    "changed by a function": ("changed-after-store", "p = Point()\npoints[1] = p\nchange(p)"),
    "changed in the next round": (
        "changed-after-store",
        "p = Point()\nfor i in range(3):\n    p.x = i\n    points[i] = p"),
    "changed by a function in the next round": (
        "changed-after-store",
        "p = Point()\nfor i in range(3):\n    change(p)\n    points[i] = p"),
    "nested and changed": (
        "changed-after-store", "i = Inner()\np = Point(inner=i)\ni.a = 1"),
    "read where the copy was changed": (
        "changed-after-store",
        "p = Point()\npoints[1] = p\nq = points[1]\nq.x = 2\ntotal.value = p.x"),
    "read where the inner copy was changed": (
        "changed-after-store", "i = Inner()\np = Point(inner=i)\np.inner.a = 1\ntotal.value = i.a"),
    "kept from an earlier round": (
        "stale-reference",
        "for i in range(3):\n    p = Point(x=i)\n    if i == 0:\n        k = p\n    k.x += 1"),
    "used behind the loop that makes it": (
        "stale-reference",
        "for i in range(3):\n    p = Point(x=i)\ntotal.value = p.x"),
    "map changed since": (
        "stale-reference", "p = points[1]\npoints[2] = Point()\ntotal.value = p.x"),
    "map changed in the round before": (
        "stale-reference",
        "p = points[1]\nfor i in range(3):\n    total.value += p.x\n    points.pop(i, None)"),
    "swapped in place": ("stale-reference", "points[1], points[2] = points[2], points[1]"),
    "target taken away": ("stale-reference", "points[1].x += take()"),
    "unbound on a path": ("unbound", "if ctx.flags:\n    n = 1\ntotal.value = n"),
    "unbound text": (
        "unbound", "if ctx.flags:\n    n = \"a\"\nif current.comm == n:\n    total.value = 1"),
    "unbound in the first round": (
        "unbound", "for i in range(3):\n    if i:\n        total.value += n\n    n = i"),
    "never assigned": ("unbound", "n: u32\ntotal.value = n"),
    "while that never moves": ("unbounded-loop", "n = 0\nwhile n < 5:\n    total.value += 1"),
    "while that moves on some paths": (
        "unbounded-loop", "n = 0\nwhile n < 5:\n    if ctx.flags:\n        n += 1"),
    "while that skips its step": (
        "unbounded-loop",
        "n = 0\nwhile n < 5:\n    if ctx.flags:\n        continue\n    n += 1"),
    "while that may wrap": ("unbounded-loop", "n: u8 = 0\nwhile n < 255:\n    n += 2"),
    "while whose limit moves": (
        "unbounded-loop", "n = 0\nm = 5\nwhile n < m:\n    n += 1\n    m += 1"),
    "while True": ("unbounded-loop", "while True:\n    break"),
    "range without a bound": ("unbounded-loop", "for i in range(ctx.flags):\n    pass"),
    "loops in loops": (
        "unbounded-loop",
        "for i in range(4000):\n    for j in range(4000):\n        total.value += 1"),
    "another type": ("local-type", "n = ctx.flags\nn = points[1]"),
    "a number that may not fit": ("local-type", "n = u8(ctx.flags)\nn = ctx.flags"),
    "a sum that may not fit": ("local-type", "n = u8(ctx.flags)\nn += ctx.flags"),
    "a sign that may not fit": ("local-type", "n = ctx.flags\nn -= s64(ctx.mode)"),
    "a number in a bool": ("local-type", "found = ctx.flags > 3\nfound = 5"),
    "a number that does not fit what may be None": (
        "local-type",
        "n = counts.get(1)\nif n is None:\n    n = s64(ctx.flags)",
    ),
    "shadowed builtin": ("not-yet", "total.value = sum(points)"),
}  # fmt: skip


def _names(body: str) -> dict[str, Any]:
    taken = "def take() -> u32:\n    points.pop(1, None)\n    return 1\n\n"
    head = f'{taken}@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    source = head + textwrap.indent(body, "    ") + "\n"
    return names_of(source, **names_of(DECLARATIONS, "declarations.py"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert compiled(_names(ACCEPTED[name])).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    assert {d.code for d in refusal.value.diagnostics} == {code}


def test_several_errors_in_one_run_and_no_cascade() -> None:
    body = (
        "a = ctx.nothing\nb = a + 1\ntotal.value = b\ntotal.value += 0.5\n"
        "if (e := events.reserve()) is not None:\n    e.n = a\n    e.submit(1)\n"
        "total.value = missing"
    )
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    found = [(d.code, d.line) for d in refusal.value.diagnostics]
    assert [code for code, _ in found] == [
        "no-attribute", "no-float", "arguments", "undefined-name",
    ]  # fmt: skip
    assert [line for _, line in found] == sorted(line for _, line in found)


def test_a_function_called_twice_is_refused_once() -> None:
    names = names_of(
        "def bad() -> u32:\n    return missing\n\n"
        '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
        "    total.value = bad() + bad()\n    total.value = bad()\n\n"
        '@tracepoint("syscalls:sys_enter_close")\ndef other(ctx: Context) -> None:\n'
        "    total.value = bad()\n",
        **names_of(DECLARATIONS, "declarations.py"),
    )
    with pytest.raises(CompileError) as refusal:
        compiled(names)
    assert [d.code for d in refusal.value.diagnostics] == ["undefined-name"]
