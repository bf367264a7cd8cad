"""A Session of lists in place of the kernel: what is asked of it is noted in `log`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from probee import Chars, RingBuf, Struct, chars, s32, u32
from probee.frame.columns import Column, Keep
from probee.frame.options import Option
from probee.frame.tool import Plan, Tool
from probee.runtime.losses import Loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probee.errors import ProbeeError

Row = tuple[int, int, bytes]


class Event(Struct):
    pid: u32
    ret: s32
    path: Chars = chars(32)


ring = RingBuf(Event, size="4K")


def row(number: int, path: bytes = b"/etc/hostname") -> Row:
    return number, 0, path.ljust(32, b"\0")


class FakeRing:
    """Gives the batches of `drains`, one list of batches at each drain, and then calls `idle`."""

    def __init__(self, drains: list[list[list[Row]]], idle: Callable[[], None]) -> None:
        self.drains, self.idle = drains, idle

    def wait(self, timeout: float | None = None, stop: int | None = None) -> bool:
        import select

        if self.drains:
            return True
        self.idle()
        if self.drains:
            return True
        poller = select.poll()
        assert stop is not None
        poller.register(stop, select.POLLIN)
        if not poller.poll(5000 if timeout is None else timeout * 1000) and timeout is None:
            raise AssertionError("nothing ended the wait")
        return False

    def batches(self) -> Iterator[list[Row]]:
        yield from self.drains.pop(0) if self.drains else []


class FakeSession:
    """Stands in for probee.runtime.session.Session."""

    log: list[str]
    drains: list[list[list[Row]]]
    late: list[list[Row]]
    lost: list[Loss]
    error: ProbeeError | Exception | None
    idle: Callable[[], None]
    loading: Callable[[], None]

    def __init__(
        self,
        *programs: object,
        consts: object = None,
        map_sizes: object = None,
        reuse: object = None,
        world: object = None,
    ) -> None:
        self.log.append(f"session {map_sizes}")
        self.ring = FakeRing(self.drains, type(self).idle)
        self.maps: dict[object, dict[Any, Any]] = {}

    def load(self, _kernel: object = None) -> None:
        self.log.append("load")
        type(self).loading()
        if self.error is not None:
            raise self.error

    def attach(self, _kernel: object = None) -> None:
        self.log.append("attach")

    def detach(self) -> None:
        self.log.append("detach")
        if self.late:
            self.ring.drains.append(self.late)

    def close(self) -> None:
        self.log.append("close")

    def __getitem__(self, declaration: object) -> Any:
        if declaration is ring:
            return self.ring
        return self.maps.setdefault(declaration, {})

    def losses(self) -> list[Loss]:
        return self.lost


def odd(pid: int) -> bool:
    return pid % 2 == 1


def tool() -> Tool:
    return Tool(
        name="faketool",
        summary="Tests.",
        plan=lambda v: Plan((), ring, {}, {}, keep=(Keep("pid", odd),) if v.odd else ()),
        columns=lambda _: (
            Column("pid", "PID", "pid", 7),
            Column("path", "PATH", "path", memo=False),
        ),
        options=(Option("pid", "p", "PID", "pid"), Option("odd", help="odd ones")),
    )


def kill(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)
