"""Rows of the three formats, held against readers that other people wrote."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, strategies as st

from probee import Chars, Struct, chars, s32, u32
from probee.errors import UsageError
from probee.frame.columns import Column, bind
from probee.frame.formats import Csv, Json, Table
from probee.frame.parts import REMEMBERED, Memo
from probee.frame.text import escape, is_cut


class Event(Struct):
    pid: u32
    ret: s32
    comm: Chars = chars(16)
    path: Chars = chars(32)


COLUMNS = (
    Column("pid", "PID", "pid", 7),
    Column("comm", "COMM", "comm", 16),
    Column("errno", "ERR", "ret", 3, right=True, value=lambda ret: max(-ret, 0),
           text=lambda ret: str(max(-ret, 0)), bad=lambda ret: ret < 0),
    Column("pair", "", "pid ret", value=sum),
    Column("ok", "", "ret", value=lambda ret: None if ret == 0 else ret > 0),
    Column("path", "PATH", "path", memo=False),
    Column("cut", "", "path", value=is_cut, memo=False),
)  # fmt: skip


def event(pid: int, ret: int, comm: bytes, path: bytes) -> tuple[int, int, bytes, bytes]:
    """A record as the ring gives it; behind the NUL stands what was there before."""
    return (
        pid,
        ret,
        comm.ljust(16, b"\0"),
        path if len(path) >= 31 else (path + b"\0").ljust(32, b"Z"),
    )


def table(*, follow: bool = False, colour: bool = False) -> Table:
    return Table(bind(COLUMNS, Event), follow=follow, colour=colour)


def test_table() -> None:
    format_ = table()
    assert format_.header == b"PID     COMM             ERR PATH\n"
    rows = format_.rows([event(1, 3, b"cat", b"/etc/passwd"), event(4194304, -2, b"a b", b"")])
    assert rows == (
        b"1       cat                0 /etc/passwd\n"
        b"4194304 a b                2 \n"
    )  # fmt: skip


def test_table_escapes_and_marks_cut_names() -> None:
    rows = table().rows([event(1, 0, b"\x1b[2J", b"a\nb"), event(1, 0, b"c", b"d" * 32)])
    assert rows.decode().splitlines() == [
        "1       \\x1b[2J            0 a\\nb",
        "1       c                  0 " + "d" * 30 + "…",
    ]


def test_a_pipe_gets_fixed_widths_a_terminal_widths_that_follow() -> None:
    wide = event(123456789, 0, b"c", b"p")
    short = event(1, 0, b"c", b"p")
    fixed, follows = table(), table(follow=True)
    assert fixed.rows([wide]).startswith(b"123456789 c")
    assert fixed.rows([short]).startswith(b"1       c")
    assert follows.rows([wide]).startswith(b"123456789 c")
    assert follows.rows([event(2, 0, b"c", b"p")]).startswith(b"2         c")


def test_wide_characters_take_two_cells() -> None:
    assert table().rows([event(1, 0, "漢字".encode(), b"p")]).decode() == (
        "1       漢字" + " " * 12 + "   0 p\n"
    )


def test_colour() -> None:
    rows = table(colour=True).rows([event(1, -2, b"c", b"p"), event(1, 0, b"c", b"p")])
    assert rows.count(b"\x1b[31m  2\x1b[0m ") == 1
    assert rows.count(b"\x1b") == 2
    assert table(colour=True).header.startswith(b"\x1b[1mPID")


PATHS = st.binary(max_size=32).filter(lambda path: 0 not in path and len(path) != 31)
EVENTS = st.builds(
    event,
    st.integers(0, 2**32 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.binary(max_size=15).filter(lambda comm: 0 not in comm),
    PATHS,
)


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_json_is_read_back(events: list[tuple[int, int, bytes, bytes]]) -> None:
    lines = Json(bind(COLUMNS, Event)).rows(events).decode("ascii").splitlines()
    assert len(lines) == len(events)
    for line, (pid, ret, comm, path) in zip(lines, events, strict=True):
        row = json.loads(line)
        assert list(row) == ["pid", "comm", "errno", "pair", "ok", "path", "cut"]
        assert (row["pid"], row["errno"], row["pair"]) == (pid, max(-ret, 0), pid + ret)
        assert row["ok"] is (None if ret == 0 else ret > 0)
        assert row["comm"].encode("utf-8", "surrogateescape") == comm.rstrip(b"\0")
        whole = path.partition(b"\0")[0] if 0 in path else path[:-2]
        assert row["path"].encode("utf-8", "surrogateescape") == whole
        assert row["cut"] is (0 not in path)


def test_strings_that_are_absent() -> None:
    path = Column("path", "PATH", "path", memo=False, absent="ret")
    columns = bind((Column("pid", "PID", "pid"), path), Event)
    batch = [event(1, 0, b"", b'"?'), event(2, 1, b"", b"?"), event(3, 0, b"", b"")]
    for number in range(1, 4):  # of several sizes: with and without one that is absent
        rows = batch[:number]
        paths = ['"?', None, ""][:number]
        read = [json.loads(line)["path"] for line in Json(columns).rows(rows).splitlines()]
        assert read == paths
        text = Csv(columns).rows(rows).decode()
        assert [row[1] for row in csv.reader(io.StringIO(text))] == [p or "" for p in paths]
        shown = Table(columns, follow=False, colour=False).rows(rows).decode().splitlines()
        assert [row[4:] for row in shown] == ['"?', "?", ""][:number]


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_csv_is_read_back(events: list[tuple[int, int, bytes, bytes]]) -> None:
    format_ = Csv(bind(COLUMNS, Event))
    text = (format_.header + format_.rows(events)).decode()
    assert text.count("\r\n") == text.count("\n") == len(events) + 1
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row, (pid, ret, comm, path) in zip(rows, events, strict=True):
        assert (row["pid"], row["errno"]) == (str(pid), str(max(-ret, 0)))
        assert row["comm"] == escape(comm.rstrip(b"\0"))
        whole = path.partition(b"\0")[0] if 0 in path else path[:-2]
        assert row["path"] == escape(whole)
        assert row["ok"] == ("" if ret == 0 else "true" if ret > 0 else "false")


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_a_batch_reads_as_its_rows_do(events: list[tuple[int, int, bytes, bytes]]) -> None:
    for make in (table, lambda: Json(bind(COLUMNS, Event)), lambda: Csv(bind(COLUMNS, Event))):
        one_by_one = make()
        assert make().rows(events) == b"".join(one_by_one.rows([e]) for e in events)


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_a_table_row_is_a_line(events: list[tuple[int, int, bytes, bytes]]) -> None:
    lines = table().rows(events).decode().split("\n")
    assert len(lines) == len(events) + 1
    assert all(line.isprintable() for line in lines)


def test_memory_of_cells_is_bounded() -> None:
    format_ = table()
    for start in range(0, 3 * REMEMBERED, 512):
        format_.rows([event(start + i, 0, b"c", b"p") for i in range(512)])
    sizes = [
        len(cell.cell_contents.__self__)
        for part in format_.line._parts
        for cell in part.__closure__ or ()
        if isinstance(getattr(cell.cell_contents, "__self__", None), Memo)
    ]
    assert sizes
    assert max(sizes) <= REMEMBERED


def test_a_column_of_a_field_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no field 'nonsense'"):
        bind([Column("x", "X", "nonsense")], Event)
