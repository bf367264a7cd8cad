"""Names of every byte: safe on a terminal, whole in JSON and CSV, reversible."""

from __future__ import annotations

import json
import os
import unicodedata

import pytest
from hypothesis import given, strategies as st

from probee.frame.text import (
    csv_cell,
    escape,
    is_cut,
    json_string,
    names_of,
    printable,
    shown_width,
    text_of,
)

NAMES = st.binary(max_size=60).filter(lambda name: 0 not in name) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
).map(str.encode)


def unescape(text: str) -> bytes:
    """The inverse of `escape`, written without it."""
    out = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        if char != "\\":
            out += char.encode()
            at += 1
            continue
        kind = text[at + 1]
        if kind in "ntr\\":
            out += {"n": b"\n", "t": b"\t", "r": b"\r", "\\": b"\\"}[kind]
            at += 2
        else:
            digits = {"x": 2, "u": 4, "U": 8}[kind]
            code = int(text[at + 2 : at + 2 + digits], 16)
            out += bytes([code]) if kind == "x" else chr(code).encode()
            at += 2 + digits
    return bytes(out)


@given(NAMES)
def test_escape_is_reversible_and_safe(name: bytes) -> None:
    shown = escape(name)
    assert unescape(shown) == name
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    shown.encode()


def test_every_byte_alone() -> None:
    for byte in range(1, 256):
        name = bytes([byte])
        shown = escape(name)
        assert unescape(shown) == name
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"/etc/hostname", "/etc/hostname"),
        (b"a\nb\tc\rd\\e", "a\\nb\\tc\\rd\\\\e"),
        (b"\x1b[31m\x7f\x07", "\\x1b[31m\\x7f\\x07"),
        ("é漢…".encode(), "é漢…"),
        ("\x85\u202e\u2066\ufeff\U000e0001".encode(), "\\u0085\\u202e\\u2066\\ufeff\\U000e0001"),
        (b"\xff\xfe\xc3", "\\xff\\xfe\\xc3"),
        (b"", ""),
    ],
)
def test_escape(name: bytes, shown: str) -> None:
    assert escape(name) == shown


@given(NAMES)
def test_json_gives_every_byte_back(name: bytes) -> None:
    text = json_string(name)
    assert text.isascii()
    assert text.isprintable()
    back = json.loads(text)
    assert os.fsencode(back) == name or back.encode("utf-8", "surrogateescape") == name


@given(st.text(max_size=40))
def test_json_agrees_with_the_standard_library(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    if b"\0" not in raw and raw.decode("utf-8", "ignore") == text:
        assert json.loads(json_string(raw)) == text


def test_csv_quotes() -> None:
    assert [csv_cell(text) for text in ("a", "a,b", 'a"b')] == ["a", '"a,b"', '"a""b"']


@given(st.binary(min_size=4, max_size=20))
def test_buffers(raw: bytes) -> None:
    if 0 in raw:
        assert text_of(raw) == raw[: raw.index(0)] == names_of([raw])[0]
        assert not is_cut(raw)
    else:
        assert is_cut(raw)
        assert text_of(raw) == raw[:-2]
        with pytest.raises(ValueError, match="not found"):
            names_of([raw])


def test_shown_width() -> None:
    assert [shown_width(text) for text in ("abc", "é", "漢字", "e\u0301")] == [3, 1, 4, 1]


@given(st.text(st.characters(codec=None), max_size=30))
def test_messages_are_safe_lines(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    shown.encode()  # no lone surrogate is left
    assert not text.isprintable() or shown == text


@pytest.mark.parametrize("mark", ["\u0300", "\u20dd", "\ufe0f", "\u0941"])
def test_marks_take_no_room(mark: str) -> None:
    assert shown_width(f"a{mark}b漢") == 4
