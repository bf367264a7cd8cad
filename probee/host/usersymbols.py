"""Addresses of processes by name: the function, or the file and the place in it.

In: process ids and addresses. Out: `StackFrame` rows. What a process has mapped is read when it is
first seen, and again when it runs another program or an address is not known; a process that is
gone by then keeps its bare addresses. What tells of a process is kept open: a tool that shows opens
would show each look at it, look again for that row, and never rest. Files are opened by
/proc/PID/map_files, which is the file that is mapped, whatever stands under its name, in any root
directory.

Code without a file is looked up in /tmp/perf-PID.map of the process's own root, which just-in-time
compilers write for perf (tools/perf/Documentation/jit-interface.txt), Python's -X perf among them.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from stat import S_ISREG

from probee.frozen import Frozen
from probee.host.elfsymbols import ElfSymbols, available
from probee.host.procmaps import Mappings, ProcFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROCESSES, _FILES, _ADDRESSES = 1024, 256, 16_384  # how much is remembered before it starts afresh
_WATCHED = 128  # processes of which files are kept open, two of each
_LARGEST_MAP = 1 << 26  # bytes of a perf-PID.map

_MEMORY = ("/dev/zero", "/memfd:", "/SYSV")  # what has a name and is no file of code


class StackFrame(Frozen):
    """`offset` bytes into function `symbol`, or into `file` where that is b"". Bytes as found.

    Of the kernel `file` is `[module]`, or `[kernel]`.
    """

    address: int
    symbol: bytes = b""
    offset: int = 0
    file: bytes = b""


class UserSymbols:
    """Names for addresses of any number of processes. `named`: functions can be named at all."""

    def __init__(self) -> None:
        self.named = available()
        self._processes: dict[int, _Process] = {}
        self._watched: list[_Process] = []
        self._files: dict[tuple[int, ...], ElfSymbols] = {}

    def frames(self, pid: int, addresses: tuple[int, ...]) -> list[StackFrame]:
        """A frame for each address of process `pid`."""
        process = self._process(pid)
        if process is None:
            return [StackFrame(address) for address in addresses]
        return [self._frame(process, address) for address in addresses]

    def _process(self, pid: int) -> _Process | None:
        """The process as it was when last seen; None for one that was gone at the first sight."""
        known = self._processes.get(pid)
        looked = known or _Process(pid)
        identity = looked.look()
        if identity is None or (known is not None and known.identity == identity):
            return known
        if known is not None:  # another one by now
            self._forget(known)
            looked = _Process(pid)
        if len(self._processes) >= _PROCESSES:
            self._processes.clear()
            for process in self._watched:
                process.close()
            self._watched.clear()
        if len(self._watched) >= _WATCHED:
            self._watched.pop(0).close()
        looked.begin()
        self._watched.append(looked)
        self._processes[pid] = looked
        return looked

    def _forget(self, process: _Process) -> None:
        process.close()
        if process in self._watched:
            self._watched.remove(process)

    def _frame(self, process: _Process, address: int) -> StackFrame:
        known = process.frames.get(address)
        if known is not None:
            return known
        row = process.row(address)
        if row is None:
            return StackFrame(address)
        start, end, offset, path = row
        if not path.startswith("/") or path.startswith(_MEMORY):
            compiled = process.compiled(address)
            if compiled is not None:
                return compiled
        if not path.startswith("/"):
            return StackFrame(address, b"", address - start, os.fsencode(path))
        place = address - start + offset
        symbols = self._symbols(process.pid, start, end, path) if self.named else None
        found = symbols.find(place) if symbols is not None else None
        name, into = found or (b"", place)
        frame = StackFrame(address, name, into, os.fsencode(path))
        if len(process.frames) >= _ADDRESSES:
            process.frames.clear()
        process.frames[address] = frame
        return frame

    def _symbols(self, pid: int, start: int, end: int, path: str) -> ElfSymbols | None:
        for name in (f"/proc/{pid}/map_files/{start:x}-{end:x}", f"/proc/{pid}/root{path}"):
            try:
                fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            except OSError:  # gone, or not ours to see
                continue
            with open(fd, "rb") as file:
                status = os.fstat(fd)
                key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
                if key not in self._files and S_ISREG(status.st_mode):
                    if len(self._files) >= _FILES:
                        self._files.clear()
                    self._files[key] = ElfSymbols(file, path)
            return self._files.get(key)
        return None


class _Process:
    """What one process has mapped. `identity` changes when it runs another program."""

    __slots__ = ("_jit", "_jit_key", "_maps", "_maps_file", "_own_pid", "_stat", "frames",
                 "identity", "pid")  # fmt: skip

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.identity: tuple[bytes, bytes] | None = None
        self.frames: dict[int, StackFrame] = {}
        self._stat, self._maps_file = ProcFile(pid, "stat"), ProcFile(pid, "maps")
        self._maps = Mappings(pid, "")
        self._jit: tuple[list[int], list[tuple[int, bytes]]] = ([], [])
        self._jit_key: tuple[int, ...] = ()
        self._own_pid = 0

    def begin(self) -> None:
        """Learns which one it is, and what it has mapped."""
        self.identity = self.look()
        self._read_maps()

    def close(self) -> None:
        """Keeps what is known of it, and no file open."""
        self._stat.close()
        self._maps_file.close()

    def look(self) -> tuple[bytes, bytes] | None:
        """Which one has the number now: when it started, and where its program's code stands.

        proc_pid_stat(5), fields 22 and 26. None where none has it.
        """
        for _ in range(2):  # a file that was open may be that of one before
            try:
                fields = self._stat.read().rpartition(b")")[2].split()
            except FileNotFoundError:
                return None
            except OSError:  # ESRCH: gone between
                continue
            return (fields[19], fields[23]) if len(fields) > 23 else None
        return None

    def _read_maps(self) -> None:
        try:
            text = self._maps_file.read().decode("utf-8", "surrogateescape")
        except OSError:  # it is gone, or somebody else's, and this process may not look
            text = ""
        self._maps = Mappings(self.pid, text)

    def row(self, address: int) -> tuple[int, int, int, str] | None:
        """(start, end, offset in the file, path) of the mapping at `address`."""
        row = self._maps.row(address)
        if row is None and self.look() == self.identity:  # mapped meanwhile
            self._read_maps()
            row = self._maps.row(address)
        return row

    def compiled(self, address: int) -> StackFrame | None:
        """The function compiled just in time at `address`; its file is read again if it grew."""
        self._own_pid = self._own_pid or _own_pid(self.pid)
        status = _map_file(self.pid, self._own_pid)
        if status is not None and status[1] != self._jit_key:
            path, self._jit_key = status
            self._jit = _read_map(path)
        starts, rows = self._jit
        at = bisect_right(starts, address) - 1
        if at < 0 or address >= rows[at][0]:
            return None
        return StackFrame(address, rows[at][1], address - starts[at])


def _map_file(pid: int, own: int) -> tuple[str, tuple[int, ...]] | None:
    """perf-PID.map of the process's root, and what changes when it does. Only its own user's."""
    path = f"/proc/{pid}/root/tmp/perf-{own}.map"
    try:
        status = os.lstat(path)
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
    good = S_ISREG(status.st_mode) and status.st_uid in (0, owner) and status.st_size < _LARGEST_MAP
    key = (status.st_ino, status.st_size, status.st_mtime_ns)
    return (path, key) if good else None


def _own_pid(pid: int) -> int:
    """The number by which the process knows itself, in its own pid namespace."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            for line in file.read().splitlines():
                if line.startswith(b"NSpid:"):
                    return int(line.split()[-1])
    except OSError:
        pass
    return pid


def _read_map(path: str) -> tuple[list[int], list[tuple[int, bytes]]]:
    """Starts, and (end, name) of each: lines of `START SIZE name`, numbers in hexadecimal."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            lines = file.read(_LARGEST_MAP).splitlines()
    except OSError:
        return [], []
    found: dict[int, tuple[int, bytes]] = {}
    for line in lines:
        parts: list[Any] = line.split(b" ", 2)
        try:
            start, size = int(parts[0], 16), int(parts[1], 16)
            found[start] = (start + size, parts[2])  # the last line for an address holds
        except (ValueError, IndexError):  # half a line, as it is being written
            continue
    starts = sorted(found)
    return starts, [found[start] for start in starts]
