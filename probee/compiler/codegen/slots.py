"""Which stack slot each spilled value waits in.

In: what was spilled, and when it lives. Out: an offset from r10 for each. Values that never live at
the same time share a slot; above all what is passed to a block parameter shares with it, for then
nothing moves on the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MFunction
    from probee.compiler.codegen.regalloc import Places


def spill_slots(function: MFunction, places: Places) -> dict[int, int]:
    """Virtual register -> offset; `function.frame` grows by what they take."""
    finder = _Finder(function, places)
    begins: dict[int, list[int]] = {}
    for vreg in places.spilled:
        begins.setdefault(places.pieces[vreg][0].begin, []).append(vreg)
    for begin in sorted(begins):
        rest = [vreg for vreg in sorted(begins[begin]) if not finder.share(vreg)]
        for vreg in rest:
            finder.take(vreg)
    return finder.slots


class _Finder:
    """Visits values by where they begin. `held`: offset -> when it is in use from there on."""

    def __init__(self, function: MFunction, places: Places) -> None:
        self.function = function
        self.places = places
        self.slots: dict[int, int] = {}
        self.held: dict[int, list[list[int]]] = {}

    def share(self, vreg: int) -> bool:
        """Takes the slot of what is passed to `vreg`, or of what it is passed to, if it is free."""
        hints = self.places.hints
        related = [arg for arg, _ in hints.incoming.get(vreg, ())] + hints.outgoing.get(vreg, [])
        offsets = [self.slots[other] for other in related if other in self.slots]
        return self._find(vreg, offsets)

    def take(self, vreg: int) -> None:
        """Any slot that is free, else a new one."""
        if not self._find(vreg, list(self.held)):
            self.function.frame += 8
            self._hold(vreg, -self.function.frame)

    def _ranges(self, vreg: int) -> list[list[int]]:
        return [r for piece in self.places.pieces[vreg] for r in piece.ranges]

    def _find(self, vreg: int, offsets: list[int]) -> bool:
        ranges = self._ranges(vreg)
        for offset in offsets:
            used = [r for r in self.held[offset] if r[1] > ranges[0][0]]
            self.held[offset] = used
            if not _overlap(ranges, used):
                self._hold(vreg, offset)
                return True
        return False

    def _hold(self, vreg: int, offset: int) -> None:
        self.slots[vreg] = offset
        self.held[offset] = sorted([*self.held.get(offset, []), *self._ranges(vreg)])


def _overlap(a: list[list[int]], b: list[list[int]]) -> bool:
    i = j = 0
    while i < len(a) and j < len(b):
        if max(a[i][0], b[j][0]) < min(a[i][1], b[j][1]):
            return True
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return False
