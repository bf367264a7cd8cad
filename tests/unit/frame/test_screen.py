"""Keys from bytes, and pages as the bytes that change them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, strategies as st

from probee.errors import ProbeeError
from probee.frame.keys import Keys
from probee.frame.output import Output
from probee.frame.screen import Drawing, Screen, Text


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[5~\x1b[6~", ["home", "end"] * 2 + ["pageup", "pagedown"]),
        (b"\r\x7f\t\x1b", ["enter", "backspace", "tab", "escape"]),
        (b"\x1b[1;5A", ["up"]),
        (b"\x1b[200~x", ["x"]),  # not known, and left out whole
        ("é漢".encode(), ["é", "漢"]),
        (b"\x01a", ["a"]),
        (b"", []),
    ],
)
def test_keys(data: bytes, keys: list[str]) -> None:
    assert Keys().feed(data) == keys


@pytest.mark.parametrize("data", [b"\x1b[A", b"\x1b[15~", "漢".encode(), b"\x1bOB"])
def test_keys_that_come_in_pieces(data: bytes) -> None:
    keys = Keys()
    pieces = [data[:2], *(data[at : at + 1] for at in range(2, len(data)))]
    assert [key for piece in pieces for key in keys.feed(piece)] == Keys().feed(data)


def test_an_endless_sequence_is_not_kept() -> None:
    keys = Keys()
    for _ in range(100):
        keys.feed(b"\x1b[" + b"1" * 40)
    assert len(keys._rest) < 100


def test_only_what_changed_is_written() -> None:
    drawing = Drawing(colour=True)
    first = drawing.update([Text("one", "head"), Text("two"), Text("three")], 20, 4)
    assert first == b"\x1b[2J\x1b[1;1H\x1b[1mone\x1b[0m\x1b[K\x1b[2;1Htwo\x1b[K\x1b[3;1Hthree\x1b[K"
    assert drawing.update([Text("one", "head"), Text("two"), Text("three")], 20, 4) == b""
    assert drawing.update([Text("one", "head"), Text("2")], 20, 4) == (
        b"\x1b[2;1H2\x1b[K\x1b[3;1H\x1b[K"
    )
    assert drawing.update([Text("one", "head"), Text("2")], 19, 4).startswith(b"\x1b[2J")


def test_a_page_is_never_larger_than_the_terminal() -> None:
    shown = Drawing(colour=False).update([Text("x" * 30), Text("y"), Text("z")], 10, 2)
    assert "xxxxxxxxx…".encode() in shown
    assert "…\x1b[K".encode() not in shown  # it would take the last cell away
    assert b"z" not in shown


def test_the_chosen_line_is_marked_to_the_edge_without_colour_too() -> None:
    shown = Drawing(colour=False).update([Text("a", "chosen"), Text("b", "bad")], 5, 2)
    assert b"\x1b[7ma    \x1b[0m" in shown
    assert b"\x1b[31m" not in shown


def test_no_terminal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(ProbeeError, match="no terminal"):
        Screen(Output(os.devnull))


@given(st.lists(st.binary(max_size=12), max_size=6))
def test_no_bytes_of_a_terminal_are_too_much(pieces: list[bytes]) -> None:
    keys = Keys()
    for piece in pieces:
        for key in keys.feed(piece):
            assert key.isprintable()
    assert len(keys._rest) <= 64
