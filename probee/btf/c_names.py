"""Names of types in C, where one blob may hold several types of one name.

In: `Flat`. Out: a name for each type: the first that asks keeps it, the next is `name___2`, and so
on. Structs, unions and enums have one name space; typedefs share another with enumerators. Who
comes first is the order of asking, as in libbpf's btf_dump_resolve_name (btf_dump.c, libbpf 1.5).
"""

from __future__ import annotations

from probee.btf import kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.flat import Flat

LONGEST = 255  # bytes of a name that was made unlike the others; libbpf cuts it there


class Names:
    """A name that was given stays with its type."""

    __slots__ = ("_flat", "_given", "_identifiers", "_tags")

    def __init__(self, flat: Flat) -> None:
        self._flat = flat
        self._given: dict[int, str] = {}
        self._tags: dict[str, int] = {}
        self._identifiers: dict[str, int] = {}

    def tag(self, id: int) -> str:
        """Of a struct, union, enum or integer."""
        known = self._given.get(id)
        return self._give(id, self._tags) if known is None else known

    def identifier(self, id: int) -> str:
        """Of a typedef."""
        known = self._given.get(id)
        return self._give(id, self._identifiers) if known is None else known

    def enumerator(self, name: str) -> str:
        """Of a value of an enum; each time one is written it counts anew."""
        times = self._identifiers[name] = self._identifiers.get(name, 0) + 1
        return f"{name}___{times}" if times > 1 else name

    def _give(self, id: int, taken: dict[str, int]) -> str:
        flat = self._flat
        name = flat.name(id)
        kind = flat.kinds[id]
        # Declarations without content may be repeated.
        bare = kind == kinds.FWD or (kind == kinds.ENUM and not flat.counts[id])
        if flat.name_offsets[id] and not bare:
            times = taken[name] = taken.get(name, 0) + 1
            if times > 1:
                name = _cut(f"{name}___{times}")
        self._given[id] = name
        return name


def _cut(name: str) -> str:
    return name.encode("utf-8", "surrogateescape")[:LONGEST].decode("utf-8", "surrogateescape")
