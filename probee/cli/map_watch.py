"""`probee map watch`: what changes in a map, and how fast.

In: a call. Out: pages on a terminal, drawn until q or Ctrl-C; elsewhere a block of lines a look.
"""

from __future__ import annotations

from os import close
from time import monotonic

from probee.errors import KernelError, ProbeeError, UsageError
from probee.frame.output import Output
from probee.introspect.loaded.maps import Maps
from probee.introspect.loaded.select import one
from probee.introspect.running.top import LEAST, MOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.cli.grammar import Call
    from probee.frame.screen import Screen
    from probee.frame.signals import Ending
    from probee.introspect.loaded.maps import Map
    from probee.introspect.running.map_watch import Change, Watch

_MOST_LINES = 1000  # where no terminal says how many


def watch(call: Call) -> None:
    """Looks again and again until it is to end."""
    from probee.frame.signals import Ending
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.map_watch import Watch

    if call.json is not None:
        raise UsageError("watch writes no JSON: it is for people; map dump -j is for programs")
    if len(call.words) < 2:
        raise UsageError("a map is wanted: id ID, name NAME or pinned FILE")
    fd, words = one("MAP", call.words)
    try:
        if words:
            raise UsageError(f"what is '{words[0]}'?")
        row = Maps.row(fd)
        # A batch has none of these options.
        interval = getattr(call.values, "interval", 1.0)
        count = getattr(call.values, "count", None)
        looking = _Looking(row, Watch(fd, row, Types()), interval, count)
        with Output(None) as output, Ending(terminal=True) as ending:
            if output.terminal:
                _on_terminal(looking, output, ending)
            else:
                _in_blocks(looking, output, ending)
    finally:
        close(fd)


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
            raise ProbeeError(
                f"the elements of a {self.row.type_name or 'map of this type'} cannot be walked: "
                f"{error.errno_name}"
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
            self.interval = min(max(self.interval * factor, LEAST), MOST)


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


def _in_blocks(looking: _Looking, output: Output, ending: Ending) -> None:
    from select import POLLIN, poll

    from probee.introspect.running.map_page import block

    waiter = poll()
    waiter.register(ending.fd, POLLIN)
    following, first = monotonic(), True
    while True:
        rows = looking.look(_MOST_LINES)
        text = block(looking.row, looking.watch, rows, looking.state, first=first)
        output.write(text.encode("utf-8", "replace"))
        first = False
        following = max(following + looking.interval, monotonic())
        if looking.left == 0 or waiter.poll(max(following - monotonic(), 0) * 1000):
            return
