"""Values across the kernel line: decoded as declared, encoded only if they fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError, UsageError
from probee.lang.types import (
    Chars,
    Struct,
    UserPtr,
    UserStr,
    chars,
    s8,
    s16,
    s32,
    s64,
    u8,
    u16,
    u32,
    u64,
)
from probee.runtime.decode import ValueCodec, row_decoder, text
from probee.runtime.records import RecordLayout
from probee.spec.types import ArrayOf, CharArray, Int, struct_format


class Inner(Struct):
    a: u8
    b: u32
    ok: bool


class Outer(Struct):
    first: u8
    inner: Inner
    at: UserPtr
    last: s64
    name: Chars = chars(8)


class Wide(Struct):
    a: u8
    b: s8
    c: u16
    d: s16
    e: u32
    f: s32
    g: u64
    h: s64
    flag: bool
    p: UserStr
    name: Chars = chars(16)


# To a type checker every field without a default is wanted; left out they are zero.
ZEROS: dict[str, Any] = {}


def outer() -> Outer:
    inner = Inner(a=1, b=2, ok=True)
    return Outer(first=9, inner=inner, at=1 << 63, name=Chars(b"name"), last=-5)


@pytest.mark.parametrize(
    ("raw", "expected", "cut"),
    [
        (b"\0" * 8, "", False),
        (b"abc\0\0\0\0\0", "abc", False),
        (b"abc\0xyz\0", "abc", False),
        (b"abcdef\0\0", "abcdef", False),
        (b"abcdefg\0", "abcdefg", False),  # as the kernel writes comm
        (b"abcdefg\x01", "abcdef", True),
        (b"\xff\xfe\0\0\0\0\0\0", "\udcff\udcfe", False),
        (b"x\0", "x", False),
        (b"x\x01", "", True),
    ],
)
def test_text(raw: bytes, expected: str, cut: bool) -> None:
    found = text(raw)
    assert found == expected
    assert isinstance(found, Chars)
    assert found.cut is cut
    assert found.raw == expected.encode("utf-8", "surrogateescape")


def test_nested_structs_come_out_as_their_classes() -> None:
    codec = ValueCodec(Outer.layout_, Outer)
    back = codec.decode(codec.encode(outer()))
    assert back == outer()
    assert type(back.inner) is Inner
    assert back.inner.ok is True
    assert Outer(**ZEROS).inner == Inner(**ZEROS)


def test_rows_of_nested_structs() -> None:
    layout = RecordLayout(struct_format(Outer.layout_))
    data = ValueCodec(Outer.layout_, Outer).encode(outer())
    assert row_decoder(Outer.layout_, Outer)(layout.unpack(data)) == outer()
    assert layout.size == Outer.layout_.size == len(data)


def test_a_struct_without_a_class_is_a_dict() -> None:
    codec = ValueCodec(Outer.layout_)
    back = codec.decode(ValueCodec(Outer.layout_, Outer).encode(outer()))
    assert back["inner"] == {"a": 1, "b": 2, "ok": True}
    assert codec.encode(back) == ValueCodec(Outer.layout_, Outer).encode(outer())


def test_arrays_are_lists() -> None:
    codec = ValueCodec(ArrayOf(Int("s16", 2, True), 3))
    assert codec.decode(codec.encode([1, -2, 3])) == [1, -2, 3]
    wrongs: tuple[object, ...] = ([1, 2], [1, 2, 3, 4], 7, "abc")
    for wrong in wrongs:
        with pytest.raises(UsageError, match="a list of 3 values"):
            codec.encode(wrong)
    with pytest.raises(UsageError, match=r"value\[1\]: 40000 does not fit s16"):
        codec.encode([1, 40000, 3])
    pairs = ValueCodec(ArrayOf(Inner.layout_, 2))
    assert pairs.decode(bytes(24)) == [{"a": 0, "b": 0, "ok": False}] * 2


letters = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=15).filter(
    lambda s: len(s.encode()) <= 15
)


@given(
    st.builds(
        Wide,
        st.integers(0, 255),
        st.integers(-128, 127),
        st.integers(0, 65535),
        st.integers(-32768, 32767),
        st.integers(0, (1 << 32) - 1),
        st.integers(-1 << 31, (1 << 31) - 1),
        st.integers(0, (1 << 64) - 1),
        st.integers(-1 << 63, (1 << 63) - 1),
        st.booleans(),
        st.integers(0, (1 << 64) - 1),
        letters.map(lambda s: Chars(s.encode())),
    )
)
def test_any_struct_comes_back(value: Wide) -> None:
    codec = ValueCodec(Wide.layout_, Wide)
    data = codec.encode(value)
    assert len(data) == Wide.layout_.size
    assert codec.decode(data) == value


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("a", 256, "key.a: 256 does not fit u8 (0 to 255)"),
        ("a", -1, "key.a: -1 does not fit u8"),
        ("d", 1 << 15, "does not fit s16"),
        ("h", -(1 << 63) - 1, "does not fit s64"),
        ("e", 1.5, "key.e: 1.5 is no integer"),
        ("e", None, "is no integer"),
        ("flag", 2, "does not fit bool"),
        ("p", 1 << 64, "does not fit a user address"),
        ("name", "x" * 16, "is not text that fits chars(16)"),
        ("name", "a\0b", "is not text that fits"),
        ("name", 3, "is no text"),
        ("name", "\ud800", "UTF-8"),
        ("name", Chars(b"abc", True), "was cut"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field: str, value: object, complaint: str) -> None:
    wrong = Wide(**ZEROS)
    setattr(wrong, field, value)
    with pytest.raises(UsageError) as caught:
        ValueCodec(Wide.layout_, Wide).encode(wrong, "key")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"key.{field}: ")


def test_the_wrong_struct_is_refused() -> None:
    wrongs: tuple[object, ...] = (Inner(**ZEROS), 3, {}, None)
    for wrong in wrongs:
        with pytest.raises(UsageError, match="is no Outer"):
            ValueCodec(Outer.layout_, Outer).encode(wrong)
    half = outer()
    del half.last
    with pytest.raises(UsageError, match="is no Outer"):
        ValueCodec(Outer.layout_, Outer).encode(half)


def test_plain_types() -> None:
    assert ValueCodec(Int("u32", 4, False)).encode(7) == (7).to_bytes(4, "little")
    assert ValueCodec(Int("bool", 1, False, boolean=True)).decode(b"\1") is True
    assert ValueCodec(CharArray(4)).encode("abc") == b"abc\0"
    assert ValueCodec(CharArray(4)).encode(b"a") == b"a\0\0\0"


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    codec = ValueCodec(Wide.layout_, Wide)
    if len(data) == codec.size:
        codec.decode(data)
    else:
        with pytest.raises(FormatError):
            codec.decode(data)
