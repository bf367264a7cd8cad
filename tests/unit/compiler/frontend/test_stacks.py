"""What stack traces accept and refuse, by code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError, UsageError
from probee.lang.stacks import StackTrace
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Context, Global, StackTrace, get_stackid, s64, tracepoint

stacks = StackTrace()
total = Global(s64, 0)
"""
ACCEPTED = {
    "tested": "id = stacks.kernel()\nif id is not None:\n    total.value = id",
    "or something else": "id = stacks.user(3)\ntotal.value = -1 if id is None else id",
}
REFUSED = {
    "not tested": ("maybe-none", "total.value = stacks.kernel()"),
    "as a map": ("map-operation", "if 1 in stacks:\n    total.value = 1"),
    "another method": ("map-operation", "total.value = stacks.get(1)"),
    "skip that is not known": ("constant", "id = stacks.kernel(ctx.flags)"),
    "skip too far": ("constant", "id = stacks.kernel(skip=256)"),
    "two arguments": ("arguments", "id = stacks.kernel(1, skip=2)"),
    "another keyword": ("arguments", "id = stacks.kernel(depth=2)"),
    "by the helper's name": ("helper-word", "total.value = get_stackid(ctx, stacks, 0)"),
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


def test_the_declaration() -> None:
    with pytest.raises(UsageError, match="kernel programs"):
        StackTrace().kernel()
    with pytest.raises(UsageError, match="depth"):
        StackTrace(depth=0)
