"""C types from an object's BTF as the types of values that user space reads and writes.

In: the types and an id. Out: `Int`, `CharArray`, `ArrayOf`, `Pointer`, `StructType`, or None for
what has no like among them: unions, bit fields, floats, 16-byte integers. Nothing here follows a
type without end: what is too deep, or would take too many parts, is None too.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import BOOL, Array, Enum, Enum64, Int as BtfInt, Ptr, Struct, TypeTag
from probee.errors import FormatError
from probee.spec.types import ArrayOf, CharArray, Field, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.spec.types import ValueType

_DEEPEST = 16
_MOST_PARTS = 4096  # fields and elements of one type, counted through its structs
_MOST_STEPS = 200_000  # fields looked at for all types of an object
_SIZES = (1, 2, 4, 8)
_TAGS = 8  # type tags between a pointer and its target
U8 = Int("u8", 1, False)


class Values:
    """Turns types into values' types, each id once."""

    def __init__(self, types: Btf | None) -> None:
        self._types = types
        self._known: dict[int, tuple[ValueType | None, int]] = {}
        self._left = _MOST_STEPS

    def exact(self, id: int) -> ValueType | None:
        """The type `id`, or None."""
        return self._value(id, 0)[0] if self._types is not None and id else None

    def of_size(self, id: int, size: int) -> ValueType:
        """The type `id` if it is one of `size` bytes, else that many bytes."""
        found = self.exact(id)
        return ArrayOf(U8, size) if found is None or found.size != size else found

    def _value(self, id: int, depth: int) -> tuple[ValueType | None, int]:
        """The type and how many parts it has."""
        if id not in self._known:
            made: tuple[ValueType | None, int] = (None, 1)
            if depth < _DEEPEST:
                made = self._made(id, depth)
                made = made if made[1] <= _MOST_PARTS else (None, 1)
            self._known[id] = made
        return self._known[id]

    def _made(self, id: int, depth: int) -> tuple[ValueType | None, int]:
        types = self._types
        assert types is not None
        type_ = types.type(types.resolve(id))
        match type_:
            case BtfInt() if type_.size in _SIZES and type_.bits == 8 * type_.size:
                boolean = type_.encoding == BOOL
                return Int(type_.name, type_.size, type_.signed, boolean), 1
            case Enum() | Enum64() if type_.size in _SIZES:
                return Int(type_.name or "enum", type_.size, type_.signed), 1
            case Ptr():
                return self._pointer(types, type_.type), 1
            case Array():
                return self._array(types, type_, depth)
            case Struct():
                fields, parts = self._fields(types, type_, depth, 0)
                if fields is None or not _apart(fields, type_.size):
                    return None, 1
                align = max((field.type.align for field in fields), default=1)
                return StructType(type_.name, tuple(fields), type_.size, align), parts
            case _:
                return None, 1

    def _pointer(self, types: Btf, target: int) -> Pointer:
        space = "kernel"
        for _ in range(_TAGS):
            type_ = types.type(target)
            if not isinstance(type_, TypeTag):
                break
            space = "user" if type_.value == "user" else space
            target = type_.type
        final = types.resolve(target)
        named = types.kind(final) in (kinds.STRUCT, kinds.UNION, kinds.FWD, kinds.INT)
        return Pointer(space, types.name(final) if named else "")

    def _array(self, types: Btf, array: Array, depth: int) -> tuple[ValueType | None, int]:
        element, parts = self._value(array.type, depth + 1)
        if element is None:
            return None, 1
        if isinstance(element, Int) and element.size == 1:
            item = types.type(types.resolve(array.type))
            if isinstance(item, BtfInt) and item.name == "char":
                return CharArray(array.count), 1
        return ArrayOf(element, array.count), parts + 1

    def _fields(
        self, types: Btf, struct: Struct, depth: int, base: int
    ) -> tuple[list[Field] | None, int]:
        """The fields of a struct, those of structs without a name among them."""
        fields: list[Field] = []
        parts = 1
        for member in struct.members:
            self._left -= 1
            if member.bits or member.bit_offset % 8 or parts > _MOST_PARTS or self._left < 0:
                return None, 1
            at = base + member.bit_offset // 8
            inner = types.type(types.resolve(member.type))
            if not member.name and isinstance(inner, Struct):
                if depth >= _DEEPEST:
                    return None, 1
                more, count = self._fields(types, inner, depth + 1, at)
                if more is None:
                    return None, 1
                fields += more
            else:
                type_, count = self._value(member.type, depth + 1)
                if type_ is None:
                    return None, 1
                fields.append(Field(member.name, type_, at))
            parts += count
        return fields, parts


def _apart(fields: list[Field], size: int) -> bool:
    """Whether the fields lie one behind the other within `size` bytes."""
    end = 0
    for field in fields:
        if field.offset < end:
            return False
        end = field.offset + field.type.size
    return end <= size


def sized(types: Btf, id: int) -> int:
    """Bytes of a type, whatever it is. Raises FormatError for more than a u32 holds."""
    size = types.size_of(id)
    if size > 0xFFFFFFFF:
        raise FormatError(f"BTF type {id} has {size} bytes, more than any map can hold")
    return size
