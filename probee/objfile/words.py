"""Words of probee's metadata: any text as one word, and types of values as words.

In: text, a `ValueType`. Out: a word without blanks, and the way back. A struct is a number in the
table that `Structs` collects, so that each is told once.

    u8 … s64, bool      integers by their names          chars16     CharArray
    u32[8]              an array of 8                     ptr:user:char   a Pointer
    int:NAME:4:1:0      any other integer                 #3          struct number 3
    -                   no type
"""

from __future__ import annotations

from probee.errors import FormatError
from probee.spec.types import ArrayOf, CharArray, Field, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.spec.types import ValueType

NONE = "-"
_ESCAPES = (("\\", "\\\\"), (" ", "\\_"), ("\n", "\\n"), (":", "\\."))
_MEANT = {"\\": "\\", "_": " ", "n": "\n", ".": ":", "0": ""}
_INTS = {
    f"{sign}{8 * size}": Int(f"{sign}{8 * size}", size, sign == "s")
    for size in (1, 2, 4, 8)
    for sign in "us"
} | {"bool": Int("bool", 1, False, True)}


def quoted(text: str) -> str:
    """`text` as one word, never empty, without blanks and colons."""
    for plain, escape in _ESCAPES:
        text = text.replace(plain, escape)
    return text or "\\0"


def unquoted(word: str) -> str:
    """The inverse of `quoted`. Raises FormatError for what that never gives."""
    head, *parts = word.split("\\")
    out, pending = [head], False
    for part in parts:
        if pending:  # behind a doubled backslash
            out.append(part)
            pending = False
        elif not part:
            out.append("\\")
            pending = True
        elif part[0] not in _MEANT:
            raise FormatError(f"metadata has the word {word!r}, which ends nowhere")
        else:
            out.append(_MEANT[part[0]] + part[1:])
    return "".join(out)


class Structs:
    """Numbers of structs, each with its row: those inside others come before those."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self._numbers: dict[StructType, int] = {}

    def number(self, struct: StructType) -> int:
        """The number of `struct`, which gets a row if it has none."""
        if struct not in self._numbers:
            words = [quoted(struct.name), str(struct.size), str(struct.align)]
            for field in struct.fields:
                words += [quoted(field.name), self.word(field.type), str(field.offset)]
            self._numbers[struct] = len(self.rows)
            self.rows.append(" ".join((str(len(self.rows)), *words)))
        return self._numbers[struct]

    def word(self, type_: ValueType | None) -> str:
        """The word of a type."""
        match type_:
            case None:
                return NONE
            case Int():
                if _INTS.get(type_.name) == type_:
                    return type_.name
                numbers = f"{type_.size}:{type_.signed:d}:{type_.boolean:d}"
                return f"int:{quoted(type_.name)}:{numbers}"
            case CharArray():
                return f"chars{type_.size}"
            case ArrayOf():
                return f"{self.word(type_.element)}[{type_.count}]"
            case Pointer():
                return f"ptr:{quoted(type_.space)}:{quoted(type_.target)}"
            case StructType():
                return f"#{self.number(type_)}"


def struct_of(words: Sequence[str], known: Sequence[StructType]) -> StructType:
    """The struct of a row, its number left out. Raises FormatError."""
    name, size, align, *rest = words
    if len(rest) % 3:
        raise FormatError(f"metadata of struct {name} has a field that is cut off")
    fields = tuple(
        Field(unquoted(rest[at]), _demanded(rest[at + 1], known), number(rest[at + 2]))
        for at in range(0, len(rest), 3)
    )
    return StructType(unquoted(name), fields, number(size), number(align))


def type_of(word: str, known: Sequence[StructType]) -> ValueType | None:
    """The type of a word; `known` has the structs by their numbers. Raises FormatError."""
    if word == NONE:
        return None
    if word in _INTS:
        return _INTS[word]
    if word.endswith("]"):
        element, _, count = word[:-1].rpartition("[")
        return ArrayOf(_demanded(element, known), number(count))
    kind, *parts = word.split(":")
    if kind == "ptr" and len(parts) == 2:
        return Pointer(unquoted(parts[0]), unquoted(parts[1]))
    if kind == "int" and len(parts) == 4:
        name, size, signed, boolean = parts
        return Int(unquoted(name), number(size), signed == "1", boolean == "1")
    if word.startswith("chars"):
        return CharArray(number(word[5:]))
    if word.startswith("#") and number(word[1:]) < len(known):
        return known[number(word[1:])]
    raise FormatError(f"metadata says type {word!r}, which is none")


def _demanded(word: str, known: Sequence[StructType]) -> ValueType:
    type_ = type_of(word, known)
    if type_ is None:
        raise FormatError("metadata has a place for a type, and none there")
    return type_


def number(word: str) -> int:
    """A number in decimal, of at most 20 digits. Raises FormatError."""
    digits = word.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
        raise FormatError(f"metadata says {word!r} where a number belongs")
    return int(word)
