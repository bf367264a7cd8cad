"""The smallest buffer of text: the user side puts one character into it, a program none."""

from __future__ import annotations

import pytest

from probee.sim import Machine
from tests.frontend_cases import compiled, names_of

SOURCE = """
from probee import Context, Global, chars, raw_tracepoint, u64

letter = Global(chars(2), "")
total = Global(u64, 0)

@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    total.value = (1 if letter.value else 0) + (letter.value == "a") * 2 + len(letter.value.raw) * 4
"""


@pytest.mark.parametrize(("text", "expected"), [("", 0), ("a", 7), ("b", 5)])
def test_one_character_is_not_empty(text: str, expected: int) -> None:
    machine = Machine(compiled(names_of(SOURCE)))
    machine["letter"].value = text
    machine.run("program", [0, 0])
    assert machine["total"].value == expected
