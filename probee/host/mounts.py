"""Where a file of another mount namespace is found in this one.

In: /proc/self/mountinfo. Out: paths, of files that are known by their file system and their path in
that alone. What is mounted only elsewhere has none.
"""

from __future__ import annotations

import os
from select import POLLERR, POLLPRI, poll

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PATH = "/proc/self/mountinfo"
TOP = -1  # what the namespace's own root stands on


class Mount(Frozen):
    """A line of mountinfo: `root` of the file system `device` (MAJOR:MINOR) is seen at `point`."""

    id: int
    parent: int
    device: bytes
    root: bytes
    point: bytes


class Mounts:
    """The mounts of this process's namespace, read anew when they have changed."""

    __slots__ = ("_children", "_fd", "_mounts", "_poll")

    def __init__(self, path: str = PATH) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = poll()
        self._poll.register(self._fd, POLLERR | POLLPRI)
        self._read()

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # not if it could not be opened
            os.close(self._fd)

    def find(self, device: int, path: bytes) -> bytes | None:
        """The path here of what is `path` in the file system `device` (major << 20 | minor)."""
        if self._poll.poll(0):
            self._read()
        wanted = b"%d:%d" % (device >> 20, device & 0xFFFFF)
        for mount in self._mounts.get(wanted, ()):
            inside = _below(path, mount.root)
            if inside is not None:
                found = (mount.point.rstrip(b"/") + inside).rstrip(b"/") or b"/"
                if self._mount_of(found) == mount.id:
                    return found
        return None

    def _mount_of(self, path: bytes) -> int:
        """The mount that a path leads into: from the top, through each mount that stands on it."""
        at = TOP
        while True:
            on_way = [m for m in self._children.get(at, ()) if _below(path, m.point) is not None]
            if not on_way:
                return at
            at = min(on_way, key=_point_length).id

    def _read(self) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)
        text = b""
        while more := os.read(self._fd, 1 << 16):
            text += more
        found = sorted(mounts_of(text.splitlines()), key=_root_length)
        known = {mount.id for mount in found}
        self._mounts: dict[bytes, list[Mount]] = {}
        self._children: dict[int, list[Mount]] = {}
        for mount in found:
            self._mounts.setdefault(mount.device, []).append(mount)
            above = mount.parent if mount.parent in known - {mount.id} else TOP
            self._children.setdefault(above, []).append(mount)


def mounts_of(lines: Iterable[bytes]) -> list[Mount]:
    """The lines of mountinfo (proc_pid_mountinfo(5)), which has spaces escaped."""
    mounts = []
    for line in lines:
        number, parent, device, root, point = line.split(b" ", 5)[:5]
        mounts.append(Mount(int(number), int(parent), device, _plain(root), _plain(point)))
    return mounts


def _plain(name: bytes) -> bytes:
    for char in b" \t\n\\":
        name = name.replace(b"\\%03o" % char, bytes([char]))
    return name


def _below(path: bytes, folder: bytes) -> bytes | None:
    """What of `path` is behind `folder`, with its slash; None where it is not below it."""
    folder = folder.rstrip(b"/")
    if path.startswith(folder + b"/"):
        return path[len(folder) :]
    return b"" if path == folder else None


def _root_length(mount: Mount) -> int:
    return len(mount.root)


def _point_length(mount: Mount) -> int:
    return len(mount.point)


def first_of_type(kind: str) -> str | None:
    """Where the first file system of this type is mounted, None where none is."""
    with open(PATH, "rb") as file:
        for line in file:
            fields = line.split(b" ")
            if fields[fields.index(b"-", 6) + 1] == kind.encode():
                return os.fsdecode(_plain(fields[4]))
    return None
