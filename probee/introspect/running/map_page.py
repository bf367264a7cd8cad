"""A watched map as a page of a terminal, or as lines that come one after the other.

In: changes. Out: lines. What changed stands out: by its mark, and on a terminal in bold.
"""

from __future__ import annotations

from probee.errors import errno_words
from probee.frame.columns import Column
from probee.frame.listing import cells, table
from probee.frame.screen import Text
from probee.introspect.running.forms import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.introspect.loaded.maps import Map
    from probee.introspect.running.map_watch import Change, Watch

_MARKS = {"": "", "new": "+", "changed": "*", "gone": "-"}
_STYLES = {"": "", "new": "head", "changed": "head", "gone": "dim"}


def _rates(rates: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{one_line(path)} {_per_second(rate)}".lstrip() for path, rate in rates)


def _per_second(rate: float) -> str:
    """`+1,234/s`, `-0.5/s`."""
    return f"{rate:+,.0f}/s" if abs(rate) >= 10 else f"{rate:+.1f}/s"


COLUMNS = (
    Column("", "", "state", width=1, text=lambda state: _MARKS[state]),
    Column("key", "KEY", "key"),
    Column("rates", "CHANGE", "rates", width=14, text=_rates),
    Column("value", "VALUE", "value"),
)


def title(row: Map, watch: Watch, state: str) -> str:
    """The first line."""
    name = f" {one_line(row.name)}" if row.name else ""
    kind = row.type_name or f"type {row.type}"
    count = f"{watch.count:,} element{'' if watch.count == 1 else 's'}"
    count = count if watch.whole else f"the first {count}"
    cpus = "; CPUs added up" if row.per_cpu else ""
    raw = "" if watch.typed else "; no BTF of its values"
    unread, errno = watch.unread
    count += f", {unread:,} cannot be read ({errno_words(errno)})" if unread else ""
    return f"map {row.id}{name}, {kind}: {count}, {watch.changed:,} changed, {state}{cpus}{raw}"


def page(row: Map, watch: Watch, rows: Sequence[Change], state: str, room: int) -> list[Text]:
    """A page of `room` lines."""
    head, *body = table(COLUMNS, [cells(COLUMNS, change) for change in rows[: room - 3]])
    lines = [Text(title(row, watch, state)), Text(head, "dim")]
    lines += [Text(line, _STYLES[change.state]) for line, change in zip(body, rows, strict=False)]
    lines += [Text("")] * (room - 1 - len(lines))
    return [*lines, Text("q quit  space pause  + - interval  (+ new  * changed  - gone)", "dim")]


def block(row: Map, watch: Watch, rows: Sequence[Change], state: str, *, first: bool) -> str:
    """What is written where there is no terminal: all at first, later what changed."""
    shown = [change for change in rows if first or change.state]
    lines = table(COLUMNS, [cells(COLUMNS, change) for change in shown]) if shown else []
    return "".join(f"{line}\n" for line in (title(row, watch, state), *lines, ""))
