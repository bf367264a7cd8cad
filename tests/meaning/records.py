"""Structs as bytes, where a program says of them what only their bytes tell.

In: the model's types. Out: sizes and places as C has them, and records of which only the first
bytes were sent: the rest reads as zeroes.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EFAULT
from typing import Any

from tests.meaning.objects import Items, Sized, Struct, plain
from tests.meaning.texts import Buffer, Text
from tests.meaning.widths import BITS, Typed, Width


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


class Window:
    """`window(record.name, at, size)`: IndexError where it would go past the field's end."""

    def __init__(self, record: Any, name: str, at: int, size: int) -> None:
        self.record, self.name = record, name
        self.type = next(type_ for field, type_, _ in fields(type(record)) if field == name)
        self.at, self.size = int(at), size
        if not 0 <= self.at <= _measure(self.type)[0] - size:
            raise IndexError(at)

    def write(self, raw: bytes) -> None:
        value = getattr(self.record, self.name)
        if isinstance(value, Items):
            for place, byte in enumerate(raw, self.at):
                value[place] = byte
            return
        held = bytearray(value.held if isinstance(value, Text) else b"").ljust(
            self.type.size, b"\0"
        )
        held[self.at : self.at + len(raw)] = raw
        setattr(self.record, self.name, Text.in_buffer(bytes(held)))


class Reads:
    """`probe_read_user` and its like, of the texts at these addresses."""

    def __init__(self, memory: Mapping[int, bytes]) -> None:
        self.memory = memory

    def text(self, target: Window, size: int, address: int) -> int:
        """Up to the NUL; zeroes where nothing can be read."""
        raw = self.memory.get(address)
        if raw is None:
            target.write(bytes(size))
            return Typed(-EFAULT, "s64")
        found = raw.partition(b"\0")[0][: size - 1] + b"\0"
        target.write(found)
        return Typed(len(found), "s64")


def _first(value: Any, type_: Any, size: int) -> Any:
    """The first bytes of a text or an array, zeroes behind them."""
    if isinstance(value, Text):
        return str(Text(value.held[:size].partition(b"\0")[0])) if size < type_.size else str(value)
    assert isinstance(value, Items)
    width = _measure(value.type)[0]
    return tuple(
        _number(item, width, min(max(size - i * width, 0), width)) for i, item in enumerate(value)
    )


def _number(value: int, width: int, kept: int) -> int:
    raw = int(value).to_bytes(width, "little", signed=value < 0)
    signed = value < 0 and kept == width
    return int.from_bytes(raw[:kept].ljust(width, b"\0"), "little", signed=signed)
