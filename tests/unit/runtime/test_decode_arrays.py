"""Arrays in structs across the kernel line: lists of what they hold, encoded only if they fit."""

from __future__ import annotations

import struct

import pytest

from probee.errors import UsageError
from probee.lang.types import Chars, Struct, array, chars, s16, u8, u32
from probee.runtime.decode import ValueCodec, row_decoder
from probee.spec.types import struct_format


class Point(Struct):
    x: u32
    y: s16


class Line(Struct):
    n: u8
    slots: list[u32] = array(u32, 3)
    points: list[Point] = array(Point, 2)
    grid: list[list[u8]] = array(array(u8, 2), 2)
    names: list[Chars] = array(chars(8), 2)


CODEC = ValueCodec(Line.layout_, Line)


def test_a_new_struct_has_lists_of_zeroes_of_its_own() -> None:
    one, other = Line(), Line()
    one.slots[1], one.points[0].x = 5, 6
    assert (other.slots, other.points) == ([0, 0, 0], [Point(), Point()])
    assert one.points == [Point(x=6), Point()]
    assert one.grid == [[0, 0], [0, 0]]
    assert one.names == ["", ""]


def test_lists_come_back() -> None:
    line = Line(n=1, slots=[1, 2, 3], points=[Point(x=4), Point(y=-5)], grid=[[1, 2], [3, 4]])
    line.names = ["a", "é"]  # type: ignore[list-item]
    raw = CODEC.encode(line)
    assert CODEC.decode(raw) == line
    assert CODEC.decode(raw).points[1].y == -5
    assert len(raw) == Line.layout_.size
    row = struct.unpack(f"@{struct_format(Line.layout_)}", raw)
    assert row_decoder(Line.layout_, Line)(row) == line


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("slots", [1, 2], r"value\.slots: a list of 3 values is wanted"),
        ("slots", 7, r"value\.slots: a list of 3 values is wanted"),
        ("slots", [1, -1, 2], r"value\.slots\[1\]: -1 does not fit u32"),
        ("points", [Point(), 3], r"value\.points\[1\]: 3 is no Point"),
        ("grid", [[1, 2], [3]], r"value\.grid\[1\]: a list of 2 values is wanted"),
        ("names", ["a", "much too long"], r"value\.names\[1\]: b'much too long' is not text"),
    ],
)
def test_what_does_not_fit_is_refused_by_place(field: str, value: object, complaint: str) -> None:
    line = Line()
    setattr(line, field, value)
    with pytest.raises(UsageError, match=complaint):
        CODEC.encode(line)
