"""`probee map watch`: what changes in a map, and how fast.

In: a call. Out: pages on a terminal, drawn until q or Ctrl-C; elsewhere a block of lines a look, or
with --json a document.
"""

from __future__ import annotations

import os
from os import close
from time import monotonic

from probee.cli import map as map_
from probee.cli.grammar import EXIT_STATUS
from probee.errors import KernelError, ProbeeError, UsageError, errno_words
from probee.frame.options import Option
from probee.frame.output import Output
from probee.frame.page import DEBUG, HELP, Page
from probee.introspect.loaded.maps import Maps
from probee.introspect.loaded.select import one
from probee.introspect.running.map_watch import MOST, why_not
from probee.introspect.running.top import LEAST, MOST as MOST_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.cli.grammar import Call
    from probee.frame.screen import Screen
    from probee.frame.signals import Ending
    from probee.introspect.loaded.maps import Map
    from probee.introspect.running.map_watch import Change, Watch

_MOST_LINES = 1000  # where no terminal says how many
PAGE = Page(
    "map watch",
    "Watch what changes in a map, and how fast.",
    f"{map_.MAP} Keys and values are decoded by the map's BTF, those of the CPUs are added up. On "
    "a terminal it draws a page, until q or Ctrl-C; elsewhere it writes all elements first, then "
    "what changed from look to look.",
    (
        Option("interval", "i", "SECONDS", "time between two looks (default: 1)",
               map_.INTERVAL.parse, default=map_.INTERVAL.default),
        Option("count", metavar="N", help="end after N looks", parse=map_.COUNT.parse,
               group="Ending"),
        Option("json", "j", help="a JSON document a look, each on a line: see docs/json.md",
               group="Output"),
        Option("pretty", "p", help="the same, indented", group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("map watch name counts", "the map of this name"),
        ("map watch id 46 -i 0.5", "two looks a second"),
        ("map watch id 46 --json --count 10", "ten documents"),
    ),
    "MAP",
    ("id", "name", "pinned"),
    EXIT_STATUS,
)  # fmt: skip


def watch(call: Call) -> None:
    """Looks again and again until it is to end."""
    from probee.frame.signals import Ending
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.map_watch import Watch

    written = _written(call)
    _demand_own_options(call)
    if len(call.words) < 2:
        raise UsageError("a map is wanted: id ID, name NAME or pinned FILE")
    fd, words = one("MAP", call.words)
    try:
        if words:
            raise UsageError(f"what is '{words[0]}'?")
        row = Maps.row(fd)
        _demand_elements(row)
        # A batch has none of these options.
        interval = getattr(call.values, "interval", 1.0)
        count = getattr(call.values, "count", None)
        watched = Watch(fd, row, Types(), exact=written is not None)
        looking = _Looking(row, watched, interval, count)
        with Output(None) as output, Ending(terminal=True) as ending:
            if written is not None:
                _one_by_one(looking, output, ending, written, 2 * MOST)
            elif output.terminal and os.environ.get("TERM", "dumb") != "dumb":
                _on_terminal(looking, output, ending)
            else:
                _one_by_one(looking, output, ending, _block, _MOST_LINES)
    finally:
        close(fd)


def _written(call: Call) -> Callable[..., str] | None:
    """What makes the text of a look where it is JSON, which is then our own to write."""
    if call.json is None:
        return None
    if call.json.depth:
        raise UsageError("watch writes documents of its own, which cannot stand in a batch's JSON")
    from probee.introspect.running.map_json import look

    call.json = None
    line = not call.values.pretty
    return lambda looking, rows, *, first: look(
        looking.row, looking.watch, rows, first=first, line=line
    )


def _demand_own_options(call: Call) -> None:
    """Those of map's other verbs, which bpftool has, would do nothing here."""
    own = {option.key for option in PAGE.options}
    for key in sorted(getattr(call.values, "given", set()) - own):
        raise UsageError(f"watch has no option --{key.replace('_', '-')}")


def _block(looking: _Looking, rows: list[Change], *, first: bool) -> str:
    from probee.introspect.running.map_page import block

    return block(looking.row, looking.watch, rows, looking.state, first=first)


def _demand_elements(row: Map) -> None:
    why, instead = why_not(row)
    if why:
        name = f" {row.name!r}" if row.name else ""
        raise ProbeeError(f"map {row.id}{name}, a {row.type_name}, cannot be watched: {why}",
                          hint=instead)  # fmt: skip


class _Looking:
    """One `map watch`: how often, how often still."""

    __slots__ = ("interval", "left", "over", "paused", "row", "watch")

    def __init__(self, row: Map, watch: Watch, interval: float, count: int | None) -> None:
        self.row, self.watch = row, watch
        self.interval, self.left = interval, count
        self.paused = self.over = False

    def look(self, most: int) -> list[Change]:
        """The elements. ProbeeError where the map has none that one can walk."""
        self.left = None if self.left is None else self.left - 1
        try:
            return self.watch.look(most)
        except KernelError as error:
            kind = self.row.type_name or f"type {self.row.type}"
            raise ProbeeError(
                f"the elements of map {self.row.id}, {kind}, cannot be listed: "
                f"{error.errno_name} ({errno_words(error.errno)})"
            ) from None

    @property
    def state(self) -> str:
        return "standing still" if self.paused else f"every {self.interval:g} s"

    def press(self, key: str) -> None:
        if key in ("q", "escape"):
            self.over = True
        elif key == " ":
            self.paused = not self.paused
        elif key in ("+", "-"):
            factor = 0.5 if key == "+" else 2.0
            self.interval = min(max(self.interval * factor, LEAST), MOST_SECONDS)


def _on_terminal(looking: _Looking, output: Output, ending: Ending) -> None:
    from probee.frame.screen import Screen

    screen = Screen(output)
    rows = looking.look(screen.size[1])
    with screen:
        _drawn(looking, screen, rows, ending)


def _drawn(looking: _Looking, screen: Screen, rows: list[Change], ending: Ending) -> None:
    from probee.introspect.running.map_page import page

    following = monotonic() + looking.interval
    while not looking.over:
        room = screen.size[1]
        screen.draw(page(looking.row, looking.watch, rows, looking.state, room))
        keys = screen.wait(following, ending)
        if keys is None or (not keys and looking.left == 0):
            return
        for key in keys:
            looking.press(key)
        if not keys:
            following = max(following, monotonic() - looking.interval) + looking.interval
            if not looking.paused:
                rows = looking.look(room)


def _one_by_one(
    looking: _Looking, output: Output, ending: Ending, written: Callable[..., str], most: int
) -> None:
    """Writes the text of each look. `most`: elements in one."""
    from select import POLLIN, poll

    waiter = poll()
    waiter.register(ending.fd, POLLIN)
    following, first = monotonic(), True
    while True:
        rows = looking.look(most)
        text = written(looking, rows, first=first)
        output.write(text.encode("utf-8", "replace"))
        first = False
        following = max(following + looking.interval, monotonic())
        if looking.left == 0 or waiter.poll(max(following - monotonic(), 0) * 1000):
            return
