"""Bytes to values and back, by ctypes as the second opinion on layout."""

from __future__ import annotations

import ctypes
import sys

import pytest
from hypothesis import given, settings, strategies as st

from probee.btf import kinds, types
from probee.btf.codec import Codec
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError, NotSupportedError, ProbeeError, UsageError
from tests.unit.btf.samples import every_kind, raw

NODE = {
    "next": 0xFFFF888000000000,
    "low": 17,
    "high": -1000,
    "whole": 0x00020001,
    "x": 1,
    "y": 2,
    "name": "opens",
    "ratio": 1.5,
    "colour": "BLUE",
    "sign": "MINUS",
    "wide": "HUGE",
    "ok": True,
    "slots": [1, 1 << 63],
}


class Pair(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int16), ("y", ctypes.c_uint16)]


class Node(ctypes.Structure):
    _fields_ = [
        ("next", ctypes.c_uint64),
        ("low", ctypes.c_uint32, 5),
        ("high", ctypes.c_int32, 11),
        ("pair", Pair),
        ("name", ctypes.c_char * 16),
        ("ratio", ctypes.c_double),
        ("colour", ctypes.c_uint32),
        ("sign", ctypes.c_int32),
        ("wide", ctypes.c_uint64),
        ("ok", ctypes.c_bool),
        ("slots", ctypes.c_uint64 * 2),
    ]


def codec(kind: int, name: str, *, big_endian: bool = False) -> Codec:
    btf = Btf(every_kind().build(big_endian=big_endian))
    return Codec(btf, btf.by_name(kind, name)[0])


def test_a_struct_lies_as_ctypes_lays_it() -> None:
    native = Node(
        NODE["next"], 17, -1000, Pair(1, 2), b"opens", 1.5, 5, -1, 1 << 40, True,
        (ctypes.c_uint64 * 2)(1, 1 << 63),
    )  # fmt: skip
    node = codec(kinds.STRUCT, "node", big_endian=sys.byteorder == "big")
    assert node.size == ctypes.sizeof(Node) == 80
    assert node.decode(bytes(native)) == NODE
    assert node.encode(NODE) == bytes(native)


@pytest.mark.parametrize("big_endian", [False, True])
def test_both_byte_orders_come_back(big_endian: bool) -> None:
    node = codec(kinds.STRUCT, "node", big_endian=big_endian)
    value = NODE | {"whole": 0x10002 if big_endian else 0x20001}
    assert node.decode(node.encode(value)) == value


def test_a_bitfield_in_the_last_byte_of_a_struct() -> None:
    b = BtfBuilder()
    u32 = b.int_("u32", 4)
    id = b.struct("bits", 4, [("low", u32, 0, 24), ("top", u32, 24, 8)])
    bits = Codec(Btf(b.build()), id)
    assert bits.decode(bits.encode({"low": 0x123456, "top": 0xFF})) == {"low": 0x123456, "top": 255}


def test_big_endian_bitfields_count_from_the_top() -> None:
    b = BtfBuilder()
    u8 = b.int_("u8", 1)
    id = b.struct("bits", 1, [("high", u8, 0, 3), ("low", u8, 3, 5)])
    big = Codec(Btf(b.build(big_endian=True)), id)
    little = Codec(Btf(b.build()), id)
    assert big.encode({"high": 0b101, "low": 1}) == bytes([0b10100001])
    assert little.encode({"high": 0b101, "low": 1}) == bytes([0b00001101])
    assert big.decode(b"\xa1") == little.decode(b"\x0d") == {"high": 5, "low": 1}


def test_one_member_of_a_union_is_enough_and_several_must_agree() -> None:
    node = codec(kinds.STRUCT, "node")
    whole = {name: value for name, value in NODE.items() if name not in {"x", "y"}}
    pair = {name: value for name, value in NODE.items() if name != "whole"}
    assert node.encode(whole) == node.encode(pair) == node.encode(NODE)
    with pytest.raises(UsageError, match="disagrees"):
        node.encode(NODE | {"x": 7})
    with pytest.raises(UsageError, match="needs one of"):
        node.encode({name: value for name, value in whole.items() if name != "whole"})
    with pytest.raises(UsageError, match="needs a member 'y'"):
        node.encode({name: value for name, value in pair.items() if name != "y"})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("low", 32), ("low", -1), ("high", 1024), ("high", -1025), ("high", "x"), ("low", True),
        ("low", 1.0), ("next", 1 << 64), ("next", -1), ("name", "a" * 17), ("name", "a\0b"),
        ("name", b"x"), ("name", "é" * 9), ("name", "\ud800"), ("ratio", 1),
        ("colour", "MAUVE"), ("colour", 1 << 32),
        ("sign", -(1 << 31) - 1), ("ok", 1), ("ok", 2), ("slots", [1]), ("slots", [1, 2, 3]),
        ("slots", (1, 2)), ("slots", [1, -1]), ("slots", None), ("other", 1),
    ],
    ids=repr,
)  # fmt: skip
def test_what_does_not_fit(member: str, value: object) -> None:
    node = codec(kinds.STRUCT, "node")
    node.encode(NODE)
    with pytest.raises(UsageError, match=f"{member}|surrogate"):
        node.encode(NODE | {member: value})


def test_missing_members_and_wrong_shapes() -> None:
    node = codec(kinds.STRUCT, "node")
    for member in set(NODE) - {"whole", "x", "y"}:
        with pytest.raises(UsageError, match=member):
            node.encode({name: value for name, value in NODE.items() if name != member})
    with pytest.raises(UsageError):
        node.encode([])
    for size in (0, 79, 81):
        with pytest.raises(FormatError):
            node.decode(bytes(size))


def test_enums() -> None:
    colour = codec(kinds.ENUM, "colour")
    assert colour.decode(b"\5\0\0\0") == "BLUE"
    assert colour.decode(b"\7\0\0\0") == 7
    assert colour.encode("GREEN") == colour.encode(1) == b"\1\0\0\0"
    assert codec(kinds.ENUM, "sign").decode(b"\xff\xff\xff\xff") == "MINUS"


def test_a_bool_is_0_or_1() -> None:
    flag = codec(kinds.INT, "_Bool")
    assert (flag.decode(b"\0"), flag.decode(b"\1")) == (False, True)
    with pytest.raises(FormatError):
        flag.decode(b"\2")


def test_text_that_is_not_utf8_and_text_that_fills_its_array() -> None:
    name = codec(kinds.TYPEDEF, "name_t")
    raw_name = b"\xff\xfe" + b"a" * 14
    assert name.encode(name.decode(raw_name)) == raw_name
    assert name.decode(b"ab\0garbage------") == "ab"


def test_global_data_by_variable() -> None:
    bss = codec(kinds.DATASEC, ".bss")
    values = {"counter": 5, "hidden.1": -1}
    assert bss.size == 16
    assert bss.decode(bss.encode(values)) == values


@pytest.mark.parametrize(
    ("kind", "name"), [(kinds.FWD, "somewhere"), (kinds.FUNC, "helper")], ids=["fwd", "func"]
)
def test_what_has_no_values(kind: int, name: str) -> None:
    with pytest.raises(FormatError, match="no values"):
        codec(kind, name)
    with pytest.raises(FormatError):
        Codec(Btf(every_kind().build()), 0)


def test_floats() -> None:
    for size, value in ((2, 0.5), (4, -2.25), (8, 1e300)):
        b = BtfBuilder()
        id = b.float_("f", size)
        number = Codec(Btf(b.build()), id)
        assert number.decode(number.encode(value)) == value
    b = BtfBuilder()
    b.float_("float", 4)
    with pytest.raises(UsageError, match="does not fit"):
        Codec(Btf(b.build()), 1).encode(1e300)
    b = BtfBuilder()
    b.float_("long double", 16)
    with pytest.raises(NotSupportedError):
        Codec(Btf(b.build()), 1)


def struct(vlen: int, size: int, *members: int, kind: int = kinds.STRUCT) -> list[int]:
    return [1, kind << 24 | vlen, size, *members]


@pytest.mark.parametrize(
    "words",
    [
        struct(1, 8, 1, 1, 0),
        [0, kinds.ARRAY << 24, 0, 1, 1, 2],
        [0, kinds.ARRAY << 24, 0, 2, 2, 0xFFFFFFFF, *struct(0, 0)],
        struct(1, 1, 1, 2, 0) + [1, kinds.INT << 24, 4, 32],
        struct(1, 4, 1, 2, 1) + struct(0, 2),
        struct(2, 4, 1, 2, 0, 1, 2, 0) + [1, kinds.INT << 24, 4, 32],
        [1, kinds.STRUCT << 24 | 1 << 31 | 1, 4, 1, 2, 3 << 24, 0, kinds.ARRAY << 24, 0, 1, 1, 1],
        [0, kinds.ARRAY << 24, 0, 2, 2, 0xFFFFFFFF, 1, kinds.INT << 24, 4, 32],
        struct(1, 4, 1, 2, 0) + [0, kinds.FUNC_PROTO << 24, 0],
    ],
    ids=[
        "itself", "array of itself", "4 billion of nothing", "member too big", "struct at bit 1",
        "same name twice", "array as bitfield", "16 GB", "function inside",
    ],
)  # fmt: skip
def test_hostile_types(words: list[int]) -> None:
    with pytest.raises(FormatError):
        Codec(Btf(raw(words)), 1)


def test_unions_of_unions_do_not_explode() -> None:
    words: list[int] = []
    for id in range(2, 32):
        words += struct(2, 4, 1, id, 0, 3, id, 0, kind=kinds.UNION)
    with pytest.raises(FormatError, match="values in one"):
        Codec(Btf(raw([*words, 1, kinds.INT << 24, 4, 32], b"\0a\0b\0")), 1)


@settings(max_examples=200)
@given(st.binary(min_size=80, max_size=80), st.booleans())
def test_any_bytes_that_decode_encode_to_the_same_value(data: bytes, big_endian: bool) -> None:
    node = codec(kinds.STRUCT, "node", big_endian=big_endian)
    value = node.decode(data[:56] + bytes([data[56] & 1]) + data[57:])
    # A NaN is equal to nothing: compare what the encodings say.
    assert node.encode(value) == node.encode(node.decode(node.encode(value)))


@settings(max_examples=200, deadline=2000)
@given(
    st.lists(st.integers(0, len(every_kind().build()) * 8 - 1), min_size=1, max_size=4), st.data()
)
def test_flipped_bits_in_the_types(bits: list[int], data: st.DataObject) -> None:
    blob = bytearray(every_kind().build())
    for bit in bits:
        blob[bit // 8] ^= 1 << bit % 8
    try:
        btf = Btf(blob)
    except FormatError:
        return
    for id in range(1, len(btf) + 1):
        try:
            value = Codec(btf, id)
            if value.size < 4096:
                value.encode(
                    value.decode(data.draw(st.binary(min_size=value.size, max_size=value.size)))
                )
        except ProbeeError:
            pass


def test_the_classes_of_types_all_have_an_answer() -> None:
    btf = Btf(every_kind().build())
    for id, type_ in btf.types():
        try:
            assert Codec(btf, id).size >= 0
        except FormatError:
            final = btf.type(btf.resolve(id))
            assert isinstance(final, types.Fwd | types.Func | types.FuncProto | types.DeclTag)
            assert type_ == final or isinstance(type_, types.TypeTag)
