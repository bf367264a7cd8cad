"""What is known at a point of the program: which optionals were tested, which records are open.

In: facts learnt from tests and statements. Out: a `Flow` for each block, merged where paths meet.
A fact that only some of the paths agree on is not known; a duty that only some of them have met is
`mixed`, which the rules treat as an error as soon as it matters.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from probee.frozen import Frozen, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType({})


class Flow(Frozen):
    """`nonnull`, `null`: optional locals tested so far. `records`: reserved ring records and their
    state (`maybe`: not tested for None, `live`, `done`, `mixed`). `stored`: objects that were copied
    into a map or a field, and so must not change. `stale`: locals that refer into a map which was
    changed since. `ranges`: bounds of integer locals where more is known than their types say; the
    dict is never changed once it stands here."""

    nonnull: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    records: tuple[tuple[str, str], ...] = ()
    stored: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[int, int]] = _NO_RANGES

    def record(self, site: str) -> str:
        return dict(self.records).get(site, "")

    def with_record(self, site: str, state: str) -> Flow:
        states = dict(self.records)
        if state:
            states[site] = state
        else:
            states.pop(site, None)
        return replace(self, records=tuple(sorted(states.items())))

    def rebound(self, variable: str) -> Flow:
        """The local was assigned: nothing learnt about its old value holds."""
        gone = {variable}
        return replace(
            self,
            nonnull=self.nonnull - gone,
            null=self.null - gone,
            stale=self.stale - gone,
            ranges={k: v for k, v in self.ranges.items() if k != variable},
        )

    def with_range(self, variable: str, bounds: tuple[int, int]) -> Flow:
        return replace(self, ranges={**self.ranges, variable: bounds})


def merge(a: Flow | None, b: Flow) -> Flow:
    """What holds where two paths meet; None is a path that does not exist."""
    if a is None or a == b:
        return b
    states: dict[str, str] = {}
    mine, theirs = dict(a.records), dict(b.records)
    for site in {*mine, *theirs}:
        states[site] = _join(mine.get(site, ""), theirs.get(site, ""))
    return Flow(
        a.nonnull & b.nonnull,
        a.null & b.null,
        tuple(sorted(states.items())),
        a.stored | b.stored,
        a.stale | b.stale,
        {
            name: (min(bottom, b.ranges[name][0]), max(top, b.ranges[name][1]))
            for name, (bottom, top) in a.ranges.items()
            if name in b.ranges
        },
    )


def _join(a: str, b: str) -> str:
    """Absent and `done` both mean that nothing is owed; every other difference is `mixed`."""
    if a == b:
        return a
    return "done" if {a, b} == {"", "done"} else "mixed"
