"""Who keeps programs in the kernel: /proc in, rows out, in one pass over it.

A program lives as long as something refers to it: a descriptor of it or of a link to it, a perf
event that calls it, a pin, a map of programs, an interface or a cgroup. Here are the first three;
what has no process behind it is told by pins and attachments.
"""

from __future__ import annotations

import os
from time import monotonic

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.host.queries import Traced

# what the link of a descriptor says: the kind, and the line of its fdinfo that has the program's id
_PROGRAM = b"prog_id:\t"
_KINDS = {
    "anon_inode:bpf-prog": "program",
    "anon_inode:bpf_link": "link",
    "anon_inode:bpf-link": "link",  # where links' files can be polled (Linux 6.10)
    "anon_inode:[perf_event]": "perf event",
}


class Holder(Frozen):
    """A process that holds a program by a descriptor. `by`: `program`, `link`, `perf event`."""

    pid: int
    comm: str
    by: str


class Holders:
    """Processes that hold programs, looked at all at once or piece by piece.

    `by_id`: holders by the program's id, as far as was looked; `events`: what perf events say of
    their programs, by the program's id. Processes that may not be looked at,
    or end meanwhile, hold nothing. This process itself is left out.
    """

    __slots__ = ("_found", "_pids", "by_id", "events", "refused")

    def __init__(self) -> None:
        self.by_id: dict[int, tuple[Holder, ...]] = {}
        self.refused = False
        self.events: dict[int, Traced] = {}
        self._found: dict[int, tuple[str, dict[int, list[str]]]] = {}  # pid: comm, program: how
        self._pids: list[int] = []

    def look(self, seconds: float | None = None) -> None:
        """Looks at all processes, or goes on for `seconds` from where it was last time."""
        end = None if seconds is None else monotonic() + seconds
        if not self._pids:
            self._pids = self._all()
        while self._pids:
            pid = self._pids.pop()
            held = self._of(pid)
            if held:
                self._found[pid] = _comm(pid), held
            else:
                self._found.pop(pid, None)
            if end is not None and monotonic() >= end:
                break
        self._sort()

    def _all(self) -> list[int]:
        own = os.getpid()
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {own}
        for pid in self._found.keys() - pids:
            del self._found[pid]
        return sorted(pids, reverse=True)

    def _of(self, pid: int) -> dict[int, list[str]]:
        held: dict[int, list[str]] = {}
        for fd, kind in self._descriptors(pid):
            id = self._event(pid, fd) if kind == "perf event" else _id(pid, fd)
            if id and kind not in held.setdefault(id, []):
                held[id].append(kind)
        return held

    def _event(self, pid: int, fd: str) -> int:
        """The program that a perf event calls; 0 for none, or where the kernel does not say."""
        from probee.host.queries import FdQuery, Traced

        found = FdQuery()(pid, int(fd))
        if not isinstance(found, Traced):
            return 0
        self.events[found.program] = found
        return found.program

    def _descriptors(self, pid: int) -> Iterator[tuple[str, str]]:
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except PermissionError:
            self.refused = True
            return
        except OSError:
            return
        readlink, kinds = os.readlink, _KINDS
        for name in names:
            try:
                kind = kinds.get(readlink(f"{folder}/{name}"))
            except PermissionError:  # root without CAP_SYS_PTRACE may list, and no more
                self.refused = True
                return
            except OSError:
                continue
            if kind is not None:
                yield name, kind

    def _sort(self) -> None:
        rows: dict[int, list[Holder]] = {}
        for pid in sorted(self._found):
            comm, held = self._found[pid]
            for id, how in held.items():
                rows.setdefault(id, []).extend(Holder(pid, comm, by) for by in how)
        self.by_id = {id: tuple(found) for id, found in rows.items()}


def _id(pid: int, fd: str) -> int:
    try:
        file = os.open(f"/proc/{pid}/fdinfo/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = os.read(file, 4096)
    except OSError:
        return 0
    finally:
        os.close(file)
    number = text.partition(_PROGRAM)[2].partition(b"\n")[0]
    return int(number) if number.isdigit() else 0


def _comm(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb", buffering=0) as file:
            return file.read(64).decode("utf-8", "surrogateescape").removesuffix("\n")
    except OSError:
        return "?"
