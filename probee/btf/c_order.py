"""In which order C wants the definitions of types, each after those that it is made of.

In: `Flat`. Out: `Order.before(id)`: the named types to define so that `id` can stand, itself the
last. The walk is libbpf's (btf_dump_order_type in btf_dump.c, libbpf 1.5), since the order of what
`bpftool btf dump ... format c` prints depends on it: members in their order; a pointer to a named
type needs no definition; a pointer to an anonymous one does, for it is written out on the spot.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.btf.flat import Flat

_OPEN, _BUSY, _DONE = 0, 1, 2
_STEP = frozenset({kinds.PTR, kinds.VOLATILE, kinds.CONST, kinds.RESTRICT, kinds.TYPE_TAG})
_NO_DEFINITION = frozenset({kinds.FUNC, kinds.VAR, kinds.DATASEC, kinds.DECL_TAG})
# Of each element: how many words, and which of them is a type.
_LISTS = {
    kinds.STRUCT: (3, 1), kinds.UNION: (3, 1), kinds.FUNC_PROTO: (2, 1), kinds.DATASEC: (3, 0)
}  # fmt: skip
_REFERS_TO_NONE = frozenset({0, kinds.INT, kinds.ENUM, kinds.ENUM64, kinds.FWD, kinds.FLOAT})
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
        """Those for which `before` may have something to say, as far as a short look tells."""
        flat, states, all_kinds = self._flat, self._states, self._flat.kinds
        found = []
        for id in ids:
            at = id
            for _ in range(8):
                kind = all_kinds[at]
                if states[at] == _DONE or kind in _NO_DEFINITION:
                    break
                if kind == kinds.ARRAY:
                    at = flat.words[flat.starts[at]]
                elif kind in _STEP:
                    at = flat.values[at]
                else:
                    found.append(id)
                    break
            else:
                found.append(id)
        return found

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
        strong = self._order(flat.values[id], through_ptr=through_ptr)
        for param in flat.items(id)[1::2]:
            if states[param] == _DONE or self._order(param, through_ptr=through_ptr):
                strong = True
        return strong

    def _order_struct(self, id: int, *, through_ptr: bool) -> bool:
        flat, states = self._flat, self._states
        named = flat.name_offsets[id] != 0
        if through_ptr and named:
            return False
        states[id] = _BUSY
        for member in flat.items(id)[1::3]:
            if states[member] != _DONE:
                self._order(member, through_ptr=False)
        if named:
            self._walks.append(id)
        states[id] = _DONE
        return True


def _referenced(flat: Flat) -> set[int]:
    """Every type that another one refers to."""
    words, starts, counts = flat.words, flat.starts, flat.counts
    found: set[int] = set()
    for id, kind in enumerate(flat.kinds):
        if kind in _LISTS:
            width, at = _LISTS[kind]
            start = starts[id]
            found.update(words[start + at : start + width * counts[id] : width])
        elif kind == kinds.ARRAY:
            found.update(words[starts[id] : starts[id] + 2])
        elif kind not in _REFERS_TO_NONE:
            found.add(flat.values[id])
    return found
