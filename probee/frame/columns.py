"""Columns as rows: where a value comes from, what it is called, how it is shown.

In: `Column` rows and the record's fields. Out: `bound` columns, each with the place of its values
in the tuples that the ring gives. The formats are made of them in `formats.py`.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frame.text import escape, is_cut, text_of
from probee.frozen import Frozen, replace
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from probee.lang.types import Struct
    from probee.spec.types import ValueType

    Row: TypeAlias = tuple[Any, ...]
    Json: TypeAlias = int | str | bytes | list["Json"] | dict[str, "Json"] | None

CUT_MARK = "…"


class Column(Frozen):
    """One column: `header` in the table, `key` in JSON and CSV; empty keeps it out of there.

    `fields`: the record's field, or several separated by spaces: then the functions get a tuple.
    `width`: of the table's cell; a longer value is never cut. `text` makes the table's text of the
    raw value (default: the number, or the string escaped, with "…" if it was cut); what it returns
    is shown as it is. `value` makes what JSON and CSV get (default: int, or the string): int, str,
    bytes, bool, None, or lists and dicts of them. `bad`: red on a terminal where it says so.
    `memo`: the values repeat, so remember the cells made of them. `absent`: a field that is not 0
    where there is no string: JSON has null then and CSV nothing, whatever the table shows.
    `texts`, `values`: as `text` and `value`, of a whole batch, for values that do not repeat. Their
    strings have the column's width and are ASCII that no format escapes.
    `below`: `text` makes whole lines that follow the row. `csv`: the text of CSV's cell, escaped,
    where `value` makes a list.
    """

    key: str
    header: str
    fields: str
    width: int = 0
    right: bool = False
    text: Callable[[Any], str] | None = None
    value: Callable[[Any], Json] | None = None
    bad: Callable[[Any], bool] | None = None
    memo: bool = True
    absent: str = ""
    texts: Callable[[Sequence[Any]], list[str]] | None = None
    values: Callable[[Sequence[Any]], list[str]] | None = None
    below: bool = False
    csv: Callable[[Any], str] | None = None


def _if_there(raw: tuple[bytes, int]) -> bytes | None:
    text, absent = raw
    return None if absent else text_of(text)


class Keep(Frozen):
    """A filter on the user side: `test` of the raw value, or tuple of values, of `fields`."""

    fields: str
    test: Callable[[Any], bool]


class Bound:
    """A column of one record type. `places`: indexes into the tuple; `chars`: it is one string.

    `absent`: where a string may be absent, the place that tells and the column that looks there:
    batches in which all are there need not.
    """

    __slots__ = ("absent", "chars", "column", "places")

    def __init__(self, column: Column, fields: Sequence[tuple[str, ValueType]]) -> None:
        names = [name for name, _ in fields]
        self.column = column
        self.places = _places(column, names)
        types = [fields[place][1] for place in self.places]
        for type_ in types:
            if not isinstance(type_, (Int, Pointer, CharArray)):
                raise UsageError(f"column {column.fields}: a number or a string is wanted")
        self.chars = len(types) == 1 and isinstance(types[0], CharArray)
        self.absent: tuple[int, Bound] | None = None
        if column.absent:
            both = f"{column.fields} {column.absent}"
            careful = Bound(replace(column, fields=both, value=_if_there, absent=""), fields)
            self.absent = careful.places[-1], careful

    def text(self, raw: Any) -> str:
        """What the table shows for a raw value."""
        if self.column.text is not None:
            return self.column.text(raw)
        if self.chars:
            return escape(text_of(raw)) + (CUT_MARK if is_cut(raw) else "")
        return str(raw)

    def value(self, raw: Any) -> Json:
        """What JSON and CSV get for a raw value."""
        if self.column.value is not None:
            return self.column.value(raw)
        return text_of(raw) if self.chars else raw

    @property
    def tells_cut(self) -> bool:
        """It tells whether a string was cut, which a whole batch is asked at once."""
        return self.chars and self.column.value is is_cut

    @property
    def plain_text(self) -> bool:
        """Its values are strings shown as they are, seldom twice: worth a fast path."""
        column = self.column
        return self.chars and not column.memo and column.text is None and column.bad is None


def _places(of: Column | Keep, names: list[str]) -> tuple[int, ...]:
    return tuple(_place(of, name, names) for name in of.fields.split())


def _place(of: Column | Keep, name: str, names: list[str]) -> int:
    if names.count(name) != 1:
        many = "several fields" if name in names else "no field"
        what = (of.key or of.header) if isinstance(of, Column) else f"filter of {of.fields}"
        raise UsageError(f"column {what}: the record has {many} {name!r}")
    return names.index(name)


def leaves(type_: StructType) -> list[tuple[str, ValueType]]:
    """Names and types of the values that a record unpacks to: nested structs and arrays flat."""
    flat: list[tuple[str, ValueType]] = []
    for field in type_.fields:
        if isinstance(field.type, StructType):
            flat += leaves(field.type)
        elif isinstance(field.type, ArrayOf):
            flat += [(field.name, field.type)] * field.type.count
        else:
            flat.append((field.name, field.type))
    return flat


def bind(columns: Sequence[Column], record: type[Struct]) -> list[Bound]:
    """Columns with the places of their values. Raises UsageError for a field that is not there."""
    fields = leaves(record.layout_)
    return [Bound(column, fields) for column in columns]


def sieve(keeps: Sequence[Keep], record: type[Struct]) -> Callable[[list[Row]], list[Row]] | None:
    """Takes out of a batch what some filter does not want; None without filters."""
    if not keeps:
        return None
    names = [name for name, _ in leaves(record.layout_)]
    tests = [(_places(keep, names), keep.test) for keep in keeps]

    def kept(batch: list[Row]) -> list[Row]:
        return [row for row in batch if all(test(_of(row, places)) for places, test in tests)]

    return kept


def _of(row: Row, places: tuple[int, ...]) -> Any:
    return row[places[0]] if len(places) == 1 else tuple(row[place] for place in places)
