"""One record of the type section to one frozen type.

In: `Sections` and the words of a record whose length is already known to be right. Out: a record
of `types`. What a record says of itself is checked here by the rules of the kernel's
btf_*_check_meta (kernel/bpf/btf.c, Linux 6.18), but for what objects hold before they
are linked: data sections of size 0, extern variables, variables of type void; and an INT must be
of a size that integers have, where the kernel takes any. Whether ids exist and what they refer to
is `check`'s.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import (
    LINKAGES,
    Array,
    Const,
    Datasec,
    DeclTag,
    Enum,
    Enum64,
    Enumerator,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Member,
    Param,
    Ptr,
    Restrict,
    SecVar,
    Struct,
    Typedef,
    TypeTag,
    Union,
    Var,
    Volatile,
)
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.raw import Sections
    from probee.btf.types import Type


class _Record:
    """The words of one record, and how to complain about them."""

    __slots__ = ("flag", "id", "kind", "name_offset", "sections", "start", "value", "vlen")

    def __init__(self, sections: Sections, id: int, start: int) -> None:
        self.sections, self.id, self.start = sections, id, start
        self.name_offset, info, self.value = sections.words[start : start + 3]
        self.kind = kinds.kind_of(info)
        self.vlen = kinds.vlen_of(info)
        self.flag = bool(info >> 31)

    def wrong(self, expected: str, word: int = 0) -> FormatError:
        """`word` is the offending word, counted from the record's first."""
        return FormatError(
            f"BTF type {self.id}, {kinds.kind_name(self.kind)}: {expected}",
            offset=self.sections.byte(self.start + word),
        )

    def demand(self, condition: bool, expected: str, word: int = 0) -> None:
        if not condition:
            raise self.wrong(expected, word)

    def word(self, index: int) -> int:
        """Word `index` behind the three of struct btf_type."""
        return self.sections.words[self.start + 3 + index]

    def words(self, item: int) -> list[int]:
        """All words of the `vlen` elements, `item` words each."""
        return self.sections.words[self.start + 3 : self.start + 3 + item * self.vlen].tolist()

    def name(self) -> str:
        """The name of a kind that must have one."""
        self.demand(self.name_offset != 0, "expected a name")
        name = self.sections.name(self.name_offset)
        self.demand(name != "", "expected a name")
        return name

    def optional_name(self) -> str:
        return self.sections.name(self.name_offset)

    def plain(self, *, nameless: bool = False, flag: bool = False) -> None:
        """No elements; no kind_flag unless `flag`; no name if `nameless`."""
        self.demand(self.vlen == 0, f"expected a count of 0, not {self.vlen}", 1)
        self.demand(flag or not self.flag, "expected a kind_flag of 0", 1)
        self.demand(not nameless or not self.name_offset, "expected no name")

    def target(self) -> int:
        """The id of a kind that cannot refer to void."""
        self.demand(self.value != 0, "expected a type, not void", 2)
        return self.value

    def linkage(self, number: int, word: int) -> str:
        if number >= len(LINKAGES):
            raise self.wrong(f"expected a linkage of 0, 1 or 2, not {number}", word)
        return LINKAGES[number]


def decode(sections: Sections, id: int, start: int) -> Type:
    """The type `id`, whose record starts at word `start`. Raises FormatError."""
    record = _Record(sections, id, start)
    match record.kind:
        case kinds.INT:
            return _int(record)
        case kinds.PTR | kinds.VOLATILE | kinds.CONST | kinds.RESTRICT:
            record.plain(nameless=True)
            return _POINTERS[record.kind](record.value)
        case kinds.ARRAY:
            return _array(record)
        case kinds.STRUCT | kinds.UNION:
            return _struct(record)
        case kinds.ENUM | kinds.ENUM64:
            return _enum(record)
        case kinds.FWD:
            record.plain(flag=True)
            record.demand(not record.value, "expected a type word of 0", 2)
            return Fwd(record.name(), record.flag)
        case kinds.TYPEDEF:
            record.plain()
            return Typedef(record.name(), record.value)
        case kinds.FUNC:
            record.demand(not record.flag, "expected a kind_flag of 0", 1)
            return Func(record.name(), record.target(), record.linkage(record.vlen, 1))
        case kinds.FUNC_PROTO:
            return _func_proto(record)
        case kinds.VAR:
            record.plain()
            return Var(record.name(), record.value, record.linkage(record.word(0), 3))
        case kinds.DATASEC:
            return _datasec(record)
        case kinds.FLOAT:
            record.plain()
            record.demand(
                record.value in {2, 4, 8, 12, 16}, f"no float has {record.value} bytes", 2
            )
            return Float(record.optional_name(), record.value)
        case kinds.DECL_TAG | kinds.TYPE_TAG:
            return _tag(record)
        case _:
            raise record.wrong("this kind is newer than this reader", 1)


_POINTERS: dict[int, type[Ptr | Volatile | Const | Restrict]] = {
    kinds.PTR: Ptr,
    kinds.VOLATILE: Volatile,
    kinds.CONST: Const,
    kinds.RESTRICT: Restrict,
}


def _int(record: _Record) -> Int:
    record.plain()
    size, word = record.value, record.word(0)
    bits, offset, encoding = word & 0xFF, word >> 16 & 0xFF, word >> 24 & 0xF
    record.demand(not word & 0xF000FF00, f"expected zeroes in the unused bits of {word:#x}", 3)
    record.demand(size in {1, 2, 4, 8, 16}, f"no integer has {size} bytes", 2)
    record.demand(
        bits > 0 and bits + offset <= size * 8,
        f"{bits} bits at {offset} do not fit {size} bytes",
        3,
    )
    record.demand(encoding in {0, 1, 2, 4}, f"expected one encoding, not {encoding:#x}", 3)
    return Int(record.optional_name(), size, bits, encoding, offset)


def _array(record: _Record) -> Array:
    record.plain(nameless=True)
    record.demand(not record.value, "expected a size word of 0", 2)
    type_, index, count = record.word(0), record.word(1), record.word(2)
    record.demand(index != 0, "expected an index type, not void", 4)
    return Array(type_, index, count)


def _struct(record: _Record) -> Struct | Union:
    size, union = record.value, record.kind == kinds.UNION
    name_at, flag = record.sections.name, record.flag
    members = []
    words = record.words(3)
    for at in range(0, len(words), 3):
        name, type_, place = words[at : at + 3]
        bits = 0
        if flag:
            bits, place = place >> 24, place & 0xFFFFFF
        # An ordinary member may have any size; that it fits is known once its type is.
        if place + bits > size * 8 or (union and place):
            raise record.wrong(f"a member at bit {place} is not within {size} bytes", 5 + at)
        members.append(Member(name_at(name), type_, place, bits))
    return (Union if union else Struct)(record.optional_name(), size, tuple(members))


def _enum(record: _Record) -> Enum | Enum64:
    size, signed, wide = record.value, record.flag, record.kind == kinds.ENUM64
    record.demand(size in {1, 2, 4, 8}, f"no enum has {size} bytes", 2)
    name_at = record.sections.name
    width = 3 if wide else 2
    words = record.words(width)
    values = []
    for at in range(0, len(words), width):
        value = words[at + 1] | (words[at + 2] << 32 if wide else 0)
        top = 1 << (63 if wide else 31)
        if signed and value & top:
            value -= top << 1
        if not words[at]:
            raise record.wrong("expected enumerators with names", 3 + at)
        values.append(Enumerator(name_at(words[at]), value))
    return (Enum64 if wide else Enum)(record.optional_name(), size, tuple(values), signed)


def _func_proto(record: _Record) -> FuncProto:
    record.demand(not record.name_offset, "expected no name")
    record.demand(not record.flag, "expected a kind_flag of 0", 1)
    words = record.words(2)
    params = []
    for at in range(0, len(words), 2):
        name, type_ = words[at : at + 2]
        params.append(Param(record.sections.name(name), type_))
    return FuncProto(record.value, tuple(params))


def _datasec(record: _Record) -> Datasec:
    record.demand(not record.flag, "expected a kind_flag of 0", 1)
    words = record.words(3)
    variables = []
    for at in range(0, len(words), 3):
        type_, offset, size = words[at : at + 3]
        record.demand(type_ != 0, "expected a variable, not void", 3 + at)
        if record.value and offset + size > record.value:
            raise record.wrong(f"a variable at {offset} ends behind {record.value} bytes", 4 + at)
        variables.append(SecVar(type_, offset, size))
    return Datasec(record.name(), record.value, tuple(variables))


def _tag(record: _Record) -> DeclTag | TypeTag:
    record.plain(flag=True)
    record.demand(record.name_offset != 0, "expected a value")
    value = record.sections.string(record.name_offset)
    record.demand(value != "", "expected a value")
    if record.kind == kinds.TYPE_TAG:
        return TypeTag(value, record.value, record.flag)
    component = record.word(0)
    component -= (component & 0x80000000) << 1
    record.demand(component >= -1, f"expected a component of -1 or more, not {component}", 3)
    return DeclTag(value, record.target(), component, record.flag)
