"""CO-RE records of an object: what of the kernel's types each one asks for, in words.

In: the object's types, a type id, an access string and a kind's number. Out: kind, type and path as
`CoreReloc` names them. An access string such as `0:1:3` counts: elements of the type itself, then
members of structs and unions and elements of arrays. Source: bpf_core_parse_spec in libbpf's
relo_core.c, which is as strict.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import Array, Enum, Enum64, Struct, Union
from probee.errors import FormatError
from probee.tables.core_records import BY_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf

_DEEPEST = 64  # numbers in an access string: BPF_CORE_SPEC_MAX_LEN
_LONGEST = 10  # digits of a u32
_WORDS = {kinds.UNION: "union ", kinds.ENUM: "enum ", kinds.ENUM64: "enum "}


class CoreNames:
    """Says what records mean; equal ones are looked up once."""

    def __init__(self, types: Btf) -> None:
        self._types = types
        self._known: dict[tuple[int, int, int], tuple[str, str, str, str]] = {}

    def meaning(self, id: int, access: int, kind: int) -> tuple[str, str, str, str]:
        """(kind, type, path, access string) of a record. Raises FormatError."""
        key = (id, access, kind)
        if key not in self._known:
            self._known[key] = self._meaning(id, access, kind)
        return self._known[key]

    def _meaning(self, id: int, access: int, number: int) -> tuple[str, str, str, str]:
        row = BY_NUMBER.get(number)
        if row is None:
            raise FormatError(
                f"CO-RE relocation of unknown kind {number}; the last is {max(BY_NUMBER)}"
            )
        kind, text = row.name, self._types.string(access)
        numbers = _numbers(text)
        name = self.type_name(id)
        if row.about == "field":
            return kind, name, self._field(id, text, numbers), text
        if len(numbers) != 1:
            raise FormatError(f"CO-RE access {text!r} of {kind}; expected one number")
        if row.about == "value":
            return kind, name, self._enumerator(id, numbers[0]), text
        if numbers[0]:
            raise FormatError(f"CO-RE access {text!r} of {kind}; expected 0")
        return kind, name, "", text

    def type_name(self, id: int) -> str:
        """As C names the type, a struct by its name alone."""
        kind = self._types.kind(id)
        return _WORDS.get(kind, "") + self._types.name(id)

    def _enumerator(self, id: int, number: int) -> str:
        enum = self._types.type(self._types.resolve(id))
        if not isinstance(enum, Enum | Enum64) or number >= len(enum.values):
            raise FormatError(
                f"CO-RE access of value {number} of BTF type {id}, which has none such"
            )
        return enum.values[number].name

    def _field(self, id: int, text: str, numbers: list[int]) -> str:
        """The member's path: names behind dots, indices in brackets."""
        types = self._types
        path = f"[{numbers[0]}]" if numbers[0] else ""
        final = types.resolve(id)
        for number in numbers[1:]:
            type_ = types.type(final)
            match type_:
                case Struct() | Union() if number < len(type_.members):
                    member = type_.members[number]
                    if member.name:
                        path += f".{member.name}" if path else member.name
                    final = types.resolve(member.type)
                case Array() if number < type_.count or not type_.count:
                    path += f"[{number}]"
                    final = types.resolve(type_.type)
                case _:
                    raise FormatError(
                        f"CO-RE access {text!r} of BTF type {id}: type {final},"
                        f" {kinds.kind_name(type_.kind)}, has no part {number}"
                    )
        return path


def _numbers(text: str) -> list[int]:
    """The numbers of an access string."""
    words = text.split(":", _DEEPEST)
    if len(words) > _DEEPEST or not all(
        word.isascii() and word.isdigit() and len(word) <= _LONGEST for word in words
    ):
        raise FormatError(
            f"CO-RE access {text[:80]!r}; expected up to {_DEEPEST} numbers and colons"
        )
    return [int(word) for word in words]
