"""Rows of names made of any bytes, in every format: one line, nothing that a terminal obeys."""

from __future__ import annotations

import csv
import json
import os

from hypothesis import given, strategies as st

from probee import Chars, Struct, chars, u32
from probee.frame.columns import Column, bind
from probee.frame.formats import Csv, Json, Table


class Named(Struct):
    number: u32
    comm: Chars = chars(16)
    path: Chars = chars(64)


COLUMNS = bind(
    (
        Column("number", "N", "number", 5),
        Column("comm", "COMM", "comm", 16),
        Column("path", "PATH", "path", memo=False),
    ),
    Named,
)
NAME = st.binary(max_size=15).filter(lambda name: 0 not in name)
PATH = st.binary(max_size=60).filter(lambda name: 0 not in name)


def raw(comm: bytes, path: bytes) -> list[tuple[int, bytes, bytes]]:
    return [(7, comm.ljust(16, b"\0"), path.ljust(64, b"\0"))]


@given(NAME, PATH)
def test_a_row_of_the_table_is_one_printable_line(comm: bytes, path: bytes) -> None:
    for follow in (False, True):
        line = Table(COLUMNS, follow=follow, colour=False).rows(raw(comm, path)).decode()
        assert line.endswith("\n")
        assert line[:-1].isprintable()


@given(NAME, PATH)
def test_json_gives_all_bytes_back(comm: bytes, path: bytes) -> None:
    line = Json(COLUMNS).rows(raw(comm, path))
    assert line.isascii()
    assert line.count(b"\n") == 1
    row = json.loads(line)
    assert os.fsencode(row["comm"]) == comm
    assert os.fsencode(row["path"]) == path


@given(NAME, PATH)
def test_a_row_of_csv_is_one_printable_line(comm: bytes, path: bytes) -> None:
    line = Csv(COLUMNS).rows(raw(comm, path)).decode()
    assert line.endswith("\r\n")
    assert line[:-2].isprintable()
    assert [len(row) for row in csv.reader([line])] == [3]
