"""Calls that cannot run are read once, and what is wrong in them or around them is still told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import results
from probee.errors import CompileError
from tests.frontend_cases import compiled, ir_of, names_of

if TYPE_CHECKING:
    from typing import Any

    import pytest

SOURCE = """
from probee import Const, Context, Hash, current, tracepoint, u8, u32, u64

on = Const(bool, False)
seen = Hash(u32, u64)

def small(x: u8) -> u8:
    return x

def deep(x: u32) -> u32:
    {body}

@tracepoint("syscalls:sys_enter_openat")
def first(ctx: Context) -> int:
    if False:
        {first}
    return 0

@tracepoint("syscalls:sys_enter_close")
def second(ctx: Context) -> int:
    if False:
        {second}
    return 0
"""


def source(
    body: str = "return x + 1", first: str = "y = deep(1)", second: str = "y = deep(2)"
) -> str:
    return SOURCE.format(body=body, first=first, second=second)


def codes_of(source: str) -> list[str]:
    """The codes of all that is wrong with a module's programs."""
    try:
        compiled(names_of(source))
    except CompileError as error:
        return [diagnostic.code for diagnostic in error.diagnostics]
    return []


def test_a_body_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[bool] = []
    real = results.of

    def of(*given: Any) -> Any:
        inside.append(True)
        return real(*given)

    monkeypatch.setattr(results, "of", of)
    ir_of(names_of(source()))
    assert len(inside) == 1


def test_a_mistake_inside_is_told_once() -> None:
    assert codes_of(source(body="return missing")) == ["undefined-name"]


def test_a_wrong_argument_is_told_at_each_call() -> None:
    found = codes_of(source(first="y = small(1)", second="y = small(300)"))
    assert found == ["literal-range"]


def test_what_it_was_worth_is_what_it_is_worth() -> None:
    found = codes_of(source(second="y = deep(2).field"))
    assert found == ["no-attribute"]


def test_a_field_of_another_hook_is_told() -> None:
    body = "return 0\n\ndef fields(ctx: Context) -> u64:\n    return ctx.filename"
    found = codes_of(source(body=body, first="y = fields(ctx)", second="y = fields(ctx)"))
    assert found == ["no-attribute"]
