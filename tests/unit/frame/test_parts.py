"""The parts of a line: what is put together, and what a whole batch is asked."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from probee.frame.parts import Line, Memo
from probee.frame.text import PLAIN, is_cut, text_of


def shown(prefix: str) -> Any:
    return lambda raw: f"{prefix}{raw};".encode()


def line() -> Line:
    """Two columns of place 0, one of both numbers, a string, and whether it is cut."""
    made = Line()
    made.constant(b"<")
    made.constant(b"[")
    made.cells((0,), shown("a"), memo=True)
    made.cells((0,), shown("b"), memo=True)
    made.constant(b"|")
    made.cells((0,), shown("c"), memo=True)
    made.cells((0, 1), shown("d"), memo=True)
    made.cells((1,), shown("e"), memo=False)
    made.constant(b">")
    made.strings(2, PLAIN, lambda raw: b"?" + text_of(raw))
    made.flag(2, b" no", b" yes")
    made.constant(b"\n")
    return made


def plainly(row: tuple[int, int, bytes]) -> bytes:
    a, b, raw = row
    text = text_of(raw)
    cut = b" yes" if is_cut(raw) else b" no"
    return f"<[a{a};b{a};|c{a};d{a, b};e{b};>".encode() + text + cut + b"\n"


ROWS = st.tuples(
    st.integers(0, 3), st.integers(-2, 2), st.sampled_from([b"x\0", b"xyz\0y", b"\0", b"xyz\1"])
)


@given(st.lists(st.lists(ROWS, min_size=1), max_size=4))
def test_batches_are_the_same_as_rows(batches: list[list[tuple[int, int, bytes]]]) -> None:
    made = line()
    for batch in batches:
        marked = made.rows(list(zip(*batch, strict=True)))
        assert marked.replace(b">?", b">") == b"".join(map(plainly, batch))


def test_what_stands_side_by_side_is_remembered_together() -> None:
    made = line()
    columns = [(1, 2), (5, 6), (b"p\0", b"q\0")]
    made.rows(columns)
    cells = [c for part in made._parts for c in part.__closure__ or ()]
    memos = [c.cell_contents.__self__ for c in cells if _of_a_memo(c.cell_contents)]
    assert [dict(memo) for memo in memos] == [
        {1: b"<[a1;b1;|", 2: b"<[a2;b2;|"},
        {1: b"c1;", 2: b"c2;"},
        {(1, 5): b"d(1, 5);", (2, 6): b"d(2, 6);"},
    ]


def _of_a_memo(value: object) -> bool:
    return isinstance(getattr(value, "__self__", None), Memo)


def test_one_string_with_an_odd_byte_has_all_of_its_batch_looked_at() -> None:
    made = Line()
    made.strings(0, PLAIN, lambda raw: b"(" + text_of(raw) + b")")
    assert made.rows([(b"a\0", b"b\0")]) == b"ab"
    assert made.rows([(b"a\0", b"b\n\0")]) == b"(a)(b\n)"
    assert made.rows([(b"a\0", b"bc\1")]) == b"(a)(b)"
