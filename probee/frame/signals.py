"""Being asked to end: SIGINT and SIGTERM become something the event loop can wait for.

In: signals. Out: `Ending.asked`, the signal's name or "", and a descriptor that becomes readable.
Nothing is raised in the middle of other work, so what was begun is always finished or undone.
A signal that the caller of the program had ignored (nohup, a shell's background job) stays so.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any, Self
else:
    import _signal  # what is behind `signal`, which costs `enum` (10 ms) before the first row

_NAMES = {int(_signal.SIGINT): "SIGINT", int(_signal.SIGTERM): "SIGTERM"}
# For who has changed the terminal, and has to put it right.
_MORE = {int(_signal.SIGHUP): "SIGHUP", int(_signal.SIGQUIT): "SIGQUIT"}


class Ending:
    """Catches the signals from `with` to its end; with `terminal` also SIGHUP and SIGQUIT.

    `fd` is for poll().
    """

    __slots__ = ("_before", "_names", "_write", "asked", "fd")

    def __init__(self, *, terminal: bool = False) -> None:
        self.asked = ""
        self._names = {**_NAMES, **_MORE} if terminal else _NAMES
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        _signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._names:
            before = _signal.getsignal(number)
            if before != _signal.SIG_IGN:
                self._before[number] = before
                _signal.signal(number, self._caught)
        return self

    def _caught(self, number: int, _: object) -> None:
        self.asked = self.asked or self._names[number]

    def __exit__(self, *_: object) -> None:
        _signal.set_wakeup_fd(-1)
        for number, before in self._before.items():
            _signal.signal(number, before)
        os.close(self.fd)
        os.close(self._write)
