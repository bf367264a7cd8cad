"""From the ring to the output until it is time to end.

In: a live ring, a format, an output, and what ends the run. Out: rows written, their number, and
the reason for the end: `asked` (a signal), `duration`, `count`, `command` (it ended), or `closed`
(nobody reads any more).

Rows leave when they are drained, which is at once for the first, and some 200 times a second while
they pour. No timer runs while nothing happens.
"""

from __future__ import annotations

from select import EPOLLERR, EPOLLHUP, EPOLLIN, epoll
from time import monotonic

from probee.frame.output import Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol, TypeAlias

    from probee.frame.command import Command
    from probee.frame.formats import Format
    from probee.frame.output import Output
    from probee.frame.signals import Ending

    Sieve: TypeAlias = Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]

    class Rows(Protocol):
        """A live ring, as `session[ring]` gives it."""

        def wait(self, timeout: float | None = None, stop: int | None = None) -> bool:
            """Until there are records; False if `timeout` seconds or `stop` ended it."""
            ...

        def batches(self) -> Iterator[list[tuple[Any, ...]]]:
            """What stands in the ring now."""
            ...


CHUNK = 1 << 16  # bytes gathered before they are written


class Loop:
    """One run over one ring. `rows` counts what was written.

    `kept`: a filter of batches. `command`: whose end is the run's.
    """

    def __init__(
        self,
        ring: Rows,
        format_: Format,
        output: Output,
        ending: Ending,
        kept: Sieve | None = None,
        command: Command | None = None,
    ) -> None:
        self.ring, self.format, self.output, self.ending = ring, format_, output, ending
        self.kept, self.command = kept, command
        self.rows = 0
        self.limit: int | None = None

    def run(self, duration: float | None, count: int | None) -> str:
        """Prints rows until something ends it; the reason is one of the module's docstring."""
        self.limit = count
        deadline = None if duration is None else monotonic() + duration
        try:
            with epoll() as stop:
                self._watch(stop)
                return self._follow(stop, deadline)
        except Closed:
            return "closed"

    def _watch(self, stop: epoll) -> None:
        """Makes `stop` readable for a signal, the command's end, or a reader that is gone."""
        stop.register(self.ending.fd, EPOLLIN)
        if self.command is not None:
            stop.register(self.command.fd, EPOLLIN)
        try:
            stop.register(self.output.fd, EPOLLERR | EPOLLHUP)
        except PermissionError:  # a regular file: it has no reader that could leave
            pass

    def _follow(self, stop: epoll, deadline: float | None) -> str:
        while True:
            timeout = None if deadline is None else max(deadline - monotonic(), 0)
            ready = self.ring.wait(timeout, stop.fileno())
            if self.ending.asked:
                return "asked"
            over = [fd for fd, _ in stop.poll(0)]
            if self.output.fd in over:
                return "closed"
            if self.command is not None and self.command.fd in over:
                return "command"
            if ready and self.drain():
                return "count"
            if deadline is not None and monotonic() >= deadline:
                return "duration"

    def drain(self) -> bool:
        """Writes what stands in the ring now; True once the wished number of rows is reached."""
        chunk: list[bytes] = []
        held = 0
        for batch in self.ring.batches():
            if self.kept is not None:
                batch = self.kept(batch)  # noqa: PLW2901 - the others are not wanted
            if self.limit is not None and self.rows + len(batch) >= self.limit:
                batch = batch[: self.limit - self.rows]  # noqa: PLW2901 - the rest is not wanted
            lines = self.format.rows(batch) if batch else b""
            self.rows += len(batch)
            chunk.append(lines)
            held += len(lines)
            if held >= CHUNK:
                self.output.write(b"".join(chunk))
                chunk, held = [], 0
            if self.rows == self.limit:
                break
        if chunk:
            self.output.write(b"".join(chunk))
        return self.rows == self.limit
