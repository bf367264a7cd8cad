"""What is known at a point of the program: which optionals were tested, which records are open.

In: facts learnt from tests and statements. Out: a `Flow` for each block, merged where paths meet.
A fact that only some of the paths agree on is not known; a duty that only some of them have met is
`mixed`, which the rules treat as an error as soon as it matters.
"""

from __future__ import annotations

from probee.frozen import Frozen, replace


class Flow(Frozen):
    """`nonnull`, `null`: optional locals tested so far. `records`: reserved ring records and their
    state (`maybe`: not tested for None, `live`, `done`, `mixed`). `stored`: objects that were copied
    into a map or a field, and so must not change. `stale`: locals that refer into a map which was
    changed since."""

    nonnull: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    records: tuple[tuple[str, str], ...] = ()
    stored: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()

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
            self, nonnull=self.nonnull - gone, null=self.null - gone, stale=self.stale - gone
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
        a.nonnull & b.nonnull,
        a.null & b.null,
        tuple(sorted(states.items())),
        a.stored | b.stored,
        a.stale | b.stale,
    )


def _join(a: str, b: str) -> str:
    """Absent and `done` both mean that nothing is owed; every other difference is `mixed`."""
    if a == b:
        return a
    return "done" if {a, b} == {"", "done"} else "mixed"
