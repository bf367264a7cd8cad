"""Linear scan: a register, or for a while the stack, for every virtual register.

In: an `MFunction`. Out: `Places`: where each virtual register is at any position.

Method: Wimmer and Franz, "Linear Scan Register Allocation on SSA Form" (2010). Intervals with
holes are visited by where they begin. Each takes a register that is free as long as it lives, if
possible one of its `Hints`; else one that is free for a while, and it is split there; else the
register whose value is used furthest ahead is taken, and that value goes to the stack up to its
next use. A value is stored once, where it is made, since it never changes; one that can be made
anew (a constant, an address) is never stored.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from probee.compiler.codegen.hints import SAVED, Hints, first_call
from probee.compiler.codegen.liveness import FAR, Liveness
from probee.compiler.codegen.machine import NONE

if TYPE_CHECKING:
    from probee.compiler.codegen.liveness import Interval
    from probee.compiler.codegen.machine import MFunction

REGISTERS = range(10)
SCRATCH = (5, 4, 3, 2, 0, 1)  # calls destroy these; the last ones are most in demand
KEPT = (6, 7, 8, 9)


class Places:
    """`pieces`: of each virtual register, in order. `spilled`: those that need a stack slot."""

    def __init__(self, live: Liveness) -> None:
        self.live = live
        self.hints = Hints(live)
        self.pieces: dict[int, list[Interval]] = {v: [i] for v, i in live.intervals.items()}
        self.spilled: set[int] = set()

    def register(self, vreg: int, position: int) -> int:
        """The register that holds `vreg` at `position`, NONE where it is in none."""
        pieces = self.pieces[vreg]
        if len(pieces) == 1:
            return pieces[0].reg
        index = bisect_right(pieces, position, key=_begin) - 1
        return pieces[max(index, 0)].reg


def _begin(interval: Interval) -> int:
    return interval.begin


def allocate(function: MFunction) -> Places:
    """Decides for all of `function`; it is not changed."""
    live = Liveness(function)
    scan = _Scan(live)
    scan.run()
    return scan.places


class _Scan:
    """The state of one scan."""

    def __init__(self, live: Liveness) -> None:
        self.live = live
        self.places = Places(live)
        self.hints = self.places.hints
        self.waiting = [(i.begin, v, i) for v, i in live.intervals.items()]
        heapify(self.waiting)
        self.pushed = 0
        self.active: list[Interval] = []
        self.inactive: list[Interval] = []
        self.starts = [2 * block.first for block in live.function.blocks]

    def run(self) -> None:
        """Visits all intervals, those that begin together as one batch."""
        while self.waiting:
            position = self.waiting[0][0]
            batch: list[Interval] = []
            while self.waiting and self.waiting[0][0] == position:
                batch.append(heappop(self.waiting)[2])
            if len(batch) > 1:
                batch.sort(key=self._has_no_wish)
            self._advance(position)
            for current in batch:
                if self._stays_in_memory(current):
                    self._spill(current)
                elif self._take_free(current) or self._take_used(current):
                    self.active.append(current)

    def _has_no_wish(self, interval: Interval) -> bool:
        hints, vreg = self.hints, interval.vreg
        return (
            vreg not in hints.fixed
            and vreg not in hints.born
            and all(register == NONE for register in self._passed(vreg))
        )

    def _passed(self, vreg: int) -> list[int]:
        """The registers of what is passed to `vreg`, and of what it is passed to, if decided."""
        hints, places = self.hints, self.places
        before = [places.register(arg, end) for arg, end in hints.incoming.get(vreg, ())]
        return before + [places.pieces[param][0].reg for param in hints.outgoing.get(vreg, ())]

    def _stays_in_memory(self, current: Interval) -> bool:
        """Whether `current` is a parameter that is passed in memory, on all ways decided so far."""
        begin, vreg = current.begin, current.vreg
        if begin != self.places.pieces[vreg][0].begin or current.next_use(begin) <= begin:
            return False
        known = [arg for arg in self.hints.incoming.get(vreg, ()) if arg[1] < begin]
        spilled = [arg for arg, _ in known if arg in self.places.spilled]
        return bool(spilled) and all(self.places.register(*arg) == NONE for arg in known)

    def _advance(self, position: int) -> None:
        """Moves intervals between active and inactive as the scan comes to `position`."""
        active, inactive = [], []
        for group in (self.active, self.inactive):
            for interval in group:
                if interval.covers(position):
                    active.append(interval)
                elif interval.at < len(interval.ranges):
                    inactive.append(interval)
        self.active, self.inactive = active, inactive

    # free registers

    def _take_free(self, current: Interval) -> bool:
        """A register that nothing else needs for all, or at least the beginning, of its life."""
        free = [FAR] * 10
        begin, end = current.begin, current.end
        for interval in self.inactive:
            meet = interval.meets(current, begin)
            if meet >= 0:
                free[interval.reg] = min(free[interval.reg], meet)
        call = first_call(current, self.live.calls)
        if call >= 0:
            for register in SCRATCH:
                free[register] = min(free[register], call)
        for interval in self.active:
            free[interval.reg] = 0
        wanted = self._wanted(current, call >= 0)
        for register in wanted:
            if free[register] >= end:
                current.reg = register
                return True
        best = max(wanted, key=lambda register: free[register])
        until = free[best]
        if until <= begin or current.next_use(begin) >= until:
            return False
        if call >= 0 and self._would_evict(current, until):
            return False
        current.reg = best
        self._split_later(current, until)
        return True

    def _wanted(self, current: Interval, crossing: bool) -> list[int]:
        """All registers, the best first."""
        hints, vreg = self.hints, current.vreg
        first = self.places.pieces[vreg][0]
        out = self._passed(vreg)
        if current is first:
            out.append(hints.born.get(vreg, NONE))
        wish = hints.fixed.get(vreg, NONE)
        if wish not in (NONE, SAVED):
            out.append(wish)
        for friend in hints.friends.get(vreg, ()):
            out.append(self.places.register(friend, current.begin - 1))
        out.append(first.reg)
        avoid = [self.places.register(other, end) for other, end in hints.avoid.get(vreg, ())]
        kept = crossing or wish == SAVED or hints.saved(vreg)
        rest = (*KEPT, *SCRATCH) if kept else (*SCRATCH, *KEPT)
        out += [register for register in rest if register not in avoid]
        return [register for register in dict.fromkeys([*out, *rest]) if register != NONE]

    def _would_evict(self, current: Interval, position: int) -> bool:
        """Whether `current` will win a register from another anyway: better now, without a move."""
        use = current.next_use(position)
        return any(
            interval.reg in KEPT and interval.next_use(position) > use for interval in self.active
        )

    # registers in use

    def _take_used(self, current: Interval) -> bool:
        """The register whose value is used furthest ahead; or `current` itself waits in memory."""
        begin = current.begin
        used = [FAR] * 10
        for interval in self.active:
            used[interval.reg] = interval.next_use(begin)
        for interval in self.inactive:
            if interval.meets(current, begin) >= 0:
                used[interval.reg] = min(used[interval.reg], interval.next_use(begin))
        call = first_call(current, self.live.calls)
        if call >= 0:
            for register in SCRATCH:
                used[register] = min(used[register], call)
        best = max(REGISTERS, key=lambda register: used[register])
        first = current.next_use(begin)
        if first > begin and first >= used[best]:
            self._spill(current)
            return False
        assert used[best] > begin, "more operands than registers"
        current.reg = best
        self._evict(current)
        if call >= 0 and best in SCRATCH:
            self._split_later(current, call)
        return True

    def _evict(self, current: Interval) -> None:
        """Whatever is where `current` now goes leaves, up to its next use."""
        begin = current.begin
        for group in (self.active, self.inactive):
            for interval in tuple(group):
                if interval.reg != current.reg:
                    continue
                if group is self.inactive and interval.meets(current, begin) < 0:
                    continue
                group.remove(interval)
                self._cut(interval, begin)

    def _cut(self, interval: Interval, position: int) -> None:
        """`interval` keeps its register up to `position` at most, then is in memory."""
        if position <= interval.begin:
            self._spill(interval)
            return
        where = self._where(interval, position)
        self._spill(self._split(interval, where))

    def _spill(self, interval: Interval) -> None:
        """In memory from its beginning up to its next use."""
        interval.reg = NONE
        use = interval.next_use(0)
        if use <= interval.begin:
            self._push(interval)
            return
        if interval.vreg not in self.live.function.remat:
            self.places.spilled.add(interval.vreg)
        if use < FAR:
            self._push(self._split(interval, use))

    # splitting

    def _split_later(self, current: Interval, position: int) -> None:
        self._push(self._split(current, self._where(current, position)))

    def _split(self, interval: Interval, position: int) -> Interval:
        tail = interval.split(position)
        insort(self.places.pieces[interval.vreg], tail, key=_begin)
        return tail

    def _push(self, interval: Interval) -> None:
        self.pushed -= 1
        heappush(self.waiting, (interval.begin, self.pushed, interval))

    def _where(self, interval: Interval, latest: int) -> int:
        """Where to cut: `latest`, or earlier where a block begins that is in fewer loops.

        So that a value which a loop does not use is not moved to and fro in every turn.
        """
        earliest = interval.begin
        for use in interval.uses:
            if use < latest:
                earliest = use
        blocks, starts = self.live.function.blocks, self.starts
        index = bisect_right(starts, latest) - 1
        best, depth = latest, blocks[index].depth
        while depth and index and starts[index] > earliest:
            outside = min(blocks[index].depth, blocks[index - 1].depth)
            if outside < depth:
                best, depth = starts[index], outside
            index -= 1
        return best
