"""Tables whose widths fit what they hold."""

from __future__ import annotations

from probee.frame.columns import Column
from probee.frame.listing import cells, clipped, fitted, table
from probee.frame.text import shown_width
from probee.frozen import Frozen


class Pair(Frozen):
    left: str
    number: int


COLUMNS = (
    Column("left", "L", "left"),
    Column("number", "NUMBER", "number", right=True),
    Column("both", "BOTH", "left number", text=lambda both: f"{both[0]}{both[1]}"),
)


def test_widths_are_of_what_is_widest() -> None:
    rows = [cells(COLUMNS, Pair("é漢", 5)), cells(COLUMNS, Pair("a", 12345678))]
    assert table(COLUMNS, rows) == [
        "L     NUMBER BOTH",
        "é漢        5 é漢5",
        "a   12345678 a12345678",
    ]
    assert table(COLUMNS, []) == ["L NUMBER BOTH"]


def test_on_a_narrow_terminal_texts_are_cut_and_numbers_are_not() -> None:
    rows = [cells(COLUMNS, Pair("a rather long name", 12345678)), cells(COLUMNS, Pair("b", 5))]
    assert fitted(COLUMNS, rows, 100) == table(COLUMNS, rows)
    assert fitted(COLUMNS, rows, 40) == [
        "L                 NUMBER BOTH",
        "a rather long … 12345678 a rather long …",
        "b                      5 b5",
    ]
    assert fitted(COLUMNS, rows, 20)[1] == "a rathe… 12345678 a…"
    assert all(shown_width(line) <= 20 for line in fitted(COLUMNS, rows, 20))


def test_all_texts_give_before_the_line_is_cut() -> None:
    columns = (Column("left", "L", "left"), Column("right", "A LONG HEADING", "left"))
    lines = fitted(columns, [("0123456789abc", "0123456789abcd")], 24)
    assert lines == ["L         A LONG HEADING", "01234567… 0123456789abcd"]


def test_a_line_that_is_too_long_says_so() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdef", 5) == "abcd…"
    assert clipped("漢字漢字", 6) == "漢字…"
    assert clipped("漢字", 1) == "…"
    assert clipped("abc", 0) == ""
