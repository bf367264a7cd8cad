"""C types as types of values: what has a like has it, and nothing takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.btf.reader import Btf
from probee.btf.types import Int as BtfInt, Member, Struct
from probee.btf.writer import BtfBuilder
from probee.objfile.read_types import U8, Values
from probee.spec import ArrayOf, CharArray, Field, Int, Pointer, StructType

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.spec.types import ValueType

INT, CHAR = Int("int", 4, True), Int("char", 1, True)


def found(make: Callable[[BtfBuilder], int]) -> ValueType | None:
    builder = BtfBuilder()
    id = make(builder)
    return Values(Btf(builder.build())).exact(id)


def int_(b: BtfBuilder) -> int:
    return b.int_("int", 4, signed=True)


def char(b: BtfBuilder) -> int:
    return b.int_("char", 1, signed=True)


ROWS: dict[str, tuple[Callable[[BtfBuilder], int], ValueType | None]] = {
    "int": (int_, INT),
    "bool": (lambda b: b.int_("_Bool", 1, boolean=True), Int("_Bool", 1, False, True)),
    "const": (lambda b: b.const(b.volatile(b.typedef("t", int_(b)))), INT),
    "int128": (lambda b: b.int_("__int128", 16), None),
    "some bits": (lambda b: b.add(BtfInt("int", 4, 5)), None),
    "enum": (lambda b: b.enum("e", [("A", -1)], signed=True), Int("e", 4, True)),
    "nameless enum": (lambda b: b.enum("", [("A", 1)]), Int("enum", 4, False)),
    "enum64": (lambda b: b.enum("e", [("A", 1)], size=8), Int("e", 8, False)),
    "float": (lambda b: b.float_("double", 8), None),
    "union": (lambda b: b.union("u", 4, [("a", int_(b))]), None),
    "void": (lambda b: b.const(0), None),
    "chars": (lambda b: b.array(char(b), 5), CharArray(5)),
    "bytes": (lambda b: b.array(b.int_("u8", 1), 5), ArrayOf(Int("u8", 1, False), 5)),
    "tiny enums": (
        lambda b: b.array(b.enum("e", [("A", 1)], size=1), 5),
        ArrayOf(Int("e", 1, False), 5),
    ),
    "floats": (lambda b: b.array(b.float_("float", 4), 5), None),
    "pointer": (lambda b: b.ptr(b.const(b.fwd("task"))), Pointer("kernel", "task")),
    "user's": (lambda b: b.ptr(b.type_tag("user", int_(b))), Pointer("user", "int")),
    "tagged": (lambda b: b.ptr(b.type_tag("rcu", int_(b))), Pointer("kernel", "int")),
    "of a pointer": (lambda b: b.ptr(b.ptr(0)), Pointer("kernel", "")),
    "struct": (
        lambda b: b.struct("s", 8, [("a", int_(b), 0), ("b", char(b), 32)]),
        StructType("s", (Field("a", INT, 0), Field("b", CHAR, 4)), 8, 4),
    ),
    "empty": (lambda b: b.struct("s", 0, []), StructType("s", (), 0, 1)),
    "inner": (
        lambda b: b.struct("s", 8, [
            ("a", int_(b), 0), ("", b.struct("", 4, [("b", int_(b), 0)]), 32)
        ]),
        StructType("s", (Field("a", INT, 0), Field("b", INT, 4)), 8, 4),
    ),
    "inner float": (
        lambda b: b.struct("s", 4, [("", b.struct("", 4, [("f", b.float_("float", 4), 0)]), 0)]),
        None,
    ),
    "bit field": (lambda b: b.struct("s", 4, [("a", int_(b), 0, 3)]), None),
    "between bytes": (lambda b: b.struct("s", 8, [("a", int_(b), 4)]), None),
    "overlap": (lambda b: b.struct("s", 8, [("a", int_(b), 0), ("b", int_(b), 16)]), None),
    "too long": (lambda b: b.struct("s", 4, [("a", int_(b), 16)]), None),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_types(name: str) -> None:
    make, expected = ROWS[name]
    assert found(make) == expected


def test_bytes_in_place_of_what_has_no_like() -> None:
    builder = BtfBuilder()
    number, real = int_(builder), builder.float_("double", 8)
    values = Values(Btf(builder.build()))
    assert values.of_size(number, 4) == INT
    assert values.of_size(number, 2) == ArrayOf(U8, 2)
    assert values.of_size(real, 8) == ArrayOf(U8, 8)
    assert Values(None).exact(1) is None


def test_structs_that_hold_themselves() -> None:
    """No compiler writes one; the reader ends all the same."""
    for name in ("", "named"):
        builder = BtfBuilder()
        id = builder.reserve()
        again = [("" if not name else f"m{n}", id, 0, 0) for n in range(3)]
        builder.define(id, Struct(name, 8, tuple(Member(*row) for row in again)))
        assert Values(Btf(builder.build())).exact(id) is None


def test_one_that_has_thousands_of_fields() -> None:
    builder = BtfBuilder()
    wide = builder.struct("w", 5000, [(f"m{n}", char(builder), 8 * n) for n in range(5000)])
    twice = builder.array(wide, 2)
    values = Values(Btf(builder.build()))
    assert values.exact(wide) is None
    assert values.exact(twice) is None


def test_a_deep_one() -> None:
    builder = BtfBuilder()
    id = int_(builder)
    for _ in range(40):
        id = builder.array(id, 1)
    assert Values(Btf(builder.build())).exact(id) is None


def test_more_tags_than_anybody_writes() -> None:
    builder = BtfBuilder()
    id = builder.struct("s", 4, [])
    for number in range(9):
        id = builder.type_tag("user" if not number else f"t{number}", id)
    pointer = builder.ptr(id)
    assert Values(Btf(builder.build())).exact(pointer) == Pointer("kernel", "s")
