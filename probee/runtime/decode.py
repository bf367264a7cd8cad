"""Values that cross the kernel line: bytes or unpacked fields to Python objects, and back.

In: a `ValueType`, the `Struct` class it came from (None for plain types), and data. Out: ints,
bools, `Chars`, instances of the class, lists for arrays; or the bytes of such values, each checked
against its width: nothing is wrapped or cut in silence.
"""

from __future__ import annotations

from struct import Struct as Layout

from probee.errors import FormatError, UsageError
from probee.lang.types import Chars, Struct
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType, struct_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from probee.spec.types import ValueType

    Row: TypeAlias = tuple[Any, ...]
    Take: TypeAlias = Callable[[Row, int], Any]


def text(raw: bytes) -> Chars:
    """The string in a `chars(N)` buffer of N bytes; `.cut` if it did not fit.

    It ends at its first NUL; what stands behind that means nothing, and may be left of an earlier
    record. A read that filled the buffer may have been cut: the compiler puts a mark in place of
    its NUL, so there is none in the buffer, and N - 2 bytes are shown.
    """
    end = raw.find(0)
    return Chars(raw[:-2], True) if end < 0 else Chars(raw[:end])


def row_decoder(type_: StructType, cls: type[Struct] | None) -> Callable[[Row], Any]:
    """Makes an instance of `cls` of the fields as `struct_format` unpacks them, flat."""
    if cls is None or any(isinstance(f.type, (ArrayOf, StructType)) for f in type_.fields):
        take = _struct(type_, cls)[1]
        return lambda row: take(row, 0)
    new: Callable[[type], Any] = cls.__new__
    names = tuple(field.name for field in type_.fields)
    texts = tuple(field.name for field in type_.fields if isinstance(field.type, CharArray))

    def make(row: Row) -> Any:
        made = new(cls)
        fields: dict[str, Any] = made.__dict__
        fields.update(zip(names, row, strict=True))
        for name in texts:
            fields[name] = text(fields[name])
        return made

    return make


def _take(type_: ValueType, cls: type[Struct] | None) -> tuple[int, Take]:
    """How many unpacked values a type takes, and the function that makes an object of them."""
    match type_:
        case CharArray():
            return 1, lambda row, at: text(row[at])
        case StructType():
            return _struct(type_, cls)
        case ArrayOf():
            count = type_.count
            width, one = _take(type_.element, cls)
            return width * count, lambda row, at: [one(row, at + width * i) for i in range(count)]
        case _:
            return 1, lambda row, at: row[at]


def _struct(type_: StructType, cls: type[Struct] | None) -> tuple[int, Take]:
    """For a struct whose class is not known, a dict."""
    members: list[tuple[str, int, Take]] = []
    width = 0
    for field in type_.fields:
        count, take = _take(field.type, cls and cls.nested_.get(field.name))
        members.append((field.name, width, take))
        width += count

    def make(row: Row, at: int) -> Any:
        fields = {name: take(row, at + offset) for name, offset, take in members}
        if cls is None:
            return fields
        made = cls.__new__(cls)
        vars(made).update(fields)
        return made

    return width, make


class ValueCodec:
    """Keys and values of one type: `decode(bytes)`, `encode(object)`, `size` in bytes."""

    __slots__ = ("_class", "_layout", "_take", "size", "type")

    def __init__(self, type_: ValueType, cls: object = None) -> None:
        self.type = type_
        self.size = type_.size
        self._class = cls if isinstance(cls, type) and issubclass(cls, Struct) else None
        self._layout = Layout(f"@{struct_format(type_)}")
        self._take = _take(type_, self._class)[1]

    def decode(self, data: bytes) -> Any:
        """The object that these bytes hold. FormatError where their number is not `size`."""
        if len(data) != self.size:
            raise FormatError(f"{len(data)} bytes where a value of {self.size} was expected")
        return self._take(self._layout.unpack(data), 0)

    def encode(self, value: object, what: str = "value") -> bytes:
        """The bytes of `value`. UsageError that begins with `what` and names the field."""
        flat: list[Any] = []
        _flatten(self.type, self._class, value, what, flat)
        return self._layout.pack(*flat)


def _flatten(
    type_: ValueType, cls: type[Struct] | None, value: Any, what: str, flat: list[Any]
) -> None:
    """Appends what `struct.pack` wants for `value`."""
    match type_:
        case Int() | Pointer():
            flat.append(_integer(type_, value, what))
        case CharArray():
            flat.append(_raw(type_, value, what))
        case ArrayOf():
            if not isinstance(value, (list, tuple)) or len(value) != type_.count:
                raise UsageError(f"{what}: a list of {type_.count} values is wanted")
            for index, item in enumerate(value):
                _flatten(type_.element, cls, item, f"{what}[{index}]", flat)
        case StructType():
            fields = _fields(type_, cls, value, what)
            for field in type_.fields:
                nested = cls and cls.nested_.get(field.name)
                _flatten(field.type, nested, fields[field.name], f"{what}.{field.name}", flat)


def _fields(
    type_: StructType, cls: type[Struct] | None, value: object, what: str
) -> dict[str, object]:
    fields = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    if not isinstance(value, cls or dict) or {f.name for f in type_.fields} - set(fields):
        raise UsageError(f"{what}: {value!r} is no {type_.name}")
    return fields


def _integer(type_: Int | Pointer, value: object, what: str) -> int:
    low, high = (type_.low, type_.high) if isinstance(type_, Int) else (0, (1 << 64) - 1)
    name = type_.name if isinstance(type_, Int) else f"a {type_.space} address"
    if not isinstance(value, int):
        raise UsageError(f"{what}: {value!r} is no integer; {name} is wanted")
    if not low <= value <= high:
        raise UsageError(f"{what}: {value} does not fit {name} ({low} to {high})")
    return int(value)


def _raw(type_: CharArray, value: object, what: str) -> bytes:
    if isinstance(value, Chars) and value.cut:
        raise UsageError(f"{what}: text that was cut cannot be given back to the kernel")
    if isinstance(value, str):
        try:
            value = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise UsageError(f"{what}: {value!r} is not text that UTF-8 can write") from error
    if not isinstance(value, bytes):
        raise UsageError(f"{what}: {value!r} is no text")
    if len(value) >= type_.size or 0 in value:
        raise UsageError(f"{what}: {value!r} is not text that fits chars({type_.size})")
    return value
