"""What perf event arrays accept and refuse, by code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Context, Global, Hash, PerfEventArray, RingBuf, Struct, tracepoint, u32, u64
from probee import perf_event_output

class Event(Struct):
    n: u64

class Other(Struct):
    n: u64

events = PerfEventArray(Event)
table = Hash(u32, Event)
total = Global(u64, 0)
"""
ACCEPTED = {
    "from the stack": "e = Event(n=ctx.flags)\nevents.output(e)\ntotal.value = e.n",
    "made in place": "events.output(Event(n=1))",
    "from a map": "e = table.get(1)\nif e is not None:\n    events.output(e)",
}
REFUSED = {
    "another struct": ("type", "events.output(Other(n=1))"),
    "a number": ("type", "events.output(1)"),
    "what may be None": ("maybe-none", "events.output(table.get(1))"),
    "two records": ("arguments", "events.output(Event(), Event())"),
    "reserved": ("map-operation", "e = events.reserve()"),
    "by key": ("map-operation", "events[0] = Event()"),
    "by the helper's name": (
        "helper-word", "e = Event()\nperf_event_output(ctx, events, 0, e, 8)"),
}  # fmt: skip


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
