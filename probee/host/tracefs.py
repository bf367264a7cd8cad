"""The tracing file system, mounted or not: names of tracepoints in, numbers and formats out.

It is used where it is mounted, /sys/kernel/tracing or /sys/kernel/debug/tracing. Where it is not,
and the process may, an instance is mounted that no path leads to: nobody else sees it, and it is
gone when its descriptor closes. Files are opened relative to that descriptor in every case.
"""

from __future__ import annotations

import os

from probee.errors import FormatError, KernelError, RelocationError
from probee.host.formats import parse
from probee.host.syscall import open_filesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from probee.spec.target import TracepointFormat

_PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_EACCES = 13
_O_PATH = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
_LARGEST = 1 << 20  # bytes of a format file: the longest of Linux 6.18 has 8,000


class Tracefs:
    """An open tracefs. `path` is where it is mounted, or "". Close it, or use it in a `with`.

    Formats that were read are remembered: they cannot change while a tracepoint exists.
    """

    __slots__ = ("_fd", "_formats", "path")

    def __init__(self) -> None:
        self._formats: dict[tuple[str, str], tuple[int, TracepointFormat]] = {}
        self._fd, self.path = _open()

    def close(self) -> None:
        """Closes the descriptor, and with it a mount that is only its own. May be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """The descriptor of its root, for paths relative to it; good until `close()`."""
        return self._fd

    def tracepoint_id(self, category: str, name: str) -> int:
        """The number that perf_event_open() takes. RelocationError where there is none such."""
        return self._demand(category, name)[0]

    def demand(self, category: str, name: str) -> TracepointFormat:
        """The record of tracepoint `category:name`. RelocationError where there is none such."""
        return self._demand(category, name)[1]

    def format(self, category: str, name: str) -> TracepointFormat | None:
        """The record of tracepoint `category:name`, or None where the kernel has no such one."""
        found = self._read(category, name)
        return None if found is None else found[1]

    def events(self, category: str = "") -> list[str]:
        """The categories, or the tracepoints of one, in alphabetical order."""
        path = f"events/{_part(category)}" if category else "events"
        try:
            fd = os.open(path, _READ | os.O_DIRECTORY, dir_fd=self._fd)
            try:
                with os.scandir(fd) as entries:
                    return sorted(entry.name for entry in entries if entry.is_dir())
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _failed(error, category) from error

    def trace_pipe(self) -> int:
        """A descriptor that gives what programs print; it does not block, and is the caller's."""
        try:
            return os.open("trace_pipe", _READ | os.O_NONBLOCK, dir_fd=self._fd)
        except OSError as error:
            raise _failed(error, "trace_pipe") from error

    def _demand(self, category: str, name: str) -> tuple[int, TracepointFormat]:
        found = self._read(category, name)
        if found is None:
            raise RelocationError(
                f"this kernel has no tracepoint {category}:{name}",
                hint=self._suggest(category, name),
            )
        return found

    def _read(self, category: str, name: str) -> tuple[int, TracepointFormat] | None:
        key = (category, name)
        if key not in self._formats:
            text = self._text(category, name)
            if text is None:
                return None
            self._formats[key] = parse(text, category, name)
        return self._formats[key]

    def _text(self, category: str, name: str) -> str | None:
        path = f"events/{_part(category)}/{_part(name)}/format"
        try:
            fd = os.open(path, _READ, dir_fd=self._fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _failed(error, f"{category}:{name}") from error
        try:
            data = b""
            while (more := os.read(fd, 16384)) and len(data) < _LARGEST:
                data += more
        except OSError as error:
            raise _failed(error, f"{category}:{name}") from error
        finally:
            os.close(fd)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"the format of tracepoint {category}:{name} is not text") from error

    def _suggest(self, category: str, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, self.events(category), 3, 0.7)
        if near:
            return f"did you mean {' or '.join(f'{category}:{one}' for one in near)}?"
        elsewhere = [one for one in self.events() if name in self.events(one)]
        if elsewhere:
            return f"did you mean {' or '.join(f'{one}:{name}' for one in elsewhere)}?"
        return "the names are the folders below events/ in tracefs; perf list tracepoint shows them"


def _part(name: str) -> str:
    """A name that leads nowhere else: RelocationError for one with a slash, dots, or no ASCII."""
    plain = name.isascii() and name.isprintable() and "/" not in name
    if not plain or name in {"", ".", ".."}:
        raise RelocationError(f"{name!r} is no name of a tracepoint or of a group of them")
    return name


def _open() -> tuple[int, str]:
    """A descriptor of tracefs' root, and its path or ""."""
    refused: OSError | None = None
    for path in _PLACES:
        try:
            # The root is there, empty, on any kernel; `events` only where something is mounted.
            os.close(os.open(f"{path}/events", _O_PATH))
            return os.open(path, _O_PATH), path
        except OSError as error:
            refused = error if error.errno == _EACCES else refused
    fd = open_filesystem("tracefs")
    if fd >= 0:
        return fd, ""
    if refused is not None:
        raise _failed(refused, "") from refused
    from probee.host.causes import explain

    raise explain("mount tracefs", -fd)


def _failed(error: OSError, subject: str) -> KernelError:
    from probee.host.causes import explain

    return explain("open tracefs", error.errno or 0, subject)
