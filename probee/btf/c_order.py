"""In which order C wants the definitions of types, each after those that it is made of.

In: `Flat`. Out: `Order.before(id)`: the named types to define so that `id` can stand, itself the
last. The walk is libbpf's (btf_dump_order_type in btf_dump.c, libbpf 1.5), since the order of what
`bpftool btf dump ... format c` prints depends on it: members in their order; a pointer to a named
type needs no definition; a pointer to an anonymous one does, for it is written out on the spot.
"""

from __future__ import annotations

from itertools import compress

from probee.btf import kinds
from probee.btf.flat import TYPE_WORDS
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.btf.flat import Flat

_OPEN, _BUSY, _DONE = 0, 1, 2
_STEP = frozenset({kinds.PTR, kinds.VOLATILE, kinds.CONST, kinds.RESTRICT, kinds.TYPE_TAG})
_NO_DEFINITION = frozenset(
    {kinds.FUNC, kinds.VAR, kinds.DATASEC, kinds.DECL_TAG, kinds.INT, kinds.FLOAT}
)
_SHORT = 8  # steps of a look
_REFERS_TO_ONE = frozenset(
    {*_STEP, kinds.TYPEDEF, kinds.FUNC, kinds.VAR, kinds.DECL_TAG}
)  # a function's result does not count
# Steps of a walk: several for a type and each of its members. A few dozen types that refer to one
# another many times over could ask for 2^40.
STEPS_A_WORD = 64
STEPS = 1_000_000


class Order:
    """What was ordered once is not ordered again. FormatError for types that contain themselves."""

    __slots__ = ("_flat", "_referenced", "_states", "_steps", "_walks")

    def __init__(self, flat: Flat) -> None:
        self._flat = flat
        self._states = bytearray(flat.last + 1)
        self._states[0] = _DONE
        self._referenced = _referenced(flat)
        self._steps = STEPS + STEPS_A_WORD * len(flat.words)
        self._walks: list[int] = []

    def before(self, id: int) -> list[int]:
        """The ids to define, in order; those that earlier calls gave are left out."""
        self._walks = []
        if self._states[id] == _DONE:
            return self._walks
        try:
            self._order(id, through_ptr=False)
        except RecursionError:
            raise FormatError(
                f"BTF type {id} is nested too deep to be written in C", offset=self._flat.place(id)
            ) from None
        return self._walks

    def unsettled(self, ids: Iterable[int]) -> list[int]:
        """Those for which `before` may have something to say, as far as a short look tells.

        Whatever is defined meanwhile, it has nothing to say of the others.
        """
        flat = self._flat
        all_kinds, values, words = flat.kinds, flat.values, flat.words
        starts, counts = flat.starts, flat.counts
        settled: set[int] = set()
        loose: set[int] = set()
        found = []
        for id in ids:
            if all_kinds[id] == kinds.FUNC_PROTO and values[id] in settled:
                start = starts[id] + 1
                if settled.issuperset(words[start : start + 2 * counts[id] : 2]):
                    continue
            if not self._settled(id, settled, loose, _SHORT):
                found.append(id)
        return found

    def _settled(self, id: int, settled: set[int], loose: set[int], left: int) -> bool:
        """Whether all that `id` leads to was given, or needs no definition: see `settled`.

        `loose`: functions that do not; many pointers may lead to one of many parameters.
        """
        flat, states = self._flat, self._states
        for _ in range(_SHORT):
            kind = flat.kinds[id]
            if states[id] == _DONE or kind in _NO_DEFINITION:
                return True
            if kind in _STEP:
                id = flat.values[id]
            elif kind == kinds.ARRAY:
                id = flat.words[flat.starts[id]]
            elif kind == kinds.FUNC_PROTO and left and id not in loose:
                start = flat.starts[id]
                end = start + 2 * flat.counts[id]
                for part in (flat.values[id], *flat.words[start + 1 : end : 2]):
                    if part not in settled:
                        if not self._settled(part, settled, loose, left - 1):
                            loose.add(id)
                            return False
                        settled.add(part)
                return True
            else:
                return False
        return False

    def _order(self, id: int, *, through_ptr: bool) -> bool:
        """Whether what leads to `id` needs it defined."""
        flat, states = self._flat, self._states
        state = states[id]
        if state == _DONE:
            return True
        kind = flat.kinds[id]
        self._steps -= 1
        if state == _BUSY or self._steps < 0:
            if through_ptr and flat.name_offsets[id] and self._steps >= 0:
                return False
            raise FormatError(
                f"BTF type {id}, {kinds.kind_name(kind)} {flat.name(id)!r}, contains itself"
                if state == _BUSY
                else "BTF types refer to one another too many times over to be written in C",
                offset=flat.place(id),
            )
        match kind:
            case kinds.INT | kinds.FLOAT:
                states[id] = _DONE
                return False
            case kinds.PTR:
                strong = self._order(flat.values[id], through_ptr=True)
                states[id] = _DONE
                return strong
            case kinds.ARRAY:
                return self._order(flat.words[flat.starts[id]], through_ptr=False)
            case kinds.STRUCT | kinds.UNION:
                return self._order_struct(id, through_ptr=through_ptr)
            case kinds.ENUM | kinds.ENUM64 | kinds.FWD:
                # An anonymous enum that nothing refers to holds constants: a definition.
                if flat.name_offsets[id] or id not in self._referenced:
                    self._walks.append(id)
                states[id] = _DONE
                return True
            case kinds.TYPEDEF:
                if not self._order(flat.values[id], through_ptr=through_ptr) and through_ptr:
                    return False
                self._walks.append(id)
                states[id] = _DONE
                return True
            case kinds.VOLATILE | kinds.CONST | kinds.RESTRICT | kinds.TYPE_TAG:
                return self._order(flat.values[id], through_ptr=through_ptr)
            case kinds.FUNC_PROTO:
                return self._order_function(id, through_ptr=through_ptr)
            case _:
                states[id] = _DONE
                return False

    def _order_function(self, id: int, *, through_ptr: bool) -> bool:
        flat, states = self._flat, self._states
        self._steps -= flat.counts[id]
        strong = self._order(flat.values[id], through_ptr=through_ptr)
        for param in flat.kept(id)[1::2]:
            if states[param] == _DONE or self._order(param, through_ptr=through_ptr):
                strong = True
        return strong

    def _order_struct(self, id: int, *, through_ptr: bool) -> bool:
        flat, states = self._flat, self._states
        named = flat.name_offsets[id] != 0
        if through_ptr and named:
            return False
        states[id] = _BUSY
        for member in flat.kept(id)[1::3]:
            if states[member] != _DONE:
                self._order(member, through_ptr=False)
        if named:
            self._walks.append(id)
        states[id] = _DONE
        return True


def _referenced(flat: Flat) -> set[int]:
    """Every type that another one refers to, but as the result of a function."""
    found = {*compress(flat.values, map(_REFERS_TO_ONE.__contains__, flat.kinds))}
    for kind, row in TYPE_WORDS.items():
        for at in row:
            found.update(flat.column(kind, at))
    return found
