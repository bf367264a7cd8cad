"""Values of a BTF type to and from bytes: map keys and values, global data.

In: a table and a type id. Out: `Codec`, which turns bytes into Python values and back:

    INT, PTR         int; bool for an INT that is one
    FLOAT            float (2, 4 or 8 bytes)
    ENUM, ENUM64     the enumerator's name, or the int where no name has that value (with `texts`
                     its digits, so that every value is a str)
    char[N]          str up to the first NUL (bytes that are not UTF-8 as surrogate escapes)
    ARRAY            list
    STRUCT, UNION    dict; members of anonymous members stand beside the others, as in C
    DATASEC          dict of its variables

Decoding gives every member of a union. Encoding takes any of them, and where several say what a
byte holds they must agree. Padding is ignored one way and zero the other. Nothing is converted,
cut or filled in on the way in: a member that is missing, unknown or out of range is a UsageError.
Bytes that are no value of the type (a bool of 2, a wrong length) are a FormatError.
"""

from __future__ import annotations

from struct import error as struct_error, pack, unpack

from probee.btf.raw import text_bytes
from probee.btf.types import (
    BOOL,
    CHAR,
    Array,
    Datasec,
    Enum,
    Enum64,
    Float,
    Int,
    Ptr,
    Struct,
    Union,
    Var,
    label,
)
from probee.errors import FormatError, NotSupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from _typeshed import ReadableBuffer

    from probee.btf.table import TypeTable
    from probee.btf.types import Type

    Order: TypeAlias = Literal["little", "big"]
    Value: TypeAlias = int | bool | float | str | list["Value"] | dict[str, "Value"]

MAX_DEPTH = 32  # values within values, as the kernel's MAX_RESOLVE_DEPTH
MAX_SIZE = 1 << 28  # of one value; the kernel allows maps far less
MAX_PARTS = 1 << 24  # values within one value: hostile unions of unions could have 2**60


class Codec:
    """The values of type `id`, `size` bytes each, in the byte order of the table."""

    def __init__(self, table: TypeTable, id: int, *, pointer: int = 8, texts: bool = False) -> None:
        self._order: Order = "big" if table.sections.big_endian else "little"
        self._node = _Plan(table, pointer, self._order, texts=texts).node(id, 0)
        self.size = self._node.size
        if self.size > MAX_SIZE:
            raise FormatError(f"BTF type {id} has values of {self.size} bytes")

    def decode(self, data: ReadableBuffer) -> Value:
        """The value of exactly `size` bytes."""
        view = memoryview(data).cast("B")
        if len(view) != self.size:
            raise FormatError(f"a value has {self.size} bytes, not {len(view)}", offset=0)
        return self._node.decode(view, 0)

    def encode(self, value: object) -> bytes:
        """The bytes of `value`."""
        image = _Image(self.size, self._order)
        self._node.encode(value, image, 0, "value")
        return bytes(image.data)


def _extent(bit: int, bits: int, order: Order) -> tuple[int, int, int]:
    """First byte, end byte and shift of a run of bits; big-endian counts bits from the top."""
    first, end = bit // 8, (bit + bits + 7) // 8
    shift = bit % 8
    return first, end, shift if order == "little" else (end - first) * 8 - shift - bits


class _Image:
    """Bytes being written, and which of their bits have been."""

    def __init__(self, size: int, order: Order) -> None:
        self.data, self.mask, self.order = bytearray(size), bytearray(size), order

    def put(self, bit: int, bits: int, number: int, path: str) -> None:
        if not bits:
            return
        first, end, shift = _extent(bit, bits, self.order)
        old = int.from_bytes(self.data[first:end], self.order)
        written = int.from_bytes(self.mask[first:end], self.order)
        mask = ((1 << bits) - 1) << shift
        new = number << shift & mask
        if (old ^ new) & written & mask:
            raise UsageError(f"{path} disagrees with another member of the same union")
        self.data[first:end] = (old | new).to_bytes(end - first, self.order)
        self.mask[first:end] = (written | mask).to_bytes(end - first, self.order)


# Each class below says how values of one type are read and written: `size` in bytes, `parts` how
# many values there are in one, `decode(view, bit)`, `encode(value, image, bit, path)`.


class _Scalar:
    """An integer of `bits` bits that start `lead` bits into its `size` bytes."""

    parts = 1

    def __init__(self, order: Order, size: int, bits: int, *, signed: bool, lead: int = 0) -> None:
        self.order, self.size, self.bits, self.signed, self.lead = order, size, bits, signed, lead

    def narrowed(self, bits: int) -> _Scalar:
        """The same as a bitfield."""
        if bits > self.bits:
            raise FormatError(f"BTF has a bitfield of {bits} bits in an integer of {self.bits}")
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, bits=bits, lead=0)
        return copy

    def number(self, view: memoryview[int], bit: int) -> int:
        first, end, shift = _extent(bit + self.lead, self.bits, self.order)
        number = int.from_bytes(view[first:end], self.order)
        number = number >> shift & ((1 << self.bits) - 1)
        return number - (1 << self.bits) if self.signed and number >> self.bits - 1 else number

    def decode(self, view: memoryview[int], bit: int) -> Value:
        return self.number(view, bit)

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if type(value) is not int:
            raise UsageError(f"{path} is an int, not {value!r}")
        low = -(1 << self.bits - 1) if self.signed else 0
        if not low <= value < low + (1 << self.bits):
            raise UsageError(f"{path} = {value} does not fit {self.bits} bits")
        image.put(bit + self.lead, self.bits, value, path)


class _Bool(_Scalar):
    def decode(self, view: memoryview[int], bit: int) -> Value:
        number = self.number(view, bit)
        if number > 1:
            raise FormatError(f"a bool is 0 or 1, not {number}", offset=bit // 8)
        return bool(number)

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if not isinstance(value, bool):
            raise UsageError(f"{path} is a bool, not {value!r}")
        super().encode(int(value), image, bit, path)


class _Enum(_Scalar):
    def __init__(self, order: Order, type_: Enum | Enum64, *, texts: bool) -> None:
        super().__init__(order, type_.size, type_.size * 8, signed=type_.signed)
        self.texts = texts
        self.values = {item.name: item.value for item in type_.values}
        self.names = {item.value: item.name for item in reversed(type_.values)}

    def decode(self, view: memoryview[int], bit: int) -> Value:
        number = self.number(view, bit)
        return self.names.get(number, str(number) if self.texts else number)

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if isinstance(value, str):
            if value not in self.values:
                raise UsageError(f"{path} has no enumerator {value!r}")
            value = self.values[value]
        super().encode(value, image, bit, path)


class _Float:
    parts = 1

    def __init__(self, order: Order, type_: Float) -> None:
        if type_.size not in {2, 4, 8}:
            raise NotSupportedError(f"values of {label(type_)}, {type_.size} bytes")
        self.order, self.size = order, type_.size
        self.layout = (">" if order == "big" else "<") + {2: "e", 4: "f", 8: "d"}[type_.size]

    def decode(self, view: memoryview[int], bit: int) -> Value:
        number: float = unpack(self.layout, view[bit // 8 : bit // 8 + self.size])[0]
        return number

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if not isinstance(value, float):
            raise UsageError(f"{path} is a float, not {value!r}")
        try:
            raw = pack(self.layout, value)
        except (OverflowError, struct_error):
            raise UsageError(f"{path} = {value} does not fit {self.size} bytes") from None
        image.put(bit, self.size * 8, int.from_bytes(raw, self.order), path)


class _Chars:
    parts = 1

    def __init__(self, order: Order, size: int) -> None:
        self.order, self.size = order, size

    def decode(self, view: memoryview[int], bit: int) -> Value:
        raw = view[bit // 8 : bit // 8 + self.size].tobytes()
        return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if not isinstance(value, str) or "\0" in value:
            raise UsageError(f"{path} is a str without NUL, not {value!r}")
        raw = text_bytes(value)
        if len(raw) > self.size:
            raise UsageError(f"{path} holds {self.size} bytes, not {len(raw)}")
        number = int.from_bytes(raw.ljust(self.size, b"\0"), self.order)
        image.put(bit, self.size * 8, number, path)


class _Array:
    size: int
    parts: int

    def __init__(self, element: _Node, count: int) -> None:
        self.element, self.count = element, count
        self.size = element.size * count
        self.parts = 1 + element.parts * count

    def decode(self, view: memoryview[int], bit: int) -> Value:
        step = self.element.size * 8
        return [self.element.decode(view, bit + step * at) for at in range(self.count)]

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if not isinstance(value, list) or len(value) != self.count:
            raise UsageError(f"{path} is a list of {self.count}, not {value!r}")
        step = self.element.size * 8
        for at, item in enumerate(value):
            self.element.encode(item, image, bit + step * at, f"{path}[{at}]")


class _Struct:
    """`fields`: (name, or '' for an anonymous struct or union; how; bit offset)."""

    size: int
    parts: int

    def __init__(self, title: str, size: int, fields: list[tuple[str, _Node, int]], *, union: bool):
        self.size, self.fields, self.union = size, fields, union
        self.parts = 1 + sum(node.parts for _, node, _ in fields)
        self.names: set[str] = set()
        for name, node, bit in fields:
            names = {name} if name else node.names if isinstance(node, _Struct) else set()
            if names & self.names:
                raise FormatError(f"BTF {title} has two members {min(names & self.names)!r}")
            self.names |= names
            width = node.lead + node.bits if isinstance(node, _Scalar) else node.size * 8
            if bit + width > size * 8 or (bit % 8 and not isinstance(node, _Scalar)):
                raise FormatError(f"BTF {title} has no place for {name!r} at bit {bit}")

    def decode(self, view: memoryview[int], bit: int) -> Value:
        values: dict[str, Value] = {}
        for name, node, offset in self.fields:
            value = node.decode(view, bit + offset)
            if name:
                values[name] = value
            elif isinstance(value, dict):
                values.update(value)
        return values

    def encode(self, value: object, image: _Image, bit: int, path: str) -> None:
        if not isinstance(value, dict):
            raise UsageError(f"{path} is a dict, not {value!r}")
        unknown = [name for name in value if name not in self.names]
        if unknown:
            raise UsageError(f"{path} has no member {unknown[0]!r}")
        self.fill(value, image, bit, path)

    def fill(self, values: dict[str, object], image: _Image, bit: int, path: str) -> None:
        """Write those of `values` that are ours: all members, or at least one of a union."""
        written = False
        for name, node, offset in self.fields:
            if self.union and not self._given(name, node, values):
                continue
            written = True
            if name:
                if name not in values:
                    raise UsageError(f"{path} needs a member {name!r}")
                node.encode(values[name], image, bit + offset, f"{path}.{name}")
            elif isinstance(node, _Struct):
                node.fill(values, image, bit + offset, path)
        if self.union and self.names and not written:
            raise UsageError(f"{path} needs one of {', '.join(sorted(self.names)[:8])}")

    @staticmethod
    def _given(name: str, node: _Node, values: dict[str, object]) -> bool:
        if name:
            return name in values
        return isinstance(node, _Struct) and not node.names.isdisjoint(values)


if TYPE_CHECKING:
    _Node: TypeAlias = _Scalar | _Float | _Chars | _Array | _Struct


class _Plan:
    """Makes the nodes of a type, each type once."""

    def __init__(self, table: TypeTable, pointer: int, order: Order, *, texts: bool) -> None:
        self.table, self.pointer, self.order, self.texts = table, pointer, order, texts
        self.made: dict[int, _Node] = {}

    def node(self, id: int, depth: int) -> _Node:
        final = self.table.resolve(id)
        if final not in self.made:
            if depth > MAX_DEPTH:
                raise FormatError(f"BTF type {id} has values more than {MAX_DEPTH} deep")
            made = self.make(final, self.table.type(final), depth + 1)
            if made.parts > MAX_PARTS:
                raise FormatError(f"BTF type {id} has more than {MAX_PARTS} values in one")
            self.made[final] = made
        return self.made[final]

    def make(self, id: int, type_: Type, depth: int) -> _Node:
        match type_:
            case Int():
                kind = _Bool if type_.encoding == BOOL else _Scalar
                return kind(
                    self.order, type_.size, type_.bits, signed=type_.signed, lead=type_.offset
                )
            case Ptr():
                return _Scalar(self.order, self.pointer, self.pointer * 8, signed=False)
            case Enum() | Enum64():
                return _Enum(self.order, type_, texts=self.texts)
            case Float():
                return _Float(self.order, type_)
            case Array():
                element = self.table.type(self.table.resolve(type_.type))
                if _is_char(element):
                    return _Chars(self.order, type_.count)
                return _Array(self.node(type_.type, depth), type_.count)
            case Struct() | Union():
                fields = [
                    (member.name, self.member(member.type, member.bits, depth), member.bit_offset)
                    for member in type_.members
                ]
                fields = [f for f in fields if f[0] or isinstance(f[1], _Struct)]
                return _Struct(label(type_), type_.size, fields, union=isinstance(type_, Union))
            case Var():
                return self.node(type_.type, depth)
            case Datasec():
                return self.datasec(type_, depth)
            case _:
                raise FormatError(f"BTF type {id}, {label(type_)}, has no values")

    def member(self, id: int, bits: int, depth: int) -> _Node:
        node = self.node(id, depth)
        if not bits:
            return node
        if not isinstance(node, _Scalar):
            raise FormatError(f"BTF type {id} cannot be a bitfield")
        return node.narrowed(bits)

    def datasec(self, type_: Datasec, depth: int) -> _Node:
        fields = []
        for var in type_.vars:
            target = self.table.type(var.type)
            if isinstance(target, Var):  # an extern function has no bytes here
                fields.append((target.name, self.node(target.type, depth), var.offset * 8))
        size = type_.size or max((bit // 8 + node.size for _, node, bit in fields), default=0)
        return _Struct(label(type_), size, fields, union=False)


def _is_char(type_: Type) -> bool:
    """Neither clang nor pahole sets CHAR: the name says it."""
    if not isinstance(type_, Int) or type_.size != 1 or type_.bits != 8:
        return False
    return type_.name == "char" or type_.encoding == CHAR
