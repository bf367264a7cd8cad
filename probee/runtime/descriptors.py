"""Descriptors that one process owns: each is closed exactly once, and no child keeps one.

In: descriptors just made. Out: the same numbers, until they are closed. A process that is forked
from Python closes its copies at once: otherwise programs would stay attached for as long as any
child lives, and a child could close a number that by then is somebody else's. (Programs that are
executed never get a copy: every descriptor closes on exec.)
"""

from __future__ import annotations

import os
from _weakref import ref

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class Descriptors:
    """A set of open descriptors and the process that they belong to."""

    __slots__ = ("__weakref__", "_open", "_pid")

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._pid = os.getpid()
        _close_in_children(self)

    def own(self, fd: int) -> int:
        """Takes over `fd`, and gives it back for use."""
        self._open.add(fd)
        return fd

    def demand(self, fd: int) -> int:
        """`fd`, if it is still open in this process. UsageError if not."""
        if fd not in self._open:
            if self._pid != os.getpid():
                raise UsageError(
                    f"this belongs to process {self._pid}, and this is {os.getpid()}",
                    hint="load programs in the process that uses them, after it was forked",
                )
            raise UsageError("this was closed already")
        return fd

    def give_up(self, fd: int) -> bool:
        """Whether the caller now has to close `fd`: true once for each."""
        if fd not in self._open:
            return False
        self._open.discard(fd)
        return True

    def close(self, fd: int) -> None:
        """Closes `fd` unless that was done."""
        if self.give_up(fd):
            os.close(fd)

    def close_all(self) -> None:
        """Closes what is open still."""
        while self._open:
            os.close(self._open.pop())

    def __del__(self) -> None:
        """Nobody can close them any more: an interrupt came before their owner was kept."""
        if hasattr(self, "_open"):
            self.close_all()

    def __len__(self) -> int:
        return len(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """For a `with` around making things: all is closed if it fails, and kept if not."""
        if kind is not None:
            self.close_all()


def _close_in_children(owner: Descriptors) -> None:
    """Hooks cannot be taken back, so this one holds no more than a weak reference."""
    weak = ref(owner)

    def after_fork() -> None:
        known = weak()
        if known is not None:
            known.close_all()

    os.register_at_fork(after_in_child=after_fork)
