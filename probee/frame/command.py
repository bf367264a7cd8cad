"""`-- COMMAND`: a process that waits until it is traced, and then becomes the command.

In: the command's words. Out: its process id before it runs anything, its end, its exit status.

The process is forked before anything is loaded and sleeps in read(2). Its program is looked up by
its parent, so between its release and execve(2) it opens nothing: the first row is the command's
own. It has the tool's input, output, error output, user, working directory and environment.
"""

from __future__ import annotations

import os
from errno import ENOENT
from sys import byteorder

from probee.errors import KernelError, ProbeeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence
    from typing import Never
else:
    import _signal  # what is behind `signal`, which costs `enum` (10 ms) before the first row

_NOT_RUN = 127  # as shells have it


class Command:
    """A command that has not begun. `pid`: its process. `fd` becomes readable when it ends."""

    __slots__ = ("_begun", "_error", "_go", "_name", "_status", "fd", "pid")

    def __init__(self, words: Sequence[str]) -> None:
        self._name = words[0]
        path = executable(words[0])
        arguments, environment = list(words), dict(os.environ)
        wait, self._go = os.pipe2(os.O_CLOEXEC)
        self._error, failed = os.pipe2(os.O_CLOEXEC)
        self._begun = False
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            _become(wait, failed, path, arguments, environment)
        os.close(wait)
        os.close(failed)
        self.fd = os.pidfd_open(self.pid)

    def go(self) -> None:
        """Runs it. Raises KernelError where the kernel does not run such a file."""
        self._begun = True
        os.write(self._go, b"g")
        answer = os.read(self._error, 4)
        if answer:
            raise KernelError(f"run {self._name!r}", int.from_bytes(answer, byteorder))

    def status(self) -> int:
        """Its exit status, once `fd` is readable: 128 and the signal's number if one ended it."""
        if self._status is None:
            _, status = os.waitpid(self.pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else 128 - code
        return self._status

    def close(self, *, end: bool = True) -> None:
        """Lets go of it. What has not begun never will; `end`: what still runs gets SIGTERM."""
        os.close(self._go)
        os.close(self._error)
        if not self._begun:
            self.status()
        elif self._status is None and os.waitpid(self.pid, os.WNOHANG)[0] == 0 and end:
            os.kill(self.pid, _signal.SIGTERM)
        os.close(self.fd)


def executable(name: str) -> str:
    """The path of the program that `name` means. Raises ProbeeError where there is none."""
    if "/" in name:
        return name
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(folder or ".", name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise ProbeeError(f"there is no command {name!r}", hint="it is looked for in PATH")


def _become(
    wait: int, failed: int, path: str, arguments: list[str], environment: dict[str, str]
) -> Never:
    """The child: never returns."""
    number = ENOENT
    try:
        _signal.set_wakeup_fd(-1)
        for signal in (_signal.SIGINT, _signal.SIGTERM):
            if _signal.getsignal(signal) != _signal.SIG_IGN:
                _signal.signal(signal, _signal.SIG_DFL)
        for signal in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them
            _signal.signal(signal, _signal.SIG_DFL)
        if os.read(wait, 1):
            os.execve(path, arguments, environment)  # noqa: S606 - the user's own command
    except OSError as error:
        number = error.errno or ENOENT
        os.write(failed, number.to_bytes(4, byteorder))
    finally:
        os._exit(_NOT_RUN)
