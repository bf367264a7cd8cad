"""Rows as table lines, JSON lines or CSV.

In: bound columns and batches of tuples as the ring gives them. Out: bytes to write. parts.py makes
the lines of a batch; here stands what a cell of each format is. JSON and CSV are in UTF-8; JSON
lines are ASCII.
"""

from __future__ import annotations

from probee.frame.columns import CUT_MARK, Bound
from probee.frame.parts import Line
from probee.frame.text import (
    PLAIN,
    PLAIN_QUOTED,
    csv_cell,
    escape,
    is_cut,
    json_string,
    shown_width,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from probee.frame.columns import Json as JsonValue

RED, BOLD, RESET = "\x1b[31m", "\x1b[1m", "\x1b[0m"


class Format:
    """What the three formats share: cells of a batch, joined. `header` is written once."""

    header = b""

    def __init__(self) -> None:
        self.line = Line()
        self._absent: list[int] = []  # where a record says that a string is absent,
        self._careful: Format | None = None  # and what then makes the lines

    def rows(self, batch: Sequence[tuple[Any, ...]]) -> bytes:
        """The lines for a batch of records."""
        columns = list(zip(*batch, strict=True))
        if self._careful is not None and any(any(columns[place]) for place in self._absent):
            return self._careful.rows(batch)
        return self.line.rows(columns)

    def _look_for_absent(
        self, columns: Sequence[Bound], again: Callable[[list[Bound]], Format]
    ) -> None:
        """For formats that show it: batches in which a string is absent get a slower format."""
        found = [bound.absent for bound in columns if bound.absent is not None]
        if found:
            self._absent = [place for place, _ in found]
            self._careful = again([b.absent[1] if b.absent else b for b in columns])

    def _cells(self, bound: Bound, make: Callable[[Any], bytes]) -> None:
        """Cells made one by one, remembered if the column's values repeat."""
        if bound.tells_cut:
            self.line.flag(bound.places[0], make(b"\0"), make(b""))
        else:
            self.line.cells(bound.places, make, memo=bound.column.memo)

    def _strings(self, bound: Bound, plain: bytes, make: Callable[[bytes], bytes]) -> None:
        """Cells of a string column: as they are if no byte of the batch is outside `plain`."""
        self.line.strings(bound.places[0], plain, make)


class Table(Format):
    """Aligned columns under a header. `follow`: widths grow with the data, as on a terminal."""

    def __init__(self, columns: Sequence[Bound], *, follow: bool, colour: bool) -> None:
        super().__init__()
        shown = [bound for bound in columns if bound.column.header]
        heads = []
        for bound in shown:
            column = bound.column
            last = bound is shown[-1]
            width = 0 if last and not column.right else max(column.width, len(column.header))
            heads.append(_aligned(column.header, width, right=column.right))
            if last and bound.plain_text:
                self._strings(bound, PLAIN, _table_string)
            elif column.texts is not None and not last:
                self.line.texts(bound.places[0], column.texts, "", " ")
            else:
                self._cells(bound, _TableCell(bound, width, last, follow, colour))
        self.line.constant(b"\n")
        for bound in columns:
            if bound.column.below:
                self._cells(bound, _Below(bound))
        line = " ".join(heads)
        self.header = (f"{BOLD}{line}{RESET}\n" if colour else f"{line}\n").encode()


class _TableCell:
    """Makes one table cell with the space behind it. Its width may grow, never shrink."""

    __slots__ = ("bound", "colour", "follow", "tail", "width")

    def __init__(self, bound: Bound, width: int, last: bool, follow: bool, colour: bool) -> None:
        self.bound, self.width, self.follow = bound, width, follow
        self.tail = "" if last else " "
        self.colour = colour and bound.column.bad is not None

    def __call__(self, raw: Any) -> bytes:
        text = self.bound.text(raw)
        if self.follow and self.width:
            self.width = max(self.width, shown_width(text))
        cell = _aligned(text, self.width, right=self.bound.column.right)
        bad = self.bound.column.bad
        if self.colour and bad is not None and bad(raw):
            cell = f"{RED}{cell}{RESET}"
        return (cell + self.tail).encode()


class _Below:
    """Makes the lines that stand below a row."""

    __slots__ = ("bound",)

    def __init__(self, bound: Bound) -> None:
        self.bound = bound

    def __call__(self, raw: Any) -> bytes:
        return self.bound.text(raw).encode()


def _aligned(text: str, width: int, *, right: bool) -> str:
    pad = " " * (width - shown_width(text))
    return pad + text if right else text + pad


def _table_string(raw: bytes) -> bytes:
    return (escape(text_of(raw)) + (CUT_MARK if is_cut(raw) else "")).encode()


class Json(Format):
    """One JSON object a line, its keys always the same and in the same order."""

    def __init__(self, columns: Sequence[Bound]) -> None:
        super().__init__()
        start = "{"
        for bound in columns:
            if not bound.column.key:
                continue
            head = f'{start}"{bound.column.key}":'
            start = ","
            if bound.plain_text and bound.column.value is None:
                self.line.constant(f'{head}"'.encode())
                self._strings(bound, PLAIN_QUOTED, _json_inside)
                self.line.constant(b'"')
            elif bound.column.values is not None:
                self.line.texts(bound.places[0], bound.column.values, f'{head}"', '"')
            else:
                self._cells(bound, _JsonCell(bound, head))
        self.line.constant(b"}\n")
        self._look_for_absent(columns, Json)


class _JsonCell:
    __slots__ = ("bound", "head")

    def __init__(self, bound: Bound, head: str) -> None:
        self.bound, self.head = bound, head

    def __call__(self, raw: Any) -> bytes:
        return f"{self.head}{json_value(self.bound.value(raw))}".encode()


def json_value(value: JsonValue) -> str:
    """One JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(json_value, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{json_value(v)}' for key, v in value.items()) + "}"
    return json_string(
        value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    )


def _json_inside(raw: bytes) -> bytes:
    return json_string(text_of(raw))[1:-1].encode()


class Csv(Format):
    """RFC 4180 with a header line; strings escaped as in the table, so that a row is a line."""

    def __init__(self, columns: Sequence[Bound]) -> None:
        super().__init__()
        shown = [bound for bound in columns if bound.column.key]
        self.header = (",".join(bound.column.key for bound in shown) + "\r\n").encode()
        for bound in shown:
            head = b"" if bound is shown[0] else b","
            if bound.plain_text and bound.column.value is None:
                self.line.constant(head)
                self._strings(bound, PLAIN_QUOTED.replace(b",", b""), _csv_string)
            elif bound.column.values is not None:
                self.line.texts(bound.places[0], bound.column.values, head.decode(), "")
            else:
                self._cells(bound, _CsvCell(bound, head))
        self.line.constant(b"\r\n")
        self._look_for_absent(columns, Csv)


class _CsvCell:
    __slots__ = ("bound", "head")

    def __init__(self, bound: Bound, head: bytes) -> None:
        self.bound, self.head = bound, head

    def __call__(self, raw: Any) -> bytes:
        if self.bound.column.csv is not None:
            return self.head + csv_cell(self.bound.column.csv(raw)).encode()
        return self.head + _csv_value(self.bound.value(raw)).encode()


def _csv_value(value: JsonValue) -> str:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return csv_cell(escape(value))
    return "" if value is None else json_value(value)


def _csv_string(raw: bytes) -> bytes:
    return csv_cell(escape(text_of(raw))).encode()
