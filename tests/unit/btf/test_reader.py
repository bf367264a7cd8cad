"""Strict reading: what is right decodes, what is wrong is a FormatError that says where."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from probee.btf import kinds
from probee.btf.check import check
from probee.btf.reader import Btf
from probee.btf.types import (
    Array,
    Const,
    Enum,
    Enumerator,
    FuncProto,
    Fwd,
    Int,
    Member,
    Param,
    Ptr,
    Struct,
    Typedef,
    Var,
)
from probee.errors import FormatError
from tests.unit.btf.samples import every_kind, info, newest_kinds, raw

if TYPE_CHECKING:
    from probee.btf.types import Type

BLOB = newest_kinds().build()
INT = [1, kinds.INT << 24, 4, 1 << 24 | 32]


def header(**changes: int) -> bytes:
    fields = {
        "magic": 0xEB9F, "version": 1, "flags": 0, "hdr_len": 24, "type_off": 0, "type_len": 16,
        "str_off": 16, "str_len": 3,
    } | changes  # fmt: skip
    return struct.pack("<HBB5I", *fields.values()) + struct.pack("<4I", *INT) + b"\0a\0"


def read_all(data: bytes) -> None:
    for _ in Btf(data).types():
        pass


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_int_in_either_byte_order(order: str) -> None:
    btf = Btf(raw(INT, order=order))
    assert btf.type(1) == Int("a", 4, 32, 1)
    assert btf.big_endian == (order == ">")
    assert len(btf) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"magic": 0xEB9E},
        {"version": 2},
        {"flags": 1},
        {"hdr_len": 20},
        {"hdr_len": 23},
        {"hdr_len": 100},
        {"hdr_len": 28},
        {"type_off": 2},
        {"type_off": 100},
        {"type_len": 15},
        {"type_len": 12},
        {"type_len": 0xFFFFFFFC},
        {"str_off": 12},
        {"str_off": 17},
        {"str_len": 0},
        {"str_len": 4},
        {"str_len": 2},
    ],
    ids=str,
)
def test_a_wrong_header(changes: dict[str, int]) -> None:
    read_all(header())
    with pytest.raises(FormatError) as caught:
        read_all(header(**changes))
    assert caught.value.offset >= 0


def test_empty_and_short_input() -> None:
    for size in range(24):
        with pytest.raises(FormatError):
            Btf(header()[:size])


def test_a_header_with_a_layout_section_and_a_kind_of_the_future() -> None:
    # Kind 20: 4 bytes once, 8 bytes an element.
    layout = b"".join(bytes([0, 0, 0, 0]) for _ in range(20)) + bytes([4, 8, 0, 0])
    words = [*INT, 0, 20 << 24 | 2, 7, 1, 2, 3, 4, 5, *INT]
    types = struct.pack(f"<{len(words)}I", *words)
    size = len(types)
    fields = (0, size, size + len(layout), 3, size, len(layout))
    data = struct.pack("<HBB7I", 0xEB9F, 1, 0, 32, *fields) + types + layout + b"\0a\0"
    btf = Btf(data)
    assert len(btf) == 3
    assert btf.type(3) == Int("a", 4, 32, 1)
    with pytest.raises(FormatError, match="newer"):
        btf.type(2)
    with pytest.raises(FormatError, match="unknown kind 20"):
        Btf(raw(words))


WRONG = {
    "int of three bytes": [1, info(kinds.INT), 3, 24],
    "int with a count": [1, info(kinds.INT, 1), 4, 32],
    "int with kind_flag": [1, info(kinds.INT, 0, 1), 4, 32],
    "int wider than itself": [1, info(kinds.INT), 1, 9],
    "int shifted out of itself": [1, info(kinds.INT), 1, 1 << 16 | 8],
    "int with two encodings": [1, info(kinds.INT), 1, 3 << 24 | 8],
    "int of no bits": [1, info(kinds.INT), 1, 0],
    "int with unused bits": [1, info(kinds.INT), 1, 1 << 8 | 8],
    "pointer with a name": [1, info(kinds.PTR), 0],
    "typedef without one": [0, info(kinds.TYPEDEF), 0],
    "array with a size": [0, info(kinds.ARRAY), 4, 1, 1, 1],
    "array by void": [0, info(kinds.ARRAY), 0, 1, 0, 1],
    "member outside": [1, info(kinds.STRUCT, 1), 4, 1, 1, 33],
    "bitfield across the end": [1, info(kinds.STRUCT, 1, 1), 4, 1, 1, 2 << 24 | 31],
    "union member not at 0": [1, info(kinds.UNION, 1), 4, 1, 1, 8],
    "enum of three bytes": [1, info(kinds.ENUM), 3],
    "enumerator without name": [1, info(kinds.ENUM, 1), 4, 0, 0],
    "forward of a type": [1, info(kinds.FWD), 1],
    "forward without name": [0, info(kinds.FWD), 0],
    "function without name": [0, info(kinds.FUNC), 1],
    "function of linkage 3": [1, info(kinds.FUNC, 3), 1],
    "function of void": [1, info(kinds.FUNC), 0],
    "prototype with a name": [1, info(kinds.FUNC_PROTO), 0],
    "variable of linkage 3": [1, info(kinds.VAR), 1, 3],
    "section with void": [1, info(kinds.DATASEC, 1), 4, 0, 0, 4],
    "section too small": [1, info(kinds.DATASEC, 1), 4, 1, 1, 4],
    "float of three bytes": [1, info(kinds.FLOAT), 3],
    "declaration tag without value": [0, info(kinds.DECL_TAG), 1, 0xFFFFFFFF],
    "declaration tag on component -2": [1, info(kinds.DECL_TAG), 1, 0xFFFFFFFE],
    "type tag without value": [0, info(kinds.TYPE_TAG), 1],
    "kind 0": [0, 0, 0],
    "kind 20": [0, info(20), 0],
    "name outside": [99, info(kinds.INT), 4, 32],
    "half a record": [0, info(kinds.PTR)],
    "count beyond the end": [1, info(kinds.STRUCT, 0xFFFF), 4, 1, 1, 0],
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_record_is_named_with_its_place(words: list[int]) -> None:
    read_all(raw(INT))
    with pytest.raises(FormatError) as caught:
        read_all(raw([*INT, *words]))
    assert caught.value.offset >= 24


@pytest.mark.parametrize(
    ("words", "type_"),
    [
        ([0, info(kinds.ARRAY), 0, 0, 1, 1], Array(0, 1, 1)),
        ([1, info(kinds.STRUCT, 1), 4, 1, 0, 0], Struct("a", 4, (Member("a", 0, 0, 0),))),
        ([0, info(kinds.FUNC_PROTO, 1), 0, 1, 0], FuncProto(0, (Param("a", 0),))),
        ([1, info(kinds.VAR), 0, 1], Var("a", 0, "global")),
    ],
    ids=["element", "member", "parameter", "variable"],
)
def test_a_float_of_clang_11_is_void(words: list[int], type_: Type) -> None:
    assert Btf(raw([*INT, *words])).type(2) == type_


def test_a_type_is_decoded_only_when_asked_for() -> None:
    btf = Btf(raw([*INT, 0, info(kinds.ARRAY), 0, 0, 0, 0, *INT]))
    assert btf.type(3) == Int("a", 4, 32, 1)
    with pytest.raises(FormatError):
        btf.type(2)


def test_ids_outside_are_named() -> None:
    btf = Btf(raw(INT))
    assert btf.kind(0) == 0
    assert btf.name(0) == ""
    for id in (2, -1, 1 << 40):
        with pytest.raises(FormatError, match="has no type"):
            btf.type(id)


def test_unsigned_and_signed_enums() -> None:
    words = [1, info(kinds.ENUM, 1), 4, 1, 0xFFFFFFFF, 1, info(kinds.ENUM, 1, 1), 4, 1, 0xFFFFFFFF]
    btf = Btf(raw(words))
    assert btf.type(1) == Enum("a", 4, (Enumerator("a", 0xFFFFFFFF),), signed=False)
    assert btf.type(2) == Enum("a", 4, (Enumerator("a", -1),), signed=True)


def test_names_that_are_not_utf8_survive() -> None:
    btf = Btf(raw(INT, strings=b"\0a\xff\0"))
    assert btf.name(1).encode("utf-8", "surrogateescape") == b"a\xff"
    assert btf.by_name(kinds.INT, btf.name(1)) == (1,)


def test_a_name_of_a_megabyte_is_refused_where_many_could_share_it() -> None:
    btf = Btf(raw(INT, strings=b"\0" + b"a" * (1 << 20) + b"\0"))
    assert len(btf.string(1)) == 1 << 20
    with pytest.raises(FormatError, match="longer"):
        btf.type(1)


# ------------------------------------------------------------------------------------ questions


def test_members_of_anonymous_members() -> None:
    b = every_kind()
    btf = Btf(b.build())
    (node,) = btf.by_name(kinds.STRUCT, "node")
    field = btf.member(node, "y")
    assert field is not None
    assert (field.bit_offset, field.offset, field.bits, field.size) == (112, 14, 0, 2)
    assert field.path == (3, 1, 1)
    assert btf.name(field.type) == "u16"
    high = btf.member(node, "high")
    assert high is not None
    assert (high.bit_offset, high.offset, high.bits) == (69, 8, 11)
    assert btf.member(node, "nothing") is None
    assert btf.member(node, "") is None
    with pytest.raises(FormatError, match="no members"):
        btf.member(1, "x")
    with pytest.raises(FormatError, match="no members"):
        btf.member(0, "x")


def test_sizes() -> None:
    btf = Btf(every_kind().build())
    (node,) = btf.by_name(kinds.STRUCT, "node")
    (alias,) = btf.by_name(kinds.TYPEDEF, "name_t")
    (counter,) = btf.by_name(kinds.VAR, "counter")
    (proto,) = btf.by_name(kinds.FUNC, "helper")
    assert btf.size_of(node) == 80
    assert btf.size_of(alias) == 16
    assert btf.size_of(counter) == 8
    slots = btf.member(node, "slots")
    assert slots is not None
    assert slots.size == 16
    after = btf.member(node, "next")
    assert after is not None
    assert btf.size_of(after.type) == 8
    assert btf.size_of(after.type, pointer=4) == 4
    for id in (0, proto):
        with pytest.raises(FormatError, match="no size"):
            btf.size_of(id)


def test_resolve_looks_through_modifiers_to_void_too() -> None:
    words = [0, info(kinds.CONST), 0, 1, info(kinds.TYPEDEF), 1, 1, info(kinds.TYPE_TAG), 2]
    btf = Btf(raw([*words, *INT, 0, info(kinds.VOLATILE), 4]))
    assert [btf.resolve(id) for id in range(6)] == [0, 0, 0, 0, 4, 4]


def test_cycles_end() -> None:
    modifiers = Btf(raw([0, info(kinds.CONST), 2, 1, info(kinds.TYPEDEF), 1]))
    with pytest.raises(FormatError, match="modifiers"):
        modifiers.resolve(1)
    arrays = Btf(raw([0, info(kinds.ARRAY), 0, 1, 1, 2]))
    with pytest.raises(FormatError, match="arrays"):
        arrays.size_of(1)
    # A struct whose two anonymous members are itself: 2**depth ways to look for a name.
    structs = Btf(raw([1, info(kinds.STRUCT, 2), 4, 0, 1, 0, 0, 1, 0]))
    assert structs.member(1, "x") is None
    for btf in (modifiers, arrays, structs):
        with pytest.raises(FormatError, match="contains itself"):
            check(btf)


def test_check_follows_a_long_chain_without_recursion() -> None:
    words = [word for id in range(2, 50_002) for word in (0, info(kinds.CONST), id)]
    check(Btf(raw([*words, *INT])))


@pytest.mark.parametrize(
    "words",
    [
        [0, info(kinds.PTR), 9],
        [1, info(kinds.FUNC), 1],
        [1, info(kinds.DATASEC, 1), 4, 1, 0, 4],
        [1, info(kinds.DECL_TAG), 1, 0xFFFFFFFF],
        [1, info(kinds.STRUCT), 4, 1, info(kinds.DECL_TAG), 2, 0],
        [0, info(kinds.FUNC_PROTO), 0, 1, info(kinds.FUNC), 2, 0, info(kinds.PTR), 3],
    ],
    ids=["dangling", "func of int", "section of int", "tag on int", "tag on no member", "function"],
)  # fmt: skip
def test_check_finds_wrong_references(words: list[int]) -> None:
    btf = Btf(raw([*INT, *words]))
    assert list(btf.types())
    with pytest.raises(FormatError):
        check(btf)


def test_check_takes_what_the_builder_makes() -> None:
    check(Btf(BLOB))


def test_types_by_hand() -> None:
    btf = Btf(
        raw(
            [
                *INT,
                0, info(kinds.PTR), 3,
                0, info(kinds.CONST), 1,
                1, info(kinds.TYPEDEF), 2,
                0, info(kinds.ARRAY), 0, 1, 1, 7,
                1, info(kinds.STRUCT, 2, 1), 8, 1, 1, 3 << 24 | 0, 0, 1, 32,
                1, info(kinds.FWD, 0, 1), 0,
            ]
        )
    )  # fmt: skip
    assert [type_ for _, type_ in btf.types()] == [
        Int("a", 4, 32, 1),
        Ptr(3),
        Const(1),
        Typedef("a", 2),
        Array(1, 1, 7),
        Struct("a", 8, (Member("a", 1, 0, 3), Member("", 1, 32, 0))),
        Fwd("a", union=True),
    ]


def test_a_layout_that_is_not_made_of_words() -> None:
    layout = bytes(80) + bytes([4, 6, 0, 0])  # of kind 20
    fields = (0, 16, 16 + len(layout), 3, 16, len(layout))
    types = struct.pack("<4I", *INT)
    data = struct.pack("<HBB7I", 0xEB9F, 1, 0, 32, *fields) + types + layout + b"\0a\0"
    with pytest.raises(FormatError, match="layout of kind 20 is not in words"):
        Btf(data)


def test_more_than_any_blob_may_have() -> None:
    count = 1 << 20
    types = struct.pack("<3I", 0, info(kinds.PTR), 0) * count
    data = struct.pack("<HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), 1) + types + b"\0"
    with pytest.raises(FormatError, match="more than 1048575 types"):
        Btf(data)
    strings = bytes(1 << 25)
    data = struct.pack("<HBB5I", 0xEB9F, 1, 0, 24, 0, 0, 0, len(strings)) + strings
    with pytest.raises(FormatError, match="string section is longer than"):
        Btf(data)


def test_a_tag_on_what_has_no_parameters() -> None:
    func = [1, info(kinds.FUNC), 1]
    tag = [1, info(kinds.DECL_TAG), 2, 0]
    with pytest.raises(FormatError, match="FUNC a, cannot refer to INT"):
        check(Btf(raw([*INT, *func, *tag])))
    proto = [0, info(kinds.FUNC_PROTO), 0]
    with pytest.raises(FormatError, match="DECL_TAG a, cannot refer to FUNC"):
        check(Btf(raw([*proto, *func, *tag])))


def test_a_tag_on_a_part_of_what_has_none() -> None:
    typedef = [1, info(kinds.TYPEDEF), 1]
    tag = [1, info(kinds.DECL_TAG), 2, 0]
    with pytest.raises(FormatError, match="DECL_TAG a, cannot refer to TYPEDEF"):
        check(Btf(raw([*INT, *typedef, *tag])))


def test_members_without_a_name_that_have_none_inside() -> None:
    struct_ = [1, info(kinds.STRUCT, 1), 4, 0, 1, 0]
    assert Btf(raw([*INT, *struct_])).member(2, "b") is None
