"""One struct stored in two places: in Python one object, in the kernel a copy in each.

In: what is stored where, and what is changed in place. Out: a refusal where a program would see the
one change in the other place and the kernel does not: within a run where the other place is read.
A run ends and what it stored in maps stays, so of those it is asked for all programs together, when
all of them are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend.source import at
from probee.spec.types import ArrayOf, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import Ref
    from probee.compiler.ir.ops import Loc
    from probee.errors import Diagnostic
    from probee.spec.types import ValueType

MAP = "map:"


class Twins:
    """`stores`: all places of an object that has several, its type, and where it got the last one.
    `changed`: maps, with the types of what in their entries is changed in place.
    """

    def __init__(self) -> None:
        self.stores: dict[tuple[tuple[str, ...], ValueType], Loc] = {}
        self.changed: dict[str, set[ValueType]] = {}

    def diagnostics(self) -> list[Diagnostic]:
        """A refusal for each store that some program could tell from Python's."""
        found = []
        for (places, type_), loc in self.stores.items():
            for place in places:
                if any(_within(type_, other) for other in self.changed.get(place, ())):
                    found.append(_refusal(loc, places, place))
                    break
        return found


def _within(type_: ValueType, part: ValueType) -> bool:
    """Whether a change of a `part` may be one of a `type_`: it is one, or stands in one."""
    if type_ == part:
        return True
    if isinstance(type_, ArrayOf):
        return _within(type_.element, part)
    return isinstance(type_, StructType) and any(_within(f.type, part) for f in type_.fields)


def _refusal(loc: Loc, places: tuple[str, ...], changed: str) -> Diagnostic:
    names = " and ".join(f"`{place.removeprefix(MAP)}`" for place in places)
    where = f"in {names}" if len(places) > 1 else f"in {names} more than once"
    return at(
        loc,
        "changed-after-store",
        f"this struct is stored {where}, and entries of `{changed.removeprefix(MAP)}` are changed",
        why="in Python both places would have one object; the kernel has a copy in each",
        fix="make a struct for each place",
    )


def stored(low: Lowering, ref: Ref, place: str) -> None:
    """The object that `ref` refers to is about to be stored at `place`."""
    site = ref.site
    if not low.live:
        return
    low.stored_types.setdefault(site, set()).add(ref.type)
    again = (site, place) in low.flow.copies or any(
        (loop, site) not in low.flow.fresh for loop in low.loop_numbers
    )
    if again:
        low.twice.add((site, place))
    again = again and place.startswith(MAP)
    after = low.flow.copied(site, place)
    for holder in _holding(after, site):
        reached = {holder, *_reached(after, holder)}
        left = {low.taken.get(one) for one in reached}
        places = {p for p in reached if p.startswith(MAP) and p not in left}
        if len(places) > 1 or (again and places):
            for type_ in low.stored_types.get(holder, ()):
                inner, outer = (type_, ref.type) if _within(ref.type, type_) else (ref.type, type_)
                if _within(outer, inner):
                    key = tuple(sorted(places)), inner
                    low.world.twins.stores.setdefault(key, low.builder.loc)


def changed(low: Lowering, ref: Ref) -> None:
    """The object that `ref` refers to is changed in place."""
    place = low.taken.get(ref.site, ref.site)
    if place.startswith(MAP):
        low.world.twins.changed.setdefault(place, set()).add(ref.type)


def siblings(low: Lowering, ref: Ref) -> set[str]:
    """What holds another copy of the object that was changed through `ref`, or of a part of it.

    Of two places in maps `Twins` tells, for all programs together.
    """
    flow = low.flow
    found: set[str] = set()
    chain = _holding(flow, ref.site)
    left = {low.taken.get(one) for one in chain}
    for one in chain - {ref.site}:
        if any(_within(type_, ref.type) for type_ in low.stored_types.get(one, ())):
            for _, to in (pair for pair in flow.copies if pair[0] == one):
                if to not in left and (to not in chain or (one, to) in low.twice):
                    found |= {to, *_reached(flow, to)}
    if _in_map(low, ref.site):
        found = {one for one in found if not _in_map(low, one)}
    return found


def _in_map(low: Lowering, site: str) -> bool:
    """Whether the object is an entry of a map, or was one."""
    return low.taken.get(site, site).startswith(MAP)


def _holding(flow: Flow, site: str) -> set[str]:
    """`site`, and the objects that were copied to it, or to what was."""
    found, pending = set(), {site}
    while pending:
        here = pending.pop()
        found.add(here)
        pending |= {one for one, to in flow.copies if to == here} - found
    return found


def _reached(flow: Flow, site: str) -> set[str]:
    """All places that the object was copied to, and those that they were copied to."""
    found: set[str] = set()
    pending = {to for one, to in flow.copies if one == site}
    while pending:
        here = pending.pop()
        found.add(here)
        pending |= {to for one, to in flow.copies if one == here} - found
    return found
