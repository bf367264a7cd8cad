"""Where rows go: standard output or a file, unbuffered, every failure told apart.

In: bytes. Out: those bytes written whole; `Closed` when the reader is gone, KernelError for
anything else, a full disk included.
"""

from __future__ import annotations

import os
import sys
from errno import EPIPE
from select import POLLERR, POLLHUP, POLLOUT, poll

from probee.errors import KernelError, ProbeeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class Closed(Exception):
    """The reader of our output went away, as `head` does: time to end, and no error."""


class Output:
    """An open descriptor for rows. `name`: for messages. `terminal`: a person is watching."""

    __slots__ = ("_own", "fd", "name", "terminal")

    def __init__(self, path: str | None) -> None:
        if path is None:
            self.fd, self.name, self._own = 1, "standard output", False
            # None where it was closed at the start; descriptor 1 may be anything by now.
            if sys.__stdout__ is None:
                raise ProbeeError("standard output is closed", hint="let it go to a file or a pipe")
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOCTTY
            try:
                self.fd = os.open(path, flags, 0o666)
            except OSError as error:
                raise KernelError(f"open output file {path!r}", error.errno or 0) from None
            self.name, self._own = repr(path), True
        self.terminal = os.isatty(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            os.close(self.fd)

    @property
    def colour(self) -> bool:
        """Colour is for terminals, unless NO_COLOR or TERM=dumb says otherwise."""
        environ = os.environ
        return self.terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal, as they are now; 80 and 24 where it does not say."""
        try:
            found = os.get_terminal_size(self.fd)
        except OSError:
            return 80, 24
        return (found.columns, found.lines) if found.columns and found.lines else (80, 24)

    def write(self, data: bytes) -> None:
        """All of `data`, in as many pieces as it takes."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:  # someone made our terminal or pipe non-blocking
                self._wait()
            except OSError as error:
                if error.errno == EPIPE:
                    raise Closed from None
                raise KernelError(f"write to {self.name}", error.errno or 0) from None

    def _wait(self) -> None:
        waiter = poll()
        waiter.register(self.fd, POLLOUT)
        waiter.poll()

    def closed(self, events: list[tuple[int, int]]) -> bool:
        """Whether `poll` reported that nobody will read any more."""
        return any(fd == self.fd and what & (POLLERR | POLLHUP) for fd, what in events)


def say(text: str) -> None:
    """A line on standard error; if nobody can read it there, nobody can be told.

    Messages quote words and names from anywhere: what a terminal would obey is escaped.
    """
    if sys.__stderr__ is None:
        return
    from probee.frame.text import printable

    data = f"{printable(text)}\n".encode()
    try:
        os.write(2, data)
    except OSError:
        pass
