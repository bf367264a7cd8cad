"""Graphs of large programs: what is drawn takes time by its size, not by the square of it."""

from __future__ import annotations

import struct
import time

from probee.asm import make
from probee.introspect.cfg import Code, dot, drawn
from probee.objfile.read import read
from tests.unit.objfile.samples import EXIT, LD64, NAMED, Sample

SOON = 30  # seconds, on whatever machine


def test_many_functions() -> None:
    count = 60_000
    names = {slot: f"f{slot}" for slot in range(count)}
    start = time.monotonic()
    lines = list(drawn(Code("many", (make.exit_(),) * count, names, {}, {}, {})))
    assert time.monotonic() - start < SOON
    boxes = [line for line in lines if line.startswith("\t\tb")]
    assert len(boxes) == count
    assert boxes[7] == '\t\tb7 [label="   7: exit\\l"];\n'


def test_a_table_that_is_taken_many_times() -> None:
    count = 40_000
    made = Sample()
    places = range(count * 16 + 8, count * 24 + 8, 8)
    section = made.data(".jumptables", struct.pack(f"<{count}Q", *places))
    table = made.object(section, "T", 0, 8 * count)
    code = made.code("socket", LD64 * count + b"\x0d\1" + bytes(6) + EXIT * count)
    made.elf.relocate(code, [(16 * n, table, NAMED) for n in range(count)])
    spec = read(made.build())
    start = time.monotonic()
    lines = list(dot(spec, "program"))
    assert time.monotonic() - start < SOON
    assert sum(" -> " in line for line in lines) == count
