"""A refusal says what to write instead, where it shows from the name that was used."""

from __future__ import annotations

import textwrap

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Array, Const, Context, Global, Hash, Struct, current, tracepoint, u32, u64

class Point(Struct):
    x: u32

counts = Hash(u32, u64)
slots = Array(u64, max_entries=8)
total = Global(u64, 0)
limit = Const(u32, 3)
plain = 5

def two() -> u32:
    return 2
"""
# a body -> its code, and what the fix says
HINTS = {
    "total += 1": ("unbound", "`total.value` is the module's"),
    "plain += 1": ("unbound", "give it another name"),
    "n += 1": ("unbound", "assign `n` before this"),
    "counts[1] = total": ("type", "write `total.value`"),
    "if total > 3:\n    counts[1] = 1": ("type", "write `total.value`"),
    "total.value = counts": ("type", "write `counts[key]`"),
    "total.value = two": ("type", "call it: `two()`"),
    "total.value = counts.get": ("type", "call it: `.get()`"),
    "total.value = limit.value": ("no-attribute", "a Const is its value, without .value"),
    "limit.value = 4": ("no-attribute", "cannot be written"),
    "total.value = ktime_get_ns()": ("undefined-name", "from probee import ktime_get_ns"),
    "total.value = bpf_ktime_get_ns()": ("undefined-name", "from probee import ktime_get_ns"),
    "atomic_add(total.value, 1)": ("undefined-name", "from probee import atomic_add"),
    "total.value = limt": ("undefined-name", "is `limit` meant?"),
    "total.value = counts.get(1) + 1": ("maybe-none", "if (found := counts.get(1)) is not None"),
    "a = counts.get(1)\na = None if ctx.flags else ctx.mode": (
        "local-type",
        "it is u64 or None: convert the number, or None",
    ),
    "total.value = len(counts)": ("map-operation", "use len() on the user side"),
    "total.value = len(slots)": ("map-operation", "range(N)"),
    "if ctx.flags:\n    p = Point(1)\nelse:\n    p = Point(2)": (
        "local-type",
        "make it once, before, and assign its fields",
    ),
}


@pytest.mark.parametrize("body", HINTS)
def test_the_fix(body: str) -> None:
    code, words = HINTS[body]
    head = '\n@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(DECLARATIONS + head + textwrap.indent(body, "    ")))
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.fix
