"""Attaching loaded programs to their hooks, and detaching them quickly.

In: what was loaded, with the hooks in each ProgramSpec. Out: `Links`; a hook fires from when its
link is made until its link is closed.

    tracepoint   a perf event on the tracepoint, and a link to it (BPF_LINK_CREATE, Linux 5.15);
                 where the kernel has no such links, the program goes to the event by ioctl
    raw_tp       BPF_RAW_TRACEPOINT_OPEN by name; tp_btf the same without, its load said which

Closing. Two things wait for the kernel's grace periods, 30 to 40 ms each on an idle machine: taking
the program off its event, and the end of the last event of a tracepoint. The second runs under one
lock for the whole kernel, so threads do not help. Five links closed in turn took 330 ms on Linux
6.18, in five threads 220. Therefore each event is also held by a map (a perf event array, the
"anchor"): when the map goes, the kernel ends its events by itself, in the background. What is left,
taking programs off, is done for all links at once by one thread each: 45 ms, one grace period. By
ioctl there is no link whose closing could take the program off before the event ends, so there the
anchor holds a second event on the tracepoint, and the first is not the last.

That wait is some kernels' only: Linux 5.10 takes a program off while another CPU still runs it, and
one that has reserved a record then would hold back the records behind it for good. So at the end
one more grace period is waited for, whatever the kernel did.

The anchor's descriptor is made before the links', because a process that is killed closes its
descriptors from the highest number down: so SIGKILL takes 150 ms for five links instead of 350.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from sys import byteorder, is_finalizing
from time import sleep

from probee.errors import KernelError, NotSupportedError, RelocationError
from probee.host import bpf, perf
from probee.host.facts import RunningKernel
from probee.host.memlock import with_memlock
from probee.host.syscall import wait_for_grace_period
from probee.runtime.descriptors import Descriptors
from probee.uapi.bpf import BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_PERF_EVENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Iterator, Sequence
    from typing import Self

    from probee.runtime.loader import Loaded
    from probee.runtime.programs import Program
    from probee.spec.programs import Attach

_ENOENT = 2
_EINVAL = 22
_LONGEST_RUN = 0.01  # s; programs take microseconds, but an interrupt may hold one up
_EVENTS = 64  # that the anchor has room for; hooks beyond that close more slowly


class Link:
    """A program on a hook. `kind`: `link`, `raw`, or `ioctl` where the kernel has no perf links."""

    __slots__ = ("_fd", "_owner", "hook", "kind", "program")

    def __init__(
        self, program: Program, hook: Attach, kind: str, fd: int, owner: Descriptors
    ) -> None:
        self.program, self.hook, self.kind = program, hook, kind
        self._fd, self._owner = fd, owner

    @property
    def fd(self) -> int:
        """The descriptor of the link, or of the perf event."""
        return self._owner.demand(self._fd)

    def close(self) -> None:
        """Detaches the program, waiting for a grace period; for many there is `Links.close`."""
        self._owner.close(self._fd)

    def take(self) -> tuple[int, ...]:
        """The descriptor for the caller to close, or nothing if it was closed."""
        return (self._fd,) if self._owner.give_up(self._fd) else ()

    def __repr__(self) -> str:
        return f"<Link {self.program.name} on {self.hook.kind} {self.hook.target}>"


class Links:
    """The links of one collection, in the order in which they were made. Close it once, or more."""

    __slots__ = ("_anchor", "_links", "_no_links", "_owner")

    def __init__(self) -> None:
        self._owner = Descriptors()
        self._links: list[Link] = []
        self._anchor: _Anchor | None = None
        self._no_links = False

    def attach(self, program: Program, hook: Attach, kernel: RunningKernel) -> Link:
        """Attaches one program to one hook."""
        match hook.kind:
            case "tracepoint":
                link = self._tracepoint(program, hook, kernel)
            case "raw_tp":
                link = Link(program, hook, "raw", self._raw(program, hook.target), self._owner)
            case "tp_btf":
                link = Link(program, hook, "raw", self._raw(program, ""), self._owner)
            case kind:
                raise NotSupportedError(f"attaching {program.name} to a {kind} hook")
        self._links.append(link)
        return link

    def _raw(self, program: Program, name: str) -> int:
        try:
            return self._owner.own(bpf.raw_tracepoint_open(program.fd, name))
        except KernelError as error:
            if error.errno != _ENOENT:
                raise
            raise RelocationError(
                f"this kernel has no raw tracepoint {name}",
                hint="the name is that of the event, without its category: sched_switch, sys_enter",
            ) from error

    def _tracepoint(self, program: Program, hook: Attach, kernel: RunningKernel) -> Link:
        category, _, name = hook.target.partition(":")
        id = kernel.tracefs.tracepoint_id(category, name)
        if self._anchor is None:
            self._anchor = _Anchor(self._owner)
        event = self._owner.own(perf.open_tracepoint(id, hook.target))
        if not self._no_links:
            try:
                fd = self._owner.own(bpf.link_create(program.fd, event, BPF_PERF_EVENT))
            except KernelError as error:
                if error.errno != _EINVAL:
                    raise
                self._no_links = True
            else:
                self._anchor.hold(event)
                self._owner.close(event)
                return Link(program, hook, "link", fd, self._owner)
        perf.attach_program(event, program.fd, hook.target)
        second = self._owner.own(perf.open_tracepoint(id, hook.target))
        self._anchor.hold(second)
        self._owner.close(second)
        return Link(program, hook, "ioctl", event, self._owner)

    def close(self) -> None:
        """Detaches everything, and returns when no program is running or can be hit any more."""
        attached = bool(len(self._owner))
        try:
            slow = [fd for link in self._links if link.kind != "raw" for fd in link.take()]
            close_together(slow)
        finally:
            self._owner.close_all()
        if attached and wait_for_grace_period() < 0:
            sleep(_LONGEST_RUN)

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Anchor:
    """Perf events held by a map, so that the kernel ends them in the background.

    It saves time and nothing else, so a kernel that does not take these events (before 4.14 or so)
    goes without.
    """

    __slots__ = ("_fd", "_held", "_owner")

    def __init__(self, owner: Descriptors) -> None:
        self._owner, self._held = owner, 0
        kind = BPF_MAP_TYPE_PERF_EVENT_ARRAY
        self._fd = owner.own(
            with_memlock(lambda: bpf.map_create(kind, 4, 4, _EVENTS, name="probee_anchor"))
        )

    def hold(self, event: int) -> None:
        """Keeps the event until the map goes."""
        if self._held == _EVENTS:
            return
        key, value = (number.to_bytes(4, byteorder) for number in (self._held, event))
        try:
            bpf.map_update(self._fd, key, value)
        except KernelError as error:
            if error.errno != _EINVAL:
                raise
        self._held += 1


def attach(loaded: Loaded, kernel: RunningKernel | None = None) -> Links:
    """Attaches every program of the collection to all its hooks; all or none.

    `kernel`: whose tracefs is used; without it one is opened for the call. Raises RelocationError
    for a hook that this kernel has not, KernelError, NotSupportedError.
    """
    if kernel is None:
        with RunningKernel() as opened:
            return attach(loaded, opened)
    links = Links()
    try:
        for program in loaded.programs.values():
            for hook in program.spec.attach:
                links.attach(program, hook, kernel)
    except BaseException:
        links.close()
        raise
    return links


def close_together(fds: Sequence[int]) -> None:
    """Closes descriptors whose closing waits, all at the same time; returns when all are closed."""
    failed: list[OSError] = []

    def close(fd: int, done: LockType | None) -> None:
        try:
            os.close(fd)
        except OSError as error:
            failed.append(error)
        finally:
            if done is not None:
                done.release()

    waiting = []
    # A thread that begins when the interpreter is ending never runs, and never releases its lock.
    together = [] if is_finalizing() else fds[1:]
    for fd in fds[1 + len(together) :]:
        close(fd, None)
    for fd in together:
        done = allocate_lock()
        done.acquire()
        try:
            start_new_thread(close, (fd, done))
        except RuntimeError:  # no more threads, or the interpreter is ending: in turn, then
            close(fd, None)
        else:
            waiting.append(done)
    for fd in fds[:1]:
        close(fd, None)
    for done in waiting:
        done.acquire()
    if failed:
        raise KernelError("close", failed[0].errno or 0, cause="a link was closed by somebody else")
