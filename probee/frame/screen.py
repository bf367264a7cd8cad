r"""A terminal as a page that is drawn again and again: lines in, the bytes that change it out.

The page is the terminal's second one, so that what stood there before is there again at the end,
whatever ended it. Keys come one by one and are not shown. Sequences: XTerm's, as every terminal of
today knows them.
"""

from __future__ import annotations

import os
from select import POLLIN, poll
from time import monotonic

from probee.errors import KernelError, ProbeeError
from probee.frame.keys import Keys
from probee.frame.listing import clipped
from probee.frame.output import Closed
from probee.frame.text import shown_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from probee.frame.output import Output
    from probee.frame.signals import Ending

_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"
_CLEAR = b"\x1b[2J"
_REST, _OFF = b"\x1b[K", b"\x1b[0m"
STYLES = {"": b"", "head": b"\x1b[1m", "chosen": b"\x1b[7m", "dim": b"\x1b[2m", "bad": b"\x1b[31m"}


class Text:
    """A line of a page, and how it looks: a name of STYLES. It is printable, and cut to fit."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str = "") -> None:
        self.text, self.style = text, style


class Drawing:
    """What stands on the page. `update` gives the bytes that make it another one."""

    __slots__ = ("_colour", "_lines", "_size")

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._lines: list[bytes] = []
        self._size = (0, 0)

    def update(self, lines: Sequence[Text], columns: int, rows: int) -> bytes:
        """The bytes that show `lines` on a page of this size: only lines that are not as before."""
        out = b""
        if self._size != (columns, rows):
            self._lines, self._size, out = [], (columns, rows), _CLEAR
        made = [self._line(line, columns) for line in lines[:rows]]
        made += [_REST] * (rows - len(made))
        before = self._lines or [_REST] * rows
        for at, (new, old) in enumerate(zip(made, before, strict=True), 1):
            if new != old:
                out += b"\x1b[%d;1H%b" % (at, new)
        self._lines = made
        return out

    def _line(self, line: Text, columns: int) -> bytes:
        text = clipped(line.text, columns)
        # Behind a line that fills the page the cursor still stands on its last cell.
        rest = _REST if shown_width(text) < columns else b""
        style = STYLES[line.style] if self._colour or line.style in ("head", "chosen") else b""
        if not style:
            return text.encode("utf-8", "replace") + rest
        if line.style == "chosen":
            text, rest = text + " " * (columns - shown_width(text)), b""
        return style + text.encode("utf-8", "replace") + _OFF + rest


class Screen:
    """The terminal of an output, from `with` to its end. ProbeeError where there is none."""

    __slots__ = ("_before", "_drawing", "_in", "_keys", "_output")

    def __init__(self, output: Output) -> None:
        if not output.terminal or os.environ.get("TERM", "dumb") == "dumb":
            raise ProbeeError(
                "standard output is no terminal that can be drawn on",
                hint="probee ps --watch writes tables one after the other",
            )
        self._output = output
        self._in = 0 if os.isatty(0) else -1
        self._keys = Keys()
        self._drawing = Drawing(colour=output.colour)
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        if self._in >= 0:
            import termios

            try:
                self._before = termios.tcgetattr(self._in)
                now = termios.tcgetattr(self._in)
                now[3] &= ~(termios.ICANON | termios.ECHO)
                # Ctrl-Z and Ctrl-\ would leave the page to the shell.
                now[6][termios.VSUSP] = now[6][termios.VQUIT] = b"\0"
                termios.tcsetattr(self._in, termios.TCSADRAIN, now)
            except termios.error as error:
                raise KernelError("set up the terminal", error.args[0]) from None
        self._output.write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._output.write(_LEAVE)
        except (Closed, KernelError):  # the terminal is gone: there is nothing to put right
            pass
        if self._before is not None:
            import termios

            try:
                termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
            except termios.error:
                pass

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        return self._output.size

    def draw(self, lines: Sequence[Text]) -> None:
        """Shows these lines, and nothing else."""
        data = self._drawing.update(lines, *self.size)
        if data:
            self._output.write(data)

    def wait(self, until: float, ending: Ending) -> list[str] | None:
        """Keys as soon as there are some, none when `until` is reached; None when it is to end.

        `until` is a time of `monotonic`. It is to end by a signal, or when the terminal goes away.
        """
        waiter = poll()
        waiter.register(ending.fd, POLLIN)
        if self._in >= 0:
            waiter.register(self._in, POLLIN)
        while True:
            left = until - monotonic()
            ready = waiter.poll(max(left, 0) * 1000)
            if ending.asked:
                return None
            if any(fd == self._in for fd, _ in ready):
                try:
                    data = os.read(self._in, 1024)
                except OSError:
                    return None
                if not data:
                    return None
                keys = self._keys.feed(data)
                if keys:
                    return keys
            if left <= 0:
                return []
