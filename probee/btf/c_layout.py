"""What C makes of a type's place: sizes, alignments, and the padding that must be written out.

In: `Flat`. Out: sizes and alignments as libbpf's btf__resolve_size and btf__align_of have them
(libbpf 1.5, btf.c), 0 for what has none; `padding`, the unnamed bitfields between two members
(btf_dump_emit_bit_padding, btf_dump.c).
"""

from __future__ import annotations

from probee.btf import kinds
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.flat import Flat

MAX_CHAIN = 32  # modifiers and arrays around one type; MAX_RESOLVE_DEPTH in libbpf
MAX_U32 = 0xFFFFFFFF
# A gap as wide as this has nothing to do with C: the smallest record could ask for gigabytes.
MAX_PADDING_BITS = 8 << 23
_LONG = frozenset(
    {
        "long", "long int", "int long", "unsigned long", "long unsigned", "unsigned long int",
        "unsigned int long", "long unsigned int", "long int unsigned", "int unsigned long",
        "int long unsigned",
    }
)  # fmt: skip
_SIZED = frozenset(
    {kinds.INT, kinds.STRUCT, kinds.UNION, kinds.ENUM, kinds.ENUM64, kinds.DATASEC, kinds.FLOAT}
)
_THROUGH = kinds.MODIFIERS | {kinds.VAR, kinds.DECL_TAG}
_SCALARS = frozenset({kinds.INT, kinds.ENUM, kinds.ENUM64, kinds.FLOAT})


def pointer_size(flat: Flat) -> int:
    """Of the machine that the types are for: the size of `long`, 8 where none is told."""
    for id in range(1, flat.last + 1):
        if flat.kinds[id] == kinds.INT and flat.values[id] in {4, 8} and flat.name(id) in _LONG:
            return flat.values[id]
    return 8


class Layout:
    """Sizes and alignments, each worked out once. `pointer`: bytes of a pointer; `sizes`: by id."""

    __slots__ = ("_aligns", "_flat", "pointer", "sizes")

    def __init__(self, flat: Flat, pointer: int) -> None:
        self._flat, self.pointer = flat, pointer
        self.sizes: dict[int, int] = {}
        self._aligns: dict[int, int] = {}

    def size(self, id: int) -> int:
        """In bytes; 0 for what has no size, or more than 32 bits can say."""
        known = self.sizes.get(id)
        if known is None:
            known = self.sizes[id] = self._size(id)
        return known

    def _size(self, id: int) -> int:
        flat, count = self._flat, 1
        for _ in range(MAX_CHAIN):
            kind = flat.kinds[id]
            if kind in _SIZED or kind == kinds.PTR:
                size = self.pointer if kind == kinds.PTR else flat.values[id]
                return size * count if size * count <= MAX_U32 else 0
            if kind in _THROUGH:
                id = flat.values[id]
            elif kind == kinds.ARRAY:
                start = flat.starts[id]
                count *= flat.words[start + 2]
                id = flat.words[start]
                if count > MAX_U32:
                    return 0
            else:
                return 0
        return 0

    def align(self, id: int) -> int:
        """In bytes; 0 for void, functions and what is only declared."""
        known = self._aligns.get(id)
        if known is None:
            known = self._aligns[id] = self._align(id)
        return known

    def _align(self, id: int) -> int:
        flat = self._flat
        kind = flat.kinds[id]
        if kind in _SCALARS:
            return min(self.pointer, flat.values[id])
        if kind == kinds.PTR:
            return self.pointer
        if kind in kinds.MODIFIERS:
            return self.align(flat.values[id])
        if kind == kinds.ARRAY:
            return self.align(flat.words[flat.starts[id]])
        if kind in (kinds.STRUCT, kinds.UNION):
            return self._align_of_members(id)
        return 0

    def _align_of_members(self, id: int) -> int:
        flat, largest = self._flat, 1
        wide = flat.flags[id]
        items = flat.kept(id)
        for at in range(0, len(items), 3):
            align = self.align(items[at + 1])
            if align <= 0:
                return 0
            largest = max(largest, align)
            place = items[at + 2]
            if not (wide and place >> 24) and place % (8 * align):
                return 1  # not where its type wants to be: the struct is packed
        return 1 if flat.values[id] % largest else largest

    def packed(self, id: int) -> bool:
        """Whether a struct lies as no compiler would lay it out without being told to pack it."""
        flat, largest = self._flat, 1
        wide, known = flat.flags[id], self._aligns
        items = flat.kept(id)
        for type, place in zip(items[1::3], items[2::3], strict=True):
            align = known.get(type)
            if align is None:
                align = self.align(type)
            if align and place % (8 * align) and not (wide and place >> 24):
                return True
            if align > largest:
                largest = align
        return flat.values[id] % largest != 0


def _up(offset: int, step: int) -> int:
    return (offset + step - 1) // step * step


def padding(
    at: int, until: int, align: int, pointer: int, *, in_bitfield: bool
) -> Iterator[tuple[str, int]]:
    """`("long", 64)` for each unnamed bitfield from bit `at` to bit `until`.

    `align`: bytes by which a compiler aligns what comes at `until`. Width 0 goes to the next
    boundary of that type. `in_bitfield`: what stands on both sides are bitfields.
    """
    if until - at > MAX_PADDING_BITS:
        raise FormatError(f"BTF has a hole of {(until - at) // 8} bytes between two members")
    pads = (("long", pointer * 8), ("int", 32), ("short", 16), ("char", 8))
    # The widest type with a boundary on the way; without any, the smallest.
    name, bits = next((pad for pad in pads if _up(at, pad[1]) <= until), pads[-1])
    start = _up(at, bits)
    if at < start <= until:
        # The compiler goes to the boundary by itself, but where it would stop before, or where
        # what is left is no larger than the step: then it must be told.
        if (
            in_bitfield
            or (start == until and _up(at, (align or 1) * 8) != start)
            or (start != until and until - start <= start - at)
        ):
            yield name, start - at if in_bitfield else 0
        at = start
    while at != until:
        width = min(until - at, bits)
        if width != bits:
            name, bits = next(pad for pad in reversed(pads) if pad[1] >= width)
        yield name, width
        at += width
