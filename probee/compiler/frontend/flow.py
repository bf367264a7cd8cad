"""What is known at a point of the program: which optionals were tested, which records are open.

In: facts learnt from tests and statements. Out: a `Flow` for each block, merged where paths meet.
A fact that only some of the paths agree on is not known; a danger that only some of them bring is
there; a duty that only some of them have met is `mixed`, which is an error as soon as it matters.

Names: a local is `FRAME:NAME`. An object is a site: a number for what one place of the program
makes on the stack or reserves in a ring, `map:NAME` for all that lives in a map.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from probee.frozen import Frozen, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.compiler.ir.ops import Value

_NO_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType({})


class Flow(Frozen):
    """`nonnull`: optional locals that are not None here. `records`: reserved ring records and their
    state (`maybe`: not tested for None, `live`, `done`, `mixed`). `copies`: (object, where it was
    copied to): the object must not change any more. `diverged`: objects whose copy was changed.
    `stale`: locals that refer into a map which was changed since. `replaced`: locals that refer to
    what another object has taken the place of. `fresh`: (loop, object or local)
    made or assigned since that loop's round began. `ranges`: bounds of integer locals where more is
    known than their types say. `lengths`: buffers whose text's length is known (lengths.py).
    """

    nonnull: frozenset[str] = frozenset()
    records: tuple[tuple[str, str], ...] = ()
    copies: frozenset[tuple[str, str]] = frozenset()
    diverged: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    fresh: frozenset[tuple[int, str]] = frozenset()
    ranges: Mapping[str, tuple[int, int]] = _NO_RANGES
    lengths: frozenset[tuple[str, Value, int, int]] = frozenset()

    @property
    def stored(self) -> frozenset[str]:
        """Objects that were copied somewhere."""
        return frozenset(site for site, _ in self.copies)

    def record(self, site: str) -> str:
        """The state of a record; "" where it is not reserved."""
        return dict(self.records).get(site, "")

    def with_record(self, site: str, state: str) -> Flow:
        """The record is in `state` from here on."""
        states = dict(self.records)
        if state:
            states[site] = state
        else:
            states.pop(site, None)
        return replace(self, records=tuple(sorted(states.items())))

    def rebound(self, variable: str, loops: frozenset[int]) -> Flow:
        """The local was assigned, inside these loops: nothing learnt about its old value holds."""
        return replace(
            self,
            nonnull=self.nonnull - {variable},
            stale=self.stale - {variable},
            replaced=self.replaced - {variable},
            fresh=self.fresh | {(loop, variable) for loop in loops},
            ranges={k: v for k, v in self.ranges.items() if k != variable},
        )

    def made(self, site: str, loops: frozenset[int]) -> Flow:
        """A new object stands at `site`: what was said of the old one does not hold for it."""
        return replace(
            self,
            copies=frozenset(pair for pair in self.copies if pair[0] != site),
            diverged=self.diverged - {site},
            fresh=self.fresh | {(loop, site) for loop in loops},
            lengths=frozenset(key for key in self.lengths if key[0] != site),
        )

    def copied(self, site: str, place: str) -> Flow:
        """The object was copied to `place`."""
        return replace(self, copies=self.copies | {(site, place)})

    def written(self, place: str) -> Flow:
        """What lives at `place` was changed: what was copied there is another thing now."""
        apart: set[str] = set()
        pending = {place}
        while pending:
            here = pending.pop()
            found = {site for site, to in self.copies if to == here} - apart
            apart |= found
            pending |= found
        return replace(self, diverged=self.diverged | apart) if apart else self

    def with_range(self, variable: str, bounds: tuple[int, int]) -> Flow:
        """The local is between these bounds, both included."""
        return replace(self, ranges={**self.ranges, variable: bounds})

    def in_round(self, variables: set[str]) -> Flow:
        """What holds in each round of a loop that assigns these locals."""
        return replace(
            self,
            nonnull=self.nonnull - variables,
            ranges={k: v for k, v in self.ranges.items() if k not in variables},
            lengths=frozenset(),
        )


def merge(a: Flow | None, b: Flow) -> Flow:
    """What holds where two paths meet; None is a path that does not exist."""
    if a is None or a == b:
        return b
    states: dict[str, str] = {}
    mine, theirs = dict(a.records), dict(b.records)
    for site in {*mine, *theirs}:
        states[site] = _join(mine.get(site, ""), theirs.get(site, ""))
    return Flow(
        nonnull=a.nonnull & b.nonnull,
        records=tuple(sorted(states.items())),
        copies=a.copies | b.copies,
        diverged=a.diverged | b.diverged,
        stale=a.stale | b.stale,
        replaced=a.replaced | b.replaced,
        fresh=a.fresh & b.fresh,
        ranges={
            name: (min(bottom, b.ranges[name][0]), max(top, b.ranges[name][1]))
            for name, (bottom, top) in a.ranges.items()
            if name in b.ranges
        },
        lengths=a.lengths & b.lengths,
    )


def _join(a: str, b: str) -> str:
    """Absent and `done` both mean that nothing is owed; every other difference is `mixed`."""
    if a == b:
        return a
    return "done" if {a, b} == {"", "done"} else "mixed"
