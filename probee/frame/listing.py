"""Rows that are all there before the first is shown: columns as wide as what stands in them.

In: `Column`s and rows, records or mappings. Out: lines. (Rows that come while a tool runs go
through formats.py, whose widths are there before the rows.)
"""

from __future__ import annotations

from probee.frame.text import shown_width

_LEAST = 8  # cells of a column of text that is cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from probee.frame.columns import Column


def cells(columns: Sequence[Column], row: Any) -> list[str]:
    """What a table shows of a row: `fields` of a column are attributes, several make a tuple."""
    return [_cell(column, row) for column in columns]


def _cell(column: Column, row: Any) -> str:
    names = column.fields.split()
    values = tuple(getattr(row, name) for name in names)
    raw = values[0] if len(names) == 1 else values
    return str(raw) if column.text is None else column.text(raw)


def table(columns: Sequence[Column], shown: Sequence[Sequence[str]]) -> list[str]:
    """A heading and a line for each row of cells; the last column, if it is text, is not padded."""
    heads = [column.header for column in columns]
    widths = [
        max(column.width, *(shown_width(row[at]) for row in (heads, *shown)))
        for at, column in enumerate(columns)
    ]
    return [_line(columns, row, widths) for row in (heads, *shown)]


def fitted(columns: Sequence[Column], shown: Sequence[Sequence[str]], width: int) -> list[str]:
    """The same on a terminal of `width` columns: of text, the widest columns are cut to fit."""
    widths = [
        max(column.width, *(shown_width(row[at]) for row in ([c.header for c in columns], *shown)))
        for at, column in enumerate(columns)
    ]
    text = {at: max(_LEAST, len(c.header)) for at, c in enumerate(columns) if not c.right}
    over = sum(widths) + len(widths) - 1 - width
    while over > 0 and (wide := [at for at, least in text.items() if widths[at] > least]):
        widths[max(wide, key=lambda at: widths[at])] -= 1
        over -= 1
    cut = [[clipped(cell, w) for cell, w in zip(row, widths, strict=True)] for row in shown]
    return [clipped(line, width) for line in table(columns, cut)]


def _line(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, text, width in zip(columns, row, widths, strict=True):
        pad = " " * (width - shown_width(text))
        parts.append(pad + text if column.right else text + pad)
    return " ".join(parts).rstrip()


def clipped(line: str, width: int) -> str:
    """What fits into `width` cells of a terminal; a mark at the end says that something is cut."""
    if shown_width(line) <= width:
        return line
    if line.isascii():
        return f"{line[: width - 1]}…" if width > 0 else ""
    while line and shown_width(line) >= width:
        line = line[:-1]
    return f"{line}…" if width > 0 else ""
