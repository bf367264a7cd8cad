"""The larger form of `probee top`, with Textual: the list or a program's page, and a graph below.

In: the state that both forms share, what looks at the machine. Out: a Textual application. It is
there with the extra `probee[top]`; nothing else imports this module, and Textual with it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

from probee.introspect.running.forms import one_line, percent
from probee.introspect.running.graph import graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.timer import Timer

    from probee.frame.screen import Text
    from probee.frame.signals import Ending
    from probee.introspect.running.top import Top

_STYLES = {
    "": Style(),
    "head": Style(bold=True, color="cyan"),
    "chosen": Style(reverse=True),
    "dim": Style(dim=True),
    "bad": Style(color="red"),
}
_BARS, _AXIS = Style(color="green"), Style(dim=True)
_FIRST = 0.25  # seconds to the first look with rates


class Page(Widget):
    """The page that the state shows, line by line: only what is seen is made."""

    def __init__(self, top: Top) -> None:
        super().__init__()
        self._top = top
        self._made: list[Text] = []

    def redraw(self) -> None:
        """Makes the page anew."""
        self._made = self._top.lines(self.size.width, self.size.height)
        self.refresh()

    def on_resize(self) -> None:
        """Another size, another page."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.size.width
        if y >= len(self._made):
            return Strip.blank(width)
        line = self._made[y]
        return Strip([Segment(line.text, _STYLES[line.style])]).adjust_cell_length(
            width, _STYLES[line.style] if line.style == "chosen" else None
        )

    def on_click(self, event: events.Click) -> None:
        """Chooses a program."""
        self._top.point(event.y)
        self.app.call_later(self.redraw)

    def on_mouse_scroll_down(self) -> None:
        """As the key."""
        self._top.press("down")
        self.redraw()

    def on_mouse_scroll_up(self) -> None:
        """As the key."""
        self._top.press("up")
        self.redraw()


class Graph(Widget):
    """The CPU per cent of the chosen program, a column a look, the newest at the right."""

    def __init__(self, top: Top) -> None:
        super().__init__()
        self._top = top
        self._made: list[str] = []

    def redraw(self) -> None:
        """Makes the graph anew."""
        row = self._top.row
        history = self._top.history.get(self._top.chosen, ())
        name = f"{one_line(row.name) or row.type} ({row.id})" if row else "no program"
        now = f"{percent(row.cpu_percent)} %" if row else "-"
        head = f"CPU% of {name}, now {now}, the last {len(history)} looks"
        self._made = [head, *graph(history, self.size.width, self.size.height - 1)]
        self.refresh()

    def on_resize(self) -> None:
        """Another size, another graph."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line."""
        if y >= len(self._made):
            return Strip.blank(self.size.width)
        style = _AXIS if y == 0 else _BARS
        return Strip([Segment(self._made[y], style)]).adjust_cell_length(self.size.width)


class TopApp(App[None]):
    """Looks, and shows. `look` looks at the machine and tells the state; `count`: how often."""

    CSS = "Page { height: 1fr; } Graph { height: 9; } Screen { layout: vertical; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [("ctrl+c", "quit", "the end"), ("ctrl+q", "quit", "the end")]

    def __init__(
        self, top: Top, look: Callable[[], None], ending: Ending, count: int | None
    ) -> None:
        super().__init__()
        self._top, self._look, self._ending, self._left = top, look, ending, count
        self._page, self._graph = Page(top), Graph(top)
        self._timer: Timer | None = None
        self._interval = top.interval

    def compose(self) -> ComposeResult:
        """The page, the graph below."""
        yield self._page
        yield self._graph

    def on_mount(self) -> None:
        """Begins to look."""
        asyncio.get_running_loop().add_reader(self._ending.fd, self._signalled)
        self.set_timer(min(_FIRST, self._top.interval), self._again)
        self._timer = self.set_interval(self._top.interval, self._again)

    def _signalled(self) -> None:
        """A signal came: not always one to end, as when the terminal gets another size."""
        os.read(self._ending.fd, 1024)
        if self._ending.asked:
            self.exit()

    def _again(self) -> None:
        if self._left == 0:
            self.exit()
            return
        self._left = None if self._left is None else self._left - 1
        if not self._top.paused:
            self._look()
        self._redraw()

    def _redraw(self) -> None:
        self._page.redraw()
        self._graph.redraw()

    def on_key(self, event: events.Key) -> None:
        """Keys mean what they mean in the plain form."""
        character = event.character
        plain = character is not None and character.isprintable()
        self._top.press(character if plain and character is not None else event.key)
        if self._top.over:
            self.exit()
        if self._top.interval != self._interval and self._timer is not None:
            self._interval = self._top.interval
            self._timer.stop()
            self._timer = self.set_interval(self._interval, self._again)
        self._redraw()
