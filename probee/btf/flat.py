"""All types of a blob as lists side by side, for those who go through every one of them.

In: `Sections`, and the `Flat` of a base where the blob is split (a module's BTF on top of
vmlinux's). Out: kind, flag, count, size or type, and name of each id at a list's place, and the
words of its members; `Btf` gives one type as a record instead, and takes twenty times as long for
all of them.

Every id and every string offset is within the blob once this is made; FormatError otherwise. What
the types mean together (cycles, sizes) is not looked at: `check` does.
"""

from __future__ import annotations

from itertools import compress

from probee.btf import kinds
from probee.btf.raw import Sections, scan
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.raw import Words

_ONE_TYPE = frozenset(
    {
        kinds.PTR, kinds.TYPEDEF, kinds.VOLATILE, kinds.CONST, kinds.RESTRICT, kinds.FUNC,
        kinds.VAR, kinds.DECL_TAG, kinds.TYPE_TAG, kinds.FUNC_PROTO,
    }
)  # fmt: skip
# Of each element: which word is a name's offset, and which are types. An array is its own element.
_NAME_WORD = {
    kinds.STRUCT: 0, kinds.UNION: 0, kinds.ENUM: 0, kinds.ENUM64: 0, kinds.FUNC_PROTO: 0,
}  # fmt: skip
TYPE_WORDS = {
    kinds.STRUCT: (1,), kinds.UNION: (1,), kinds.FUNC_PROTO: (1,), kinds.DATASEC: (0,),
    kinds.ARRAY: (0, 1),
}  # fmt: skip
_WIDTHS = {**kinds.ITEM_WORDS, kinds.ARRAY: kinds.FIXED_WORDS[kinds.ARRAY]}
MAX_NAME = 4096  # as in `raw`: tags and names alike


class Flat:
    """The types 1 to `last`; those from `first` on are the blob's own, the others its base's.

    `kinds`, `values` (size or type), `counts`, `flags`, `name_offsets`, `starts` (the word behind
    the three of struct btf_type) are lists by id, with void at 0. `texts`: names by offset, as far
    as they were asked for.
    """

    __slots__ = (
        "_elements", "_items", "_shift", "_strings", "_types_at", "big_endian", "counts", "first",
        "flags", "kinds", "last", "name_offsets", "starts", "texts", "values", "words",
    )  # fmt: skip

    def __init__(self, sections: Sections, base: Flat | None = None) -> None:
        own = scan(sections).tolist()[1:-1]
        words: Words = sections.words
        self.big_endian = sections.big_endian
        self._types_at, self._shift = sections.types_at, 0  # for the offsets of errors
        self._strings = sections.strings.tobytes()
        infos = [words[start + 1] for start in own]
        void = [0]
        self.kinds = void + [info >> 24 & 0x7F for info in infos]
        self.counts = void + [info & 0xFFFFFF for info in infos]
        self.flags = void + [info >> 31 for info in infos]
        self.values = void + [words[start + 2] for start in own]
        self.name_offsets = void + [words[start] for start in own]
        self.starts = void + [start + 3 for start in own]
        self.first = 1
        if base is not None:
            words = self._stand_on(base, words)
        self.words = words
        self.last = len(self.kinds) - 1
        self.texts: dict[int, str] = {0: ""}
        self._items: dict[int, list[int]] = {}
        self._elements = self._gather(base)
        self._check()

    def _stand_on(self, base: Flat, words: Words) -> Words:
        """Ids and string offsets of a split blob go on where those of its base end."""
        from array import array

        shift = self._shift = len(base.words)
        self.first = base.last + 1
        self._strings = base._strings + self._strings
        self.starts = [*base.starts, *(start + shift for start in self.starts[1:])]
        for name in ("kinds", "counts", "flags", "values", "name_offsets"):
            setattr(self, name, [*getattr(base, name), *getattr(self, name)[1:]])
        return array("I", base.words) + array("I", words)

    def _gather(self, base: Flat | None) -> dict[int, bytes]:
        """The elements of all types of each kind, one behind the other."""
        words, starts, counts = self.words, self.starts, self.counts
        parts: dict[int, list[Words]] = {kind: [] for kind in _WIDTHS}
        for id, kind in enumerate(self.kinds[self.first :], self.first):
            if kind in parts:
                count = 1 if kind == kinds.ARRAY else counts[id]
                parts[kind].append(words[starts[id] : starts[id] + _WIDTHS[kind] * count])
        own = {kind: b"".join(found) for kind, found in parts.items()}
        return {kind: (base._elements[kind] if base else b"") + own[kind] for kind in own}

    def column(self, kind: int, at: int) -> memoryview[int]:
        """Word `at` of every element of every type of a kind."""
        return memoryview(self._elements[kind]).cast("I")[at :: _WIDTHS[kind]]

    def _check(self) -> None:
        """Ids and string offsets of the blob's types, all at once; one by one if any is wrong."""
        names = [self.name_offsets, *(self.column(*row) for row in _NAME_WORD.items())]
        types = [
            compress(self.values, map(_ONE_TYPE.__contains__, self.kinds)),
            *(self.column(kind, at) for kind, row in TYPE_WORDS.items() for at in row),
        ]
        functions = {*compress(self.values, map(kinds.FUNC.__eq__, self.kinds))}
        if (
            max(max(column, default=0) for column in names) >= len(self._strings)
            or max(max(column, default=0) for column in types) > self.last
            or max(self.kinds) > kinds.ENUM64
            or any(self.kinds[id] != kinds.FUNC_PROTO for id in functions)
        ):
            self._find_wrong()

    def _find_wrong(self) -> None:
        """Raises for the first type of the blob's own with what is not there."""
        words, starts, counts = self.words, self.starts, self.counts
        last, end = self.last, len(self._strings)
        names = self.name_offsets
        for id in range(self.first, last + 1):
            kind = self.kinds[id]
            if names[id] >= end:
                raise self._wrong(id, f"has its name at {names[id]:#x}")
            if kind in _ONE_TYPE:
                if self.values[id] > last:
                    raise self._wrong(id, f"refers to type {self.values[id]}")
            elif kind == kinds.ARRAY:
                if words[starts[id]] > last or words[starts[id] + 1] > last:
                    raise self._wrong(id, f"refers to type {words[starts[id]]}")
            elif kind > kinds.ENUM64:
                raise self._wrong(id, "is of a kind newer than this reader")
            if counts[id] and kind in kinds.ITEM_WORDS:
                width = kinds.ITEM_WORDS[kind]
                start, stop = starts[id], starts[id] + width * counts[id]
                at = _NAME_WORD.get(kind, width)
                if at < width and max(words[start + at : stop : width]) >= end:
                    raise self._wrong(id, "has a member's name")
                (at,) = TYPE_WORDS.get(kind, (width,))
                if at < width and max(words[start + at : stop : width]) > last:
                    raise self._wrong(id, "has a member of a type")
        for id in range(self.first, last + 1):
            if self.kinds[id] == kinds.FUNC and self.kinds[self.values[id]] != kinds.FUNC_PROTO:
                raise self._wrong(id, "is a FUNC whose type is no FUNC_PROTO")

    def _wrong(self, id: int, what: str) -> FormatError:
        return FormatError(
            f"BTF type {id}, {kinds.kind_name(self.kinds[id])}, {what}: there are {self.last} "
            f"types and {len(self._strings):#x} bytes of strings",
            offset=self.place(id),
        )

    def place(self, id: int) -> int:
        """Where a type of the blob's own stands in it; -1 for one of the base."""
        word = self.starts[id] - 3 - self._shift
        return self._types_at + 4 * word if word >= 0 else -1

    def text(self, offset: int) -> str:
        """The string at `offset`; longer than MAX_NAME bytes is a FormatError."""
        known = self.texts.get(offset)
        if known is not None:
            return known
        end = self._strings.find(b"\0", offset, offset + MAX_NAME + 1)
        if end < 0:
            raise FormatError(f"BTF string {offset:#x} is outside its section or endless")
        name = self._strings[offset:end].decode("utf-8", "surrogateescape")
        self.texts[offset] = name
        return name

    def name(self, id: int) -> str:
        """The name of a type, '' for none."""
        return self.text(self.name_offsets[id])

    def items(self, id: int) -> list[int]:
        """The words of the elements of `id`: members, values, parameters, variables."""
        start = self.starts[id]
        size = kinds.ITEM_WORDS[self.kinds[id]] * self.counts[id]
        return self.words[start : start + size].tolist()

    def kept(self, id: int) -> list[int]:
        """The same, kept for who comes back to a type: nobody changes the list."""
        known = self._items.get(id)
        if known is None:
            known = self._items[id] = self.items(id)
        return known
