"""What a process has mapped as code: an address in, the file and the place in it out.

/proc/PID/maps is read once, when it is asked for; a process that is gone has no mappings.
`ProcFile` is for who looks often: such a file is then opened once.
"""

from __future__ import annotations

from bisect import bisect_right

from probee.errors import KernelError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import FileIO

_ENOENT, _ESRCH = 2, 3


class ProcFile:
    """A file below /proc/PID that stays open, and tells of now each time that it is read.

    Opening it for each look would be seen by a tool that shows opens, which would make it look
    again. Once closed, it is opened anew for the next look, and may be another process's.
    """

    __slots__ = ("_file", "_path")

    def __init__(self, pid: int, name: str) -> None:
        self._path = f"/proc/{pid}/{name}"
        self._file: FileIO | None = None

    def read(self) -> bytes:
        """What it says now. Raises OSError where the process is gone, or may not be looked at."""
        if self._file is None:
            self._file = open(self._path, "rb", buffering=0)
        try:
            self._file.seek(0)
            return self._file.readall()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Gives the descriptor back; harmless twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.close()


class Place(Frozen):
    """`offset` bytes into file `path`, or into a mapping without a file, as "[vdso]"."""

    path: str
    offset: int


class Mappings:
    """The executable mappings of process `pid` now, or those of `text`, as /proc has it."""

    __slots__ = ("_rows", "_starts")

    def __init__(self, pid: int, text: str | None = None) -> None:
        self._rows = sorted(parse(_read(pid) if text is None else text))
        self._starts = [row[0] for row in self._rows]

    def find(self, address: int) -> Place | None:
        """The file that is mapped at `address`, or None."""
        row = self.row(address)
        return Place(row[3], address - row[0] + row[2]) if row is not None else None

    def row(self, address: int) -> tuple[int, int, int, str] | None:
        """The mapping at `address`: (start, end, offset in the file, path)."""
        at = bisect_right(self._starts, address) - 1
        return self._rows[at] if at >= 0 and address < self._rows[at][1] else None


def parse(text: str) -> list[tuple[int, int, int, str]]:
    """(start, end, offset in the file, path) of each executable line (proc_pid_maps(5))."""
    rows = []
    for line in text.split("\n"):  # no other end of line: names may hold those of Unicode
        parts = line.split(None, 5)
        if len(parts) < 5 or "x" not in parts[1]:
            continue
        start, _, end = parts[0].partition("-")
        path = parts[5] if len(parts) > 5 else ""
        # without a file the offset means nothing
        offset = int(parts[2], 16) if path.startswith("/") else 0
        rows.append((int(start, 16), int(end, 16), offset, path))
    return rows


def _read(pid: int) -> str:
    path = f"/proc/{pid}/maps"
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        if error.errno in {_ENOENT, _ESRCH}:
            return ""
        raise KernelError(f"reading {path}", error.errno or 0) from None
