"""What helpers called by name may read and write, and what stands there behind the call."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from probee.sim import Machine, World
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Chars, Context, Counter, Global, Struct, array, chars, get_current_comm, s64
from probee import probe_read_user, raw_tracepoint, sizeof, strtol, tracepoint, u8, u32, u64

class Odd(Struct):
    a: u8
    b: u64
    c: bool

class Pair(Struct):
    odd: Odd
    flags: list[bool] = array(bool, 3)
    name: Chars = chars(16)

class Many(Struct):
    flags: list[bool] = array(bool, 257)

class Number(Struct):
    n: s64

class Small(Struct):
    n: u32

hits = Counter(Odd)
total = Global(u64, 0)
"""
ACCEPTED = {
    "all of it": "p = Odd()\nprobe_read_user(p, sizeof(Odd), 0)",
    "less than it": "p = Odd()\nprobe_read_user(p, 8, 0)",
    "what the program bounds": "p = Odd()\nprobe_read_user(p, min(ctx.flags & 15, sizeof(p)), 0)",
    "a part": "p = Pair()\nget_current_comm(p.name, 16)",
    "a result": 'n = Number()\np = Pair(name="12")\nstrtol(p.name, 16, 10, n)',
}
REFUSED = {
    "more than it": ("arguments", "p = Odd()\nprobe_read_user(p, 100, 0)"),
    "more than a part": ("arguments", "p = Pair()\nget_current_comm(p.name, 17)"),
    "nobody knows how much": ("arguments", "p = Odd()\nprobe_read_user(p, ctx.flags, 0)"),
    "less than nothing": ("arguments", "p = Odd()\nprobe_read_user(p, -1, 0)"),
    "no room for a result": (
        "arguments",
        'n = Small()\np = Pair(name="12")\nstrtol(p.name, 16, 10, n)',
    ),
    "a helper's own text is read past its end": (
        "arguments",
        "n = Number()\np = Pair()\nstrtol(p.name, 32, 10, n)",
    ),
    "too many bools": ("not-yet", "p = Many()\nprobe_read_user(p, sizeof(p), 0)"),
}
SETTLED = """
@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    pair = Pair()
    probe_read_user(pair, sizeof(Pair), u64(ctx.id))
    odd = pair.odd
    total.value = odd.c + 0
    if odd.c == True and pair.flags[2] == True:
        total.value += 10
    hits[odd] += 1
    hits[Odd(a=odd.a, b=odd.b, c=odd.c)] += 1
    total.value += hits[odd] * 100
"""


def _names(body: str) -> dict[str, Any]:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return names_of(DECLARATIONS + head + textwrap.indent(body, "    "))


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
    assert diagnostic.fix


def test_gaps_are_zeroes_and_bools_are_bools_again() -> None:
    spec = compiled(names_of(DECLARATIONS + SETTLED))
    machine = Machine(spec, world=World(user={0x1000: b"\xff" * 64}))
    machine.run("program", [0, 0x1000])
    assert machine["total"].value == 211
    assert len(machine["hits"]) == 1
