"""Values of C layout to Python and back.

In: a ValueType and bytes, or a Python value. Out: ints, bools, text (str), lists of arrays, and for
structs a `Record`; or bytes. UsageError for a value that its type does not hold.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import UsageError
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from probee.spec.types import ValueType


class Record:
    """A struct's fields by name: `record.pid`. It iterates and compares as the tuple of them."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self._names, self._values = names, values

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self._values[self._names.index(name)]
        raise AttributeError(f"no field {name!r}; it has: {', '.join(self._names)}")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Record, tuple)) and self._values == tuple(other)

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        inside = ", ".join(
            f"{name}={value!r}" for name, value in zip(self._names, self._values, strict=True)
        )
        return f"Record({inside})"


def decode(type_: ValueType | None, data: bytes) -> Any:
    """What the bytes hold; the bytes themselves where no type is known."""
    match type_:
        case None:
            return data
        case Int():
            number = int.from_bytes(data, byteorder, signed=type_.signed)
            return bool(number) if type_.boolean else number
        case Pointer():
            return int.from_bytes(data, byteorder)
        case CharArray():
            end = data.find(0)  # a text that was cut has none, and a mark where it would be
            return data[: end if end >= 0 else -2].decode("utf-8", "surrogateescape")
        case ArrayOf():
            size = type_.element.size
            parts = [data[size * i : size * i + size] for i in range(type_.count)]
            return [decode(type_.element, part) for part in parts]
        case StructType():
            fields = type_.fields
            return Record(
                tuple(f.name for f in fields),
                tuple(decode(f.type, data[f.offset : f.offset + f.type.size]) for f in fields),
            )


def encode(type_: ValueType | None, value: Any, size: int, what: str) -> bytes:
    """The bytes of `value`: for a struct a dict or its fields in order; `size`: of bytes."""
    match type_:
        case Int():
            if not isinstance(value, int) or not type_.low <= value <= type_.high:
                raise UsageError(f"{what}: {value!r} does not fit {type_.name}")
            return int(value).to_bytes(type_.size, byteorder, signed=type_.signed)
        case Pointer():
            if not isinstance(value, int) or not 0 <= value < 1 << 64:
                raise UsageError(f"{what}: {value!r} is no address")
            return value.to_bytes(8, byteorder)
        case CharArray() if isinstance(value, str):
            raw = value.encode("utf-8", "surrogateescape")
            if len(raw) >= type_.size:
                raise UsageError(f"{what}: {value!r} does not fit chars({type_.size})")
            return raw.ljust(type_.size, b"\0")
        case ArrayOf() if isinstance(value, (list, tuple)) and len(value) == type_.count:
            return b"".join(encode(type_.element, item, 0, what) for item in value)
        case StructType() if isinstance(value, (dict, tuple, Record)):
            return _struct(type_, value, what)
    size = type_.size if type_ is not None else size
    if not isinstance(value, (bytes, bytearray)) or len(value) != size:
        raise UsageError(f"{what}: {value!r} is not {size} bytes, nor a value of its type")
    return bytes(value)


def _struct(
    type_: StructType, value: dict[str, Any] | tuple[Any, ...] | Record, what: str
) -> bytes:
    names = [field.name for field in type_.fields]
    if not isinstance(value, dict):
        if len(value) != len(names):
            raise UsageError(f"{what}: {len(names)} fields are wanted, not {len(value)}")
        value = dict(zip(names, value, strict=True))
    if value.keys() - set(names):
        raise UsageError(f"{what}: {type_.name} has the fields {', '.join(names)}")
    raw = bytearray(type_.size)
    for field in type_.fields:
        if field.name in value:  # the others are zeroes, as when a program makes the struct
            part = encode(field.type, value[field.name], 0, f"{what}.{field.name}")
            raw[field.offset : field.offset + field.type.size] = part
    return bytes(raw)
