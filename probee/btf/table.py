"""What can be asked of a blob once it is known where each type starts.

In: `Sections` and the starts, from a scan (`reader.Btf`) or from an index (`index.IndexedBtf`).
Out: types, names, sizes, members. Nothing is decoded before it is asked for, and nothing is kept.

Chains are followed through at most MAX_DEPTH modifiers, pointers or arrays, as in the kernel and
in libbpf (MAX_RESOLVE_DEPTH), so a cycle ends in a FormatError. The starts may come from a file
that somebody spoiled: each record is held against its neighbour's start before it is read.
"""

from __future__ import annotations

from binascii import crc32
from bisect import bisect_left

from probee.btf import kinds
from probee.btf.raw import text_bytes
from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.raw import Sections, Words
    from probee.btf.types import Type

MAX_DEPTH = 32
HASHED_NAME = 512  # names are hashed by their first bytes, so that hostile ones cost no more


class Field(Frozen):
    """Where a member lies, counted from the start of the struct that was asked.

    `type`: its type id. `bit_offset`: through all anonymous members. `bits`: width of a bitfield,
    0 for an ordinary member. `size`: bytes of its type. `path`: the member's number in each
    struct from the outermost in, as CO-RE access strings count.
    """

    name: str
    type: int
    bit_offset: int
    bits: int
    size: int
    path: tuple[int, ...]

    @property
    def offset(self) -> int:
        """In bytes; for a bitfield, of the byte that holds its first bit."""
        return self.bit_offset // 8


def name_key(kind: int, name: bytes) -> int:
    """The upper 32 bits under which a type is found by name."""
    return crc32(name[:HASHED_NAME], kind)


class TypeTable:
    """The types of one blob by id: 1 to `len(table)`; 0 is void."""

    __slots__ = ("_keys", "sections", "starts")

    def __init__(self, sections: Sections, starts: Words, keys: Words | None = None) -> None:
        self.sections = sections
        self.starts = starts
        self._keys = keys

    def __len__(self) -> int:
        return len(self.starts) - 2

    def string(self, offset: int) -> str:
        """The string at `offset` of the string section. Raises FormatError."""
        return self.sections.string(offset)

    def _start(self, id: int) -> int:
        """The word where `id` (not void) starts, its whole record known to be there."""
        if not 0 < id < len(self.starts) - 1:
            raise FormatError(f"BTF has no type {id}: its ids go from 1 to {len(self)}")
        start, end = self.starts[id], self.starts[id + 1]
        if not start + 3 <= end <= len(self.sections.words):
            raise FormatError(f"BTF index puts type {id} at words {start}..{end}")
        if start + self.sections.record_words(start) != end:
            raise FormatError(
                f"BTF index is of another blob: type {id} does not end at word {end}",
                offset=self.sections.byte(start),
            )
        return start

    def kind(self, id: int) -> int:
        """The kind's number, 0 for void."""
        return kinds.kind_of(self.sections.words[self._start(id) + 1]) if id else 0

    def name(self, id: int) -> str:
        """The name of a type, or the value of a tag; '' for one without."""
        return self.sections.string(self.sections.words[self._start(id)]) if id else ""

    def type(self, id: int) -> Type:
        """The type as a record. Raises FormatError where it is not well-formed."""
        # Imported here: opensnoop asks for offsets only, and 19 classes need not be known for it.
        from probee.btf.decode import decode
        from probee.btf.types import Void

        return Void() if not id else decode(self.sections, id, self._start(id))

    def by_name(self, kind: int, name: str) -> tuple[int, ...]:
        """The ids of all types of this kind and name, ascending; () where there is none."""
        wanted = text_bytes(name)
        if not wanted or b"\0" in wanted:
            return ()
        keys = self._name_keys()
        key = name_key(kind, wanted)
        position = bisect_left(keys, key << 32)
        found = []
        while position < len(keys) and keys[position] >> 32 == key:
            id = keys[position] & 0xFFFFFFFF
            if self.kind(id) == kind and self._is_named(self._start(id), wanted):
                found.append(id)
            position += 1
        return tuple(found)

    def _name_keys(self) -> Words:
        """Ascending u64 words, the name's key above, the id below: from an index, or made now."""
        if self._keys is None:
            from probee.btf.names import name_keys

            self._keys = name_keys(self.sections, self.starts)
        return self._keys

    def _is_named(self, word: int, name: bytes) -> bool:
        """Whether the string that `word` of the type section points to is `name`."""
        offset = self.sections.words[word]
        strings = self.sections.strings
        return strings[offset : offset + len(name) + 1].tobytes() == name + b"\0"

    def resolve(self, id: int) -> int:
        """The type behind typedefs, const, volatile, restrict and type tags; 0 for void."""
        words = self.sections.words
        for _ in range(MAX_DEPTH + 1):
            if not id:
                return 0
            start = self._start(id)
            if kinds.kind_of(words[start + 1]) not in kinds.MODIFIERS:
                return id
            id = words[start + 2]
        raise FormatError(f"BTF type {id} lies behind more than {MAX_DEPTH} modifiers")

    def size_of(self, id: int, *, pointer: int = 8) -> int:
        """Bytes that a value of the type takes; `pointer` is the size of an address.

        Raises FormatError for what has no size: void, functions, forward declarations.
        """
        words = self.sections.words
        count = 1
        for _ in range(MAX_DEPTH + 1):
            final = self.resolve(id)
            start = self._start(final) if final else 0
            kind = kinds.kind_of(words[start + 1]) if final else 0
            if kind in _SIZED:
                return count * words[start + 2]
            if kind == kinds.PTR:
                return count * pointer
            if kind == kinds.ARRAY:
                id = words[start + 3]
                count *= words[start + 5]
            elif kind == kinds.VAR:
                id = words[start + 2]
            else:
                raise FormatError(f"BTF type {final}, {kinds.kind_name(kind)}, has no size")
        raise FormatError(f"BTF type {id} lies within more than {MAX_DEPTH} arrays")

    def member(self, struct_id: int, name: str) -> Field | None:
        """The member `name` of a struct or union, looked for in anonymous members too.

        `struct_id` may be a typedef of one. None where there is no such member. Each anonymous
        struct is searched once, so the time is bounded by the size of the blob.
        """
        wanted = text_bytes(name)
        if not wanted or b"\0" in wanted:
            return None
        outer = self.resolve(struct_id)
        seen = {outer}
        waiting: list[tuple[int, int, tuple[int, ...]]] = [(outer, 0, ())]
        while waiting:
            id, base, path = waiting.pop()
            found, inner = self._search(id, wanted, base, path)
            if found:
                at, type_, bits, place = found
                return Field(name, type_, at, bits, self.size_of(type_), place)
            for nested in reversed(inner):
                if nested[0] not in seen:
                    seen.add(nested[0])
                    waiting.append(nested)
        return None

    def _search(
        self, id: int, wanted: bytes, base: int, path: tuple[int, ...]
    ) -> tuple[_Hit | None, list[tuple[int, int, tuple[int, ...]]]]:
        """One struct's own members: the one wanted, or the anonymous structs to look into."""
        words = self.sections.words
        start = self._start(id) if id else 0
        info = words[start + 1] if id else 0
        if kinds.kind_of(info) not in {kinds.STRUCT, kinds.UNION}:
            raise FormatError(
                f"BTF type {id}, {kinds.kind_name(kinds.kind_of(info))}, has no members"
            )
        inner = []
        for number in range(kinds.vlen_of(info)):
            at = start + 3 + number * 3
            bits, offset = 0, words[at + 2]
            if info >> 31:
                bits, offset = offset >> 24, offset & 0xFFFFFF
            if words[at] and not self._is_named(at, b""):
                if self._is_named(at, wanted):
                    place = (*path, number)
                    return (base + offset, words[at + 1], bits, place), []
                continue
            nested = self.resolve(words[at + 1])
            if self.kind(nested) in {kinds.STRUCT, kinds.UNION}:
                inner.append((nested, base + offset, (*path, number)))
        return None, inner


_SIZED = frozenset(
    {
        kinds.INT, kinds.STRUCT, kinds.UNION, kinds.ENUM, kinds.ENUM64, kinds.FLOAT, kinds.DATASEC,
    }
)  # fmt: skip

if TYPE_CHECKING:
    _Hit = tuple[int, int, int, tuple[int, ...]]
