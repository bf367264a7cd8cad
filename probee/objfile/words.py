"""Words of probee's metadata: any text as one word, and types of values as words.

In: text, a `ValueType`. Out: a word without blanks, and the way back. A struct is a number in the
table that `Structs` collects, so that each is told once.

    u8 … s64, bool      integers by their names          chars16     CharArray
    u32[8]              an array of 8                     ptr:user:char   a Pointer
    int:NAME:4:1:0      any other integer                 #3          struct number 3
    -                   no type

The element of an array of arrays comes first: u32[8][2] is two arrays of 8.
"""

from __future__ import annotations

from probee.errors import FormatError
from probee.spec.types import ArrayOf, CharArray, Field, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.spec.types import ValueType

NONE = "-"
_DEPTH, _FIELDS = 64, 1 << 16  # of structs within structs
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
    letters = iter(word)
    out = [_meant(word, next(letters, "")) if c == "\\" else c for c in letters]
    return "".join(out)


def _meant(word: str, letter: str) -> str:
    """What a letter behind a backslash stands for."""
    if letter not in _MEANT:
        raise FormatError(f"metadata has the word {word!r}, which ends nowhere")
    return _MEANT[letter]


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


class Table:
    """Structs by their numbers, as rows tell them; a row may name those before it alone.

    However small the metadata, what it says may not become large: structs within structs have a
    depth and a number of fields, all together, that no program's exceed.
    """

    def __init__(self) -> None:
        self._structs: list[StructType] = []
        self._depths: list[int] = []
        self._fields: list[int] = []

    def add(self, words: Sequence[str]) -> None:
        """A row. Raises FormatError."""
        if len(words) < 4 or (len(words) - 4) % 3 or number(words[0]) != len(self._structs):
            raise FormatError(f"metadata has a row of {len(words)} words for a struct")
        size, end, depth, count = number(words[2]), 0, 0, 0
        fields = []
        for at in range(4, len(words), 3):
            field = Field(unquoted(words[at]), self.demanded(words[at + 1]), number(words[at + 2]))
            inner = _struct_in(words[at + 1])
            depth = max(depth, 1 + (self._depths[inner] if inner >= 0 else 0))
            count += 1 + (self._fields[inner] if inner >= 0 else 0)
            if field.offset < end:
                raise FormatError(f"metadata has a field {field.name} within another")
            end = field.offset + field.type.size
            fields.append(field)
        if end > size or depth > _DEPTH or count > _FIELDS:
            raise FormatError(f"metadata has a struct that cannot be: {words[1]}")
        self._structs.append(StructType(unquoted(words[1]), tuple(fields), size, number(words[3])))
        self._depths.append(depth)
        self._fields.append(count)

    def row(self, word: str) -> StructType:
        """The struct of a number."""
        at = number(word)
        if not 0 <= at < len(self._structs):
            raise FormatError(f"metadata names struct {at}; there are {len(self._structs)}")
        return self._structs[at]

    def type(self, word: str) -> ValueType | None:
        """The type of a word; None for that of none. Raises FormatError."""
        if word == NONE:
            return None
        base, *counts = word.split("[")
        if len(counts) > _DEPTH or not all(count.endswith("]") for count in counts):
            raise FormatError(f"metadata says type {word[:80]!r}, which is none")
        type_ = self._plain(base)
        for count in counts:
            type_ = ArrayOf(type_, number(count[:-1]))
        return type_

    def demanded(self, word: str) -> ValueType:
        """The type of a word, which is one."""
        type_ = self.type(word)
        if type_ is None:
            raise FormatError("metadata has a place for a type, and none there")
        return type_

    def _plain(self, word: str) -> ValueType:
        """What is no array."""
        if word in _INTS:
            return _INTS[word]
        kind, *parts = word.split(":")
        if kind == "ptr" and len(parts) == 2:
            return Pointer(unquoted(parts[0]), unquoted(parts[1]))
        if kind == "int" and len(parts) == 4 and parts[1] in ("1", "2", "4", "8"):
            name, size, signed, boolean = parts
            return Int(unquoted(name), int(size), signed == "1", boolean == "1")
        if word.startswith("chars"):
            return CharArray(number(word[5:]))
        if word.startswith("#"):
            return self.row(word[1:])
        raise FormatError(f"metadata says type {word[:80]!r}, which is none")


def _struct_in(word: str) -> int:
    """The number of the struct that a word is one of, or an array of; -1 for none."""
    return number(word[1:].partition("[")[0]) if word.startswith("#") else -1


def number(word: str) -> int:
    """A number in decimal, of at most 20 digits. Raises FormatError."""
    digits = word.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
        raise FormatError(f"metadata says {word!r} where a number belongs")
    return int(word)
