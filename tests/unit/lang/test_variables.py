"""Consts and Globals as declarations: on the user side they say that they are no live variables."""

from __future__ import annotations

from typing import Any

import pytest

from probee import Const, Global, PerCpuGlobal, s64, u8
from probee.errors import UsageError

DECLARED: dict[str, Any] = {
    "const": Const(u8, 3), "total": Global(s64, 0), "hits": PerCpuGlobal(s64, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
def test_a_declaration_gives_and_takes_no_value(name: str) -> None:
    declaration = DECLARED[name]
    with pytest.raises(UsageError, match=r"session\[declaration\]\.value"):
        print(declaration.value)
    with pytest.raises(UsageError, match=r"session\[declaration\]\.value"):
        declaration.value = 5


@pytest.mark.parametrize("other", [3, True, "text", b"bytes"])
def test_a_const_is_not_compared_by_its_identity(other: object) -> None:
    with pytest.raises(UsageError, match=r"session\[declaration\]\.value"):
        print(DECLARED["const"] == other)
    with pytest.raises(UsageError, match=r"session\[declaration\]\.value"):
        print(DECLARED["const"] != other)


def test_a_const_has_no_truth_of_its_own() -> None:
    with pytest.raises(UsageError, match="a Const has its value in kernel programs"):
        print(1 if DECLARED["const"] else 2)


def test_consts_are_keys() -> None:
    one, two = Const(u8, 3), Const(u8, 3)
    assert {one: 1, two: 2}[two] == 2
    assert one in [two, one]
    assert one != two
