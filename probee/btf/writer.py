"""Makes the BTF of programs and maps.

In: calls that add types, each of which answers the type's id. Out: `build()`, a blob for
BPF_BTF_LOAD or a `.BTF` section. The same calls in the same order give the same bytes.

Equal types get one id and equal strings one offset. A struct that points to itself takes two
steps: `reserve()` an id, then `define(id, Struct(...))`.

Names are held to what every kernel since 4.18 takes: letters, digits, `_` and `.` (in data
sections and variables), at most 127 bytes, so a Python name beyond ASCII has to be respelled.
"""

from __future__ import annotations

from array import array

from probee.btf.encode import blob, encode
from probee.btf.raw import MAX_TYPE, text_bytes
from probee.btf.types import (
    BOOL,
    SIGNED,
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
    label,
    references,
)
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from _typeshed import ReadableBuffer

    from probee.btf.types import Type

    # (name, type, bit offset) or (name, type, bit offset, width of the bitfield)
    MemberRow: TypeAlias = tuple[str, int, int] | tuple[str, int, int, int]

MAX_NAME = 127  # KSYM_NAME_LEN - 1 before Linux 6.1


class BtfBuilder:
    """Collects types and strings; ids count from 1 in the order of the calls."""

    def __init__(self) -> None:
        self._types: list[Type | None] = [None]
        self._ids: dict[Type, int] = {}
        self._offsets: dict[str, int] = {"": 0}
        self._strings = bytearray(b"\0")

    @classmethod
    def resumed(cls, data: ReadableBuffer) -> BtfBuilder:
        """One that goes on behind the types and strings of `data`: their numbers stay theirs.

        Raises FormatError; UsageError for a name that no such builder writes.
        """
        from probee.btf.reader import Btf

        builder, table = cls(), Btf(data)
        strings = bytes(table.sections.strings)
        offset = 1
        for raw in strings[1:-1].split(b"\0") if len(strings) > 1 else ():
            builder._offsets.setdefault(raw.decode("utf-8", "surrogateescape"), offset)
            offset += len(raw) + 1
        builder._strings = bytearray(strings)
        for _ in range(len(table)):
            builder.reserve()
        for id, type_ in table.types():
            builder.define(id, type_)
            builder._ids.setdefault(type_, id)
        return builder

    def __len__(self) -> int:
        return len(self._types) - 1

    def string(self, text: str) -> int:
        """The offset of `text` in the string section: a file name or source line for line_info."""
        if text not in self._offsets:
            raw = text_bytes(text)
            if b"\0" in raw:
                raise UsageError(f"BTF strings end at a NUL, and there is one in {text!r}")
            self._offsets[text] = len(self._strings)
            self._strings += raw + b"\0"
        return self._offsets[text]

    def add(self, type_: Type) -> int:
        """The id of a record of `types`, new or that of an equal one added before."""
        known = self._ids.get(type_)
        if known is None:
            known = self.reserve()
            self.define(known, type_)
            self._ids[type_] = known
        return known

    def reserve(self) -> int:
        """An id whose type follows by `define`, for types that refer to themselves."""
        if len(self) == MAX_TYPE:
            raise UsageError(f"BTF holds at most {MAX_TYPE} types")
        self._types.append(None)
        return len(self)

    def define(self, id: int, type_: Type) -> None:
        """Say what a reserved id is. Such a type is never merged with an equal one."""
        if not 0 < id <= len(self) or self._types[id] is not None:
            raise UsageError(f"BTF type {id} is not one that waits for its definition")
        for reference in references(type_):
            if not 0 <= reference <= len(self):
                raise UsageError(f"BTF {label(type_)} refers to type {reference}, unknown so far")
        _check_name(type_)
        encode(type_, self.string)  # its strings get their places, its numbers are checked
        self._types[id] = type_

    def build(self, *, big_endian: bool = False) -> bytes:
        """The blob. More may be added and built afterwards."""
        words = array("I")
        for id, type_ in enumerate(self._types):
            if id and type_ is None:
                raise UsageError(f"BTF type {id} was reserved and never defined")
            if type_ is not None:
                words.extend(encode(type_, self.string))
        return blob(words, bytes(self._strings), big_endian=big_endian)

    # One call a kind. Sizes are bytes, offsets of members bits, offsets in sections bytes.

    def int_(self, name: str, size: int, *, signed: bool = False, boolean: bool = False) -> int:
        """An integer of all its bits."""
        return self.add(Int(name, size, size * 8, BOOL if boolean else SIGNED if signed else 0))

    def float_(self, name: str, size: int) -> int:
        """A floating-point number."""
        return self.add(Float(name, size))

    def ptr(self, type: int) -> int:
        """A pointer to `type`; to void with 0."""
        return self.add(Ptr(type))

    def array(self, type: int, count: int) -> int:
        """`count` elements. The index type is `__ARRAY_SIZE_TYPE__`, as clang names it."""
        return self.add(Array(type, self.int_("__ARRAY_SIZE_TYPE__", 4), count))

    def struct(self, name: str, size: int, members: Iterable[MemberRow]) -> int:
        """A struct; `members` are rows (name, type, bit offset[, bitfield width])."""
        return self.add(Struct(name, size, tuple(Member(*row) for row in members)))

    def union(self, name: str, size: int, members: Iterable[tuple[str, int]]) -> int:
        """A union; `members` are rows (name, type)."""
        return self.add(Union(name, size, tuple(Member(n, t, 0) for n, t in members)))

    def enum(
        self, name: str, values: Iterable[tuple[str, int]], *, size: int = 4, signed: bool = False
    ) -> int:
        """An enum of rows (name, value): ENUM64 for 8 bytes, else ENUM."""
        items = tuple(Enumerator(n, v) for n, v in values)
        return self.add((Enum64 if size == 8 else Enum)(name, size, items, signed))

    def fwd(self, name: str, *, union: bool = False) -> int:
        """A struct or union that is only declared."""
        return self.add(Fwd(name, union))

    def typedef(self, name: str, type: int) -> int:
        """`name` for `type`."""
        return self.add(Typedef(name, type))

    def const(self, type: int) -> int:
        """`type`, const."""
        return self.add(Const(type))

    def volatile(self, type: int) -> int:
        """`type`, volatile."""
        return self.add(Volatile(type))

    def restrict(self, type: int) -> int:
        """`type`, restrict."""
        return self.add(Restrict(type))

    def type_tag(self, value: str, type: int) -> int:
        """`value` on a type: `user`, `rcu`, `percpu`, `kptr`."""
        return self.add(TypeTag(value, type))

    def decl_tag(self, value: str, type: int, component: int = -1) -> int:
        """`value` on a declaration, or on its member or parameter number `component`."""
        return self.add(DeclTag(value, type, component))

    def func_proto(
        self, returns: int, params: Iterable[tuple[str, int]], *, variadic: bool = False
    ) -> int:
        """A prototype; `params` are rows (name, type), names may be ''."""
        rows = tuple(Param(n, t) for n, t in params)
        return self.add(FuncProto(returns, (*rows, Param("", 0)) if variadic else rows))

    def func(self, name: str, proto: int, linkage: str = "static") -> int:
        """A program or subprogram; the verifier treats a `global` one on its own."""
        return self.add(Func(name, proto, linkage))

    def var(self, name: str, type: int, linkage: str = "global") -> int:
        """A variable, to be listed in a datasec."""
        return self.add(Var(name, type, linkage))

    def datasec(self, name: str, size: int, vars: Iterable[tuple[int, int, int]]) -> int:
        """A section; `vars` are rows (VAR or FUNC id, byte offset, size)."""
        return self.add(Datasec(name, size, tuple(SecVar(*row) for row in vars)))


def _check_name(type_: Type) -> None:
    """By btf_name_valid_identifier and its callers in kernel/bpf/btf.c."""
    match type_:
        case Struct() | Union():
            _identifiers(type_, type_.name, *(member.name for member in type_.members))
        case Enum() | Enum64():
            _identifiers(type_, type_.name, *(value.name for value in type_.values))
            if not all(value.name for value in type_.values):
                raise UsageError(f"BTF {label(type_)} has a value without a name")
        case FuncProto():
            _identifiers(type_, *(param.name for param in type_.params))
        case Func() | Typedef() | Fwd():
            _identifiers(type_, type_.name)
            _demand_name(type_, type_.name)
        case Var() | Datasec():
            _identifiers(type_, type_.name, dots=True)
            _demand_name(type_, type_.name)
        case DeclTag() | TypeTag():
            _demand_name(type_, type_.value)


def _demand_name(type_: Type, name: str) -> None:
    if not name:
        raise UsageError(f"BTF {label(type_)} needs a name")


def _identifiers(type_: Type, *names: str, dots: bool = False) -> None:
    for name in names:
        plain = name.replace(".", "_") if dots else name
        if name and not (plain.isascii() and plain.isidentifier() and len(name) <= MAX_NAME):
            raise UsageError(
                f"BTF {label(type_)}: the kernel takes no name like {name!r}",
                hint=f"use ASCII letters, digits and _, at most {MAX_NAME}",
            )
