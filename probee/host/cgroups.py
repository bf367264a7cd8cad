"""The tree of cgroups (version 2): paths in, ids and levels out, and the way back.

A cgroup's id, which programs see, is the inode number of its folder. Its level is how far below the
root it lies, 0 for the root itself; a program asks for a task's ancestor at a level.

The tree is used where it is mounted, wherever that is. Where it is not, and the process may, it is
mounted where no path leads to it, and gone when its descriptor closes.

Paths are those below the root of the tree as this process sees it, `/` first: what
`/proc/PID/cgroup` shows behind `0::`. In a cgroup namespace the root is that of the namespace, and
how far it lies below the real one cannot be told: `base` is None.
"""

from __future__ import annotations

import os
from errno import ENODEV, ENOENT, EPERM

from probee.errors import KernelError, NotSupportedError, ProbeeError
from probee.host.syscall import open_by_id, open_filesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

FIRST_CGROUP_NAMESPACE = 0xEFFF_FFFB  # PROC_CGROUP_INIT_INO, include/linux/proc_ns.h
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DEEPEST = 256  # levels that a walk goes down


class CgroupTree:
    """An open cgroup2 file system. Close it, or use it in a `with`.

    `mount`: where it is mounted, or "". `base`: the level of its root, None where that is not
    known. Raises NotSupportedError where this machine has none, KernelError.
    """

    __slots__ = ("_fd", "_mounts", "base", "mount")

    def __init__(self) -> None:
        self._mounts = _mounted()
        self.mount, root = self._mounts[0]
        self._fd = _opened(self.mount)
        self.base = _level(root)

    def close(self) -> None:
        """Closes the descriptor. May be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def path(self, text: str) -> str:
        """The path below the root of what a person wrote: that, or a folder under a mount of it."""
        text = _below_mount(text, self._mounts)
        parts = [part for part in text.split("/") if part not in {"", "."}]
        if ".." in parts or "\0" in text:
            raise ProbeeError(f"{text!r} is no path of a cgroup")
        return "/" + "/".join(parts)

    def id_of(self, path: str) -> int | None:
        """The id of the cgroup at `path`, None where there is none."""
        try:
            found = os.stat(f".{path}", dir_fd=self._fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise KernelError(f"look at cgroup {path}", error.errno or 0) from None
        return found.st_ino

    def level_of(self, path: str) -> int | None:
        """How far `path` lies below the real root; None where that is not known."""
        return None if self.base is None else self.base + _depth(path)

    def path_of(self, id: int) -> str | None:
        """The path of the cgroup with this id; None where it is gone, or cannot be told."""
        fd = open_by_id(self._fd, id, _DIRECTORY)
        if fd < 0:
            return None
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # no /proc: it has no other way to tell
            return None
        finally:
            os.close(fd)
        if self.mount not in {"", "/"}:
            if path != self.mount and not path.startswith(f"{self.mount}/"):
                return None
            path = path[len(self.mount) :] or "/"
        return None if path.endswith(" (deleted)") else path

    def walk(self, path: str = "/") -> Iterator[tuple[str, int]]:
        """Every cgroup at and below `path`, parents first: its path and its id."""
        id = self.id_of(path)
        if id is not None:
            yield path, id
            yield from self._below(path.rstrip("/"), _DEEPEST)

    def _below(self, path: str, levels: int) -> Iterator[tuple[str, int]]:
        try:
            fd = os.open(f".{path}/", _DIRECTORY, dir_fd=self._fd)
            try:
                with os.scandir(fd) as entries:
                    found = [(e.name, e.inode()) for e in entries if e.is_dir()]
            finally:
                os.close(fd)
        except (FileNotFoundError, OSError) as error:
            if error.errno in {ENOENT, ENODEV}:  # removed meanwhile
                return
            raise KernelError(f"look at cgroup {path}", error.errno or 0) from None
        for name, id in sorted(found):
            yield f"{path}/{name}", id
            if levels:
                yield from self._below(f"{path}/{name}", levels - 1)


def _below_mount(text: str, mounts: list[tuple[str, str]]) -> str:
    """A path without the point of the mount that it is under, as one below the root of the first.

    Other mounts may show but a part of the tree.
    """
    under = [
        (len(point), root)
        for point, root in mounts
        if point and (text == point or text.startswith(f"{point}/"))
    ]
    if not under:
        return text
    length, root = max(under)
    start, whole = mounts[0][1].rstrip("/"), root.rstrip("/")
    if whole != start and not whole.startswith(f"{start}/"):
        return text
    return whole[len(start) :] + text[length:]


def _depth(path: str) -> int:
    return len([part for part in path.split("/") if part])


def _mounted() -> list[tuple[str, str]]:
    """Where a cgroup2 is mounted, and which part of the tree; ("", "/") where it is not.

    First the one with the largest part; of equals, as in a chroot beside the machine's own, the one
    that was there first.

    /proc/PID/mountinfo, proc(5): ID PARENT DEVICE ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS.
    """
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            rows = [line.split() for line in file]
    except OSError:  # no /proc
        return [("", "/")]
    found = []
    for row in rows:
        if b"-" in row[6:] and row[row.index(b"-", 6) + 1] == b"cgroup2":
            root, point = os.fsdecode(_plain(row[3])), os.fsdecode(_plain(row[4]))
            found.append((point, root))
    return sorted(found, key=lambda mount: _depth(mount[1])) or [("", "/")]


def _plain(raw: bytes) -> bytes:
    r"""Without the escapes for space, tab, newline and backslash: `\040` and its kin."""
    first, *rest = raw.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def _level(root: str) -> int | None:
    try:
        if os.stat("/proc/self/ns/cgroup").st_ino != FIRST_CGROUP_NAMESPACE:
            return None
    except OSError:
        return None
    return None if ".." in root.split("/") else _depth(root)


def _opened(mount: str) -> int:
    if mount:
        try:
            return os.open(mount, _DIRECTORY)
        except OSError as error:
            raise KernelError(f"open the cgroups at {mount}", error.errno or 0) from None
    fd = open_filesystem("cgroup2")
    if fd >= 0:
        try:
            return os.open(".", _DIRECTORY, dir_fd=fd)  # what fsmount() gave is for paths only
        finally:
            os.close(fd)
    if fd == -ENODEV:
        raise NotSupportedError(
            "cgroups of version 2 are not there",
            hint="this kernel is built without cgroups (CONFIG_CGROUPS)",
        )
    hint = "as root, or: mount -t cgroup2 none /sys/fs/cgroup/unified"
    cause = "no cgroup2 is mounted, and this process may not mount one for itself"
    raise KernelError(
        "mount cgroup2", -fd, cause=cause if -fd == EPERM else "no cgroup2 is mounted", hint=hint
    )
