"""A table of types as CO-RE walks it: each type decoded once, however many records ask for it.

In: a `TypeTable`. Out: `View`, which gives types behind their modifiers, and essential names: a
struct may be declared as `task_struct___old`, a flavour, and means `task_struct` all the same.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.raw import MAX_NAME, text_bytes
from probee.btf.types import Array, Enum, Enum64, Struct, Union
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.table import TypeTable
    from probee.btf.types import Type

ENUMS = (kinds.ENUM, kinds.ENUM64)
_FLAVOUR = "___"


def essential_name(name: str) -> str:
    """`name` without its flavour: what stands before the last `___` between other characters.

    As bpf_core_essential_name_len of libbpf's relo_core.c: an underscore more on either side, and
    it separates nothing.
    """
    for at in range(len(name) - 5, -1, -1):
        marks = name[at + 1 : at + 4] == _FLAVOUR
        if marks and name[at] != "_" and name[at + 4] != "_":
            return name[: at + 1]
    return name


class View:
    """The types of `btf`, each kept once it was decoded."""

    __slots__ = ("_kept", "_strings", "btf")

    def __init__(self, btf: TypeTable) -> None:
        self.btf = btf
        self._kept: dict[int, Type] = {}
        self._strings = b""

    def type(self, id: int) -> Type:
        """The type as a record."""
        found = self._kept.get(id)
        if found is None:
            found = self._kept[id] = self.btf.type(id)
        return found

    def behind(self, id: int) -> tuple[int, Type]:
        """The type behind typedefs, const and the like: its id, and the record."""
        id = self.btf.resolve(id)
        return id, self.type(id)

    def name(self, id: int) -> str:
        """Of a type that has one, else ''."""
        return self.btf.name(id)

    def size(self, id: int) -> int:
        """Bytes of a value of the type. FormatError for what has none."""
        return self.btf.size_of(id)

    def element(self, id: int) -> int:
        """The type of the elements of an array, through all its dimensions; others as they are."""
        for _ in range(33):
            id, type_ = self.behind(id)
            if not isinstance(type_, Array):
                return id
            id = type_.type
        raise FormatError(f"BTF type {id} lies within more than 32 arrays")

    def composite(self, id: int) -> Struct | Union:
        """A struct or union. FormatError for anything else."""
        type_ = self.type(id)
        if not isinstance(type_, Struct | Union):
            raise FormatError(f"BTF type {id}, {kinds.kind_name(type_.kind)}, has no members")
        return type_

    def enum(self, id: int) -> Enum | Enum64:
        """An enum. FormatError for anything else."""
        type_ = self.type(id)
        if not isinstance(type_, Enum | Enum64):
            raise FormatError(f"BTF type {id}, {kinds.kind_name(type_.kind)}, is no enum")
        return type_

    def candidates(self, kind: int, name: str) -> list[int]:
        """The types that a local type of this kind and name may stand for, ascending.

        Those of the same kind (any enum for an enum) and essential name, flavours among them.
        """
        essential = essential_name(name)
        if not essential:
            return []
        wanted = ENUMS if kind in ENUMS else (kind,)
        names = {essential, *self._flavours(essential)}
        return sorted(id for one in names for kind in wanted for id in self.btf.by_name(kind, one))

    def _flavours(self, essential: str) -> Iterator[str]:
        """The strings of the blob that are flavours of a name."""
        self._strings = self._strings or self.btf.sections.strings.tobytes()
        strings = self._strings
        wanted = text_bytes(essential) + _FLAVOUR.encode()
        at = strings.find(wanted)
        while at >= 0:
            end = strings.find(b"\0", at, at + MAX_NAME)
            name = strings[at : max(end, at)].decode("utf-8", "surrogateescape")
            if essential_name(name) == essential:
                yield name
            at = strings.find(wanted, at + 1)
