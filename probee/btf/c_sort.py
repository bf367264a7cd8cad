"""The order in which `bpftool btf dump ... format c` goes through the types of a blob.

In: `Flat`. Out: ids: enums, then integers, then structs, then functions' types, each kind by name,
types of one name by what they hold; typedefs stand with what they name. So a small change of a
kernel makes a small change of its header. Source: sort_btf_c and what it calls in bpftool's btf.c,
as Linux 6.12 has it (bpftool 7.5 of Debian 13).

One thing is done as bpftool does it though it is a slip: the very first type in this order is left
out, and only appears if another one refers to it.
"""

from __future__ import annotations

from itertools import groupby

from probee.btf import kinds
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.c_order import Order
    from probee.btf.flat import Flat

_LAST = 10
_RANKS = {kinds.INT: 2, kinds.FLOAT: 2}
_NAMED_RANKS = {
    kinds.ENUM: 1, kinds.ENUM64: 1, kinds.STRUCT: 3, kinds.UNION: 3, kinds.FUNC_PROTO: 4
}  # fmt: skip
_NAMELESS_RANKS = {kinds.ENUM: 0, kinds.ENUM64: 0}
_EARLY = frozenset({*_RANKS, *_NAMELESS_RANKS})
_INERT = frozenset({kinds.FUNC, kinds.VAR, kinds.DATASEC})  # nothing to define, and always late
_THROUGH = kinds.MODIFIERS | {kinds.PTR, kinds.DECL_TAG}
_MASK = (1 << 64) - 1
_LONGEST = 1000  # types that lead to one another


def in_c_order(flat: Flat, order: Order) -> Iterator[int]:
    """Every id that has a definition, as far as `order` has not given it by the time it is due."""
    early, late = [], []
    offsets = flat.name_offsets
    # Most types are pointers and their like, without a name: those come late.
    for id, (kind, offset) in enumerate(zip(flat.kinds, offsets, strict=True)):
        if kind in _INERT:
            continue
        if not offset and kind not in _EARLY:
            late.append(id)
            continue
        rank = (offset and _NAMED_RANKS.get(kind)) or _rank(flat, id)
        if rank == _LAST:
            late.append(id)
            continue
        name = _key(flat.name(id))
        same = name and kind in _NAMED_RANKS
        early.append((rank, name if same else _key(_sort_name(flat, id)), name, id))
    hashes = Hashes(flat)
    yield from [*_sorted(early, hashes)][1:]
    # The others are many and most are settled by now; void, which is one, would be the first.
    names = [
        (_LAST, _key(_sort_name(flat, id)), _key(flat.name(id)), id) for id in order.unsettled(late)
    ]
    yield from _sorted(names, hashes)


def _sorted(rows: list[tuple[int, str, str, int]], hashes: Hashes) -> Iterator[int]:
    rows.sort()
    for _, group in groupby(rows, lambda row: row[:3]):
        ids = [row[3] for row in group]
        yield from ids if len(ids) == 1 else sorted(ids, key=lambda id: (hashes.of(id), id))


def _key(name: str) -> str:
    """Text that compares as the name's bytes do."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def _rank(flat: Flat, id: int) -> int:
    named = False
    for _ in range(_LONGEST):
        named = named or flat.name_offsets[id] != 0
        kind = flat.kinds[id]
        if kind in _RANKS:
            return _RANKS[kind]
        if not named:
            return _NAMELESS_RANKS.get(kind, _LAST)
        if kind == kinds.ARRAY:
            id = flat.words[flat.starts[id]]
        elif kind in _THROUGH:
            id = flat.values[id]
        else:
            return _NAMED_RANKS.get(kind, _LAST)
    raise FormatError(
        f"BTF type {id} leads through more than {_LONGEST} others", offset=flat.place(id)
    )


def _sort_name(flat: Flat, id: int) -> str:
    """The name of what a type leads to; an anonymous enum has that of its first value."""
    first = id
    for _ in range(_LONGEST):
        kind = flat.kinds[id]
        if kind == kinds.ARRAY:
            id = flat.words[flat.starts[id]]
        elif kind in _THROUGH:
            id = flat.values[id]
        elif kind in _NAMELESS_RANKS and id == first and not flat.name_offsets[id]:
            return flat.text(flat.kept(id)[0]) if flat.counts[id] else ""
        else:
            return flat.name(id)
    raise FormatError(
        f"BTF type {first} leads through more than {_LONGEST} others", offset=flat.place(first)
    )


class Hashes:
    """Numbers of 64 bits that tell types of one name apart by their members."""

    __slots__ = ("_flat", "_known", "_texts")

    def __init__(self, flat: Flat) -> None:
        self._flat = flat
        self._known: dict[tuple[int, bool], int] = {}
        self._texts: dict[int, int] = {}

    def of(self, id: int) -> int:
        """Of the type with its members."""
        try:
            return self._of(id, members=True)
        except RecursionError:
            raise FormatError(
                f"BTF type {id} leads through too many others", offset=self._flat.place(id)
            ) from None

    def _of(self, id: int, *, members: bool) -> int:
        known = self._known.get((id, members))
        if known is None:
            known = self._known[id, members] = self._count(id, members=members)
        return known

    def _count(self, id: int, *, members: bool) -> int:
        flat = self._flat
        kind = flat.kinds[id]
        total = self._name(0, flat.name_offsets[id])
        if kind in (kinds.ENUM, kinds.ENUM64):
            for name in flat.kept(id)[:: kinds.ITEM_WORDS[kind]]:
                total = self._name(total, name)
        elif kind in (kinds.STRUCT, kinds.UNION):
            items = flat.kept(id) if members else ()
            for at in range(0, len(items), 3):
                total = self._name(total, items[at])
                total = _mix(total, self._of(items[at + 1], members=False))
        elif kind in _THROUGH:
            total = _mix(total, self._of(flat.values[id], members=members))
        elif kind == kinds.ARRAY:
            start = flat.starts[id]
            total = _mix(total, flat.words[start + 2])
            total = _mix(total, self._of(flat.words[start], members=members))
        return total

    def _name(self, total: int, offset: int) -> int:
        if not offset:
            return total
        known = self._texts.get(offset)
        if known is None:
            known = 0
            for byte in self._flat.text(offset).encode("utf-8", "surrogateescape"):
                known = _mix(known, byte - (byte >> 7 << 8))  # a char is signed
            self._texts[offset] = known
        return _mix(total, known)


def _mix(total: int, value: int) -> int:
    return (total * 31 + value) & _MASK
