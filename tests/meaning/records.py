"""Structs as bytes, where a program says of them what only their bytes tell.

In: the model's types. Out: sizes and places as C has them, and records of which only the first
bytes were sent: the rest reads as zeroes.
"""

from __future__ import annotations

from typing import Any

from tests.meaning.objects import Items, Sized, Struct, plain
from tests.meaning.texts import Buffer, Text
from tests.meaning.widths import BITS, Width


def _measure(type_: Any) -> tuple[int, int]:
    """Size and alignment."""
    match type_:
        case Width():
            size = BITS.get(type_.name, 8) // 8
            return size, size
        case Buffer():
            return type_.size, 1
        case Sized():
            size, align = _measure(type_.type)
            return size * type_.count, align
        case None:  # an address
            return 8, 8
    places = fields(type_)
    align = max(_measure(t)[1] for _, t, _ in places)
    _, last, at = places[-1]
    return -(-(at + _measure(last)[0]) // align) * align, align


def fields(struct: Any) -> list[tuple[str, Any, int]]:
    """Name, type and place of each field."""
    found, at = [], 0
    for name, annotation in struct.__annotations__.items():
        said = getattr(struct, name, None)
        type_ = said if isinstance(said, (Buffer, Sized)) else annotation
        size, align = _measure(type_)
        at = -(-at // align) * align
        found.append((name, type_, at))
        at += size
    return found


def sizeof(thing: Any) -> int:
    """`sizeof`, of a type or a struct at hand."""
    return _measure(type(thing) if isinstance(thing, Struct) else thing)[0]


def offsetof(struct: Any, name: str) -> int:
    """`offsetof`."""
    head, _, rest = name.partition(".")
    for field, type_, at in fields(struct):
        if field == head:
            return at + (offsetof(type_, rest) if rest else 0)
    raise AssertionError(name)


def shortened(record: Struct, size: int) -> Any:
    """The record's first `size` bytes, as data. ValueError where they are too few or too many."""
    name, type_, at = fields(type(record))[-1]
    value = getattr(record, name)
    if isinstance(value, Struct):
        inner = shortened(value, size - at)
    else:
        if not max(at, 1) <= size <= sizeof(record):
            raise ValueError(size)
        inner = _first(value, type_, size - at)
    return (*plain(record)[:-1], inner)


def _first(value: Any, type_: Any, size: int) -> Any:
    """The first bytes of a text or an array, zeroes behind them."""
    if isinstance(value, Text):
        return str(Text(value.held[:size])) if size < type_.size else str(value)
    assert isinstance(value, Items)
    width = _measure(value.type)[0]
    return tuple(
        _number(item, width, min(max(size - i * width, 0), width)) for i, item in enumerate(value)
    )


def _number(value: int, width: int, kept: int) -> int:
    raw = int(value).to_bytes(width, "little", signed=value < 0)
    signed = value < 0 and kept == width
    return int.from_bytes(raw[:kept].ljust(width, b"\0"), "little", signed=signed)
