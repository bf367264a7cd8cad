"""Types of values that cross the kernel line: C layout, little or big endian as the target is.

In: nothing. Out: frozen descriptions (`Int`, `CharArray`, `ArrayOf`, `StructType`, `Pointer`) with
`size` and `align` in bytes, shared by the compiler (which lays out memory with them) and by the
runtime (which decodes what the kernel wrote). Layout follows the C ABI common to x86-64 and arm64:
a scalar is aligned to its size, a struct to its widest member.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frozen import Frozen


class Maybe(Frozen):
    """`T | None` of an integer or pointer: what a local, argument or result may be. No layout."""

    type: Int | Pointer


class Int(Frozen):
    """An integer of `size` 1, 2, 4 or 8 bytes. Calling it wraps a Python int to the width."""

    name: str
    size: int
    signed: bool
    boolean: bool = False

    @property
    def align(self) -> int:
        """As its size: scalars are aligned to themselves."""
        return self.size

    @property
    def bits(self) -> int:
        """Width in bits."""
        return self.size * 8

    @property
    def low(self) -> int:
        """The least value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest value."""
        if self.boolean:
            return 1
        return (1 << (self.bits - self.signed)) - 1

    def __or__(self, other: object) -> Maybe:
        """`u32 | None`, in an annotation that is evaluated."""
        return Maybe(self) if other is None else NotImplemented

    def __call__(self, value: int = 0) -> int:
        """`value` wrapped to the width; a bool's truth."""
        if self.boolean:
            return bool(value)
        return wrap(int(value), self.size, self.signed)


class CharArray(Frozen):
    """`size` bytes holding a NUL-terminated string; a last byte that is not NUL marks it as cut."""

    size: int

    @property
    def align(self) -> int:
        """Bytes: 1."""
        return 1


class ArrayOf(Frozen):
    """`count` elements of one type, without gaps."""

    element: ValueType
    count: int

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return self.element.size * self.count

    @property
    def align(self) -> int:
        """As its elements."""
        return self.element.align


class Pointer(Frozen):
    """An 8-byte address. `space` is `user` or `kernel`; `target` says what stands there, or ''.

    Only its number crosses the kernel line: user space sees an int.
    """

    space: str
    target: str = ""

    def __or__(self, other: object) -> Maybe:
        """`UserStr | None`, in an annotation that is evaluated."""
        return Maybe(self) if other is None else NotImplemented

    @property
    def size(self) -> int:
        """8 bytes."""
        return 8

    @property
    def align(self) -> int:
        """8 bytes."""
        return 8


class Field(Frozen):
    """A member of a struct at `offset` bytes from its start."""

    name: str
    type: ValueType
    offset: int


class StructType(Frozen):
    """A C struct: members in order, `size` with the tail padding."""

    name: str
    fields: tuple[Field, ...]
    size: int
    align: int

    def field(self, name: str) -> Field | None:
        """The member of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    ValueType: TypeAlias = Int | CharArray | ArrayOf | Pointer | StructType


def wrap(value: int, size: int, signed: bool) -> int:
    """`value` modulo 2^(8*size), as signed or unsigned: what a register of that width holds."""
    value &= (1 << (8 * size)) - 1
    if signed and value >> (8 * size - 1):
        value -= 1 << (8 * size)
    return value


def layout(name: str, members: tuple[tuple[str, ValueType], ...]) -> StructType:
    """Lays out `members` as a C compiler does."""
    fields: list[Field] = []
    offset, align = 0, 1
    for member, type_ in members:
        if any(f.name == member for f in fields):
            raise UsageError(f"struct {name} has two fields named {member!r}")
        offset = -(-offset // type_.align) * type_.align
        fields.append(Field(member, type_, offset))
        offset += type_.size
        align = max(align, type_.align)
    return StructType(name, tuple(fields), -(-offset // align) * align, align)


def last_field(type_: StructType, offset: int = 0) -> tuple[int, ValueType]:
    """Where the last field of a record stands, and its type; inside of a struct that is last."""
    field = type_.fields[-1]
    if isinstance(field.type, StructType):
        return last_field(field.type, offset + field.offset)
    return offset + field.offset, field.type


def least_record(type_: StructType) -> int:
    """The fewest bytes that a record can be sent in: all before a last field that may be cut off.

    That is text or an array; a record that ends otherwise has one length. The rest reads as zeroes.
    """
    offset, last = last_field(type_)
    return max(offset, 1) if isinstance(last, (CharArray, ArrayOf)) else type_.size


def struct_format(type_: ValueType) -> str:
    """The `struct` module's codes for `type_`, with explicit padding, to follow "@" or "<".

    Nested structs and arrays come out flat; a `CharArray` is one `Ns` value.
    """
    match type_:
        case Int():
            code = {1: "b", 2: "h", 4: "i", 8: "q"}[type_.size]
            return "?" if type_.boolean else code if type_.signed else code.upper()
        case CharArray():
            return f"{type_.size}s"
        case Pointer():
            return "Q"
        case ArrayOf():
            return struct_format(type_.element) * type_.count
        case StructType():
            codes, offset = [], 0
            for field in type_.fields:
                codes.append("x" * (field.offset - offset) + struct_format(field.type))
                offset = field.offset + field.type.size
            return "".join(codes) + "x" * (type_.size - offset)
