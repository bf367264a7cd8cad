"""Calls that open files, each noted with the path that it must be shown as.

In: names and flags, from path_files.py and path_mounts.py. Out: `said`, a row for each call, whose
descriptor stays open, so that others can ask about it too.

This knows no kernel but the one that it asks: the path of what was opened is what
`/proc/thread-self/fd/N` says; that of a failure is the directory's, said by the same, and the name.
Workers import it in themselves, so it needs nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import threading

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

MARK = b"/probee-case/"  # the call behind this one is one of ours
HERE = -100  # AT_FDCWD
DELETED = b" (deleted)"
RESOLVE_BENEATH, RESOLVE_IN_ROOT = 8, 16
NEW_FILES, NEW_FS, NEW_MOUNTS = 0x400, 0x200, 0x20000  # CLONE_*
PRIVATE, REC, BIND = 1 << 18, 1 << 14, 1 << 12  # MS_*
DETACH = 2  # MNT_DETACH
proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)  # to be asked from inside a chroot
said: list[dict[str, object]] = []


def call(number: int, *args: object) -> int:
    """A system call: its result, or minus the error."""
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    ret = int(libc.syscall(ctypes.c_long(number), *words))
    return ret if ret >= 0 else -ctypes.get_errno()


def told(link: str) -> bytes:
    """What the kernel says, seen from this task's root."""
    return os.readlink(f"thread-self/{link}".encode(), dir_fd=proc)


def identity(link: str) -> tuple[int, int] | None:
    """Which file it is, whatever its path."""
    try:
        found = os.stat(f"thread-self/{link}", dir_fd=proc)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def directory(at: int) -> tuple[bytes, bool]:
    """The path that names are relative to, and whether it was deleted."""
    try:
        path = told("cwd" if at == HERE else f"fd/{at}")
    except OSError:
        return b"?", False
    gone = path.endswith(DELETED)
    return path.removesuffix(DELETED) if gone else path, gone


def note(
    ret: int, name: bytes, at: int = HERE, *, path: bytes | None = None, deleted: bool = False,
    lost: bool = False, in_root: bool = False,
) -> int:  # fmt: skip
    """Notes what a call must be shown as. `path`: where this file knows better than the kernel.

    `lost`: it cannot be reached from the task's root.
    """
    if ret >= 0 and path is None:
        path = told(f"fd/{ret}")
        assert path.endswith(DELETED) or not deleted, path
        path = path.removesuffix(DELETED) if deleted else path
    elif path is None and name.startswith(b"/") and not in_root:
        path = name
    elif path is None:
        before, deleted = directory(at)
        path = before.rstrip(b"/") + b"/" + name.lstrip(b"/")
    row = {"fd": ret, "path": path, "deleted": deleted, "unreachable": lost}
    if ret >= 0:
        row["file"] = identity(f"fd/{ret}")
    elif in_root or name[:1] != b"/":
        row["name"] = name
        row["file"] = identity("cwd" if at == HERE else f"fd/{at}")
    said.append(row)
    return ret


def mark() -> None:
    """Makes the next call known."""
    call(257, HERE, MARK, 0, 0)


def openat(name: bytes, flags: int = 0, at: int = HERE, mode: int = 0o600, **more: object) -> int:
    """openat(2), noted."""
    mark()
    return note(call(257, at, name, flags, mode), name, at, **more)  # type: ignore[arg-type]


def openat2(name: bytes, resolve: int, at: int, **more: object) -> int:
    """openat2(2), noted."""
    how = (ctypes.c_uint64 * 3)(0, 0, resolve)
    mark()
    ret = call(437, at, name, ctypes.byref(how), 24)
    in_root = bool(resolve & RESOLVE_IN_ROOT)
    return note(ret, name, at, in_root=in_root, **more)  # type: ignore[arg-type]


def by_handle(path: bytes, flags: int = 0, **more: object) -> int:
    """open_by_handle_at(2) of what `path` names, noted."""
    handle, mount = (ctypes.c_uint32 * 34)(128), ctypes.c_int()
    call(303, HERE, path, ctypes.byref(handle), ctypes.byref(mount), 0)
    at = os.open(os.path.dirname(path), os.O_RDONLY)
    mark()
    return note(call(304, at, ctypes.byref(handle), flags), b"", **more)  # type: ignore[arg-type]


def write(path: str, text: bytes = b"text") -> None:
    """A file."""
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    os.write(fd, text)
    os.close(fd)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    words = [word.encode() for word in (source, target, kind)]
    ret = call(165, *words, flags, data.encode())
    assert ret == 0, (source, target, os.strerror(-ret))


def own_mounts() -> None:
    """A mount namespace of this task alone: what is mounted here is gone with the process."""
    ret = call(272, NEW_MOUNTS)
    assert ret == 0, os.strerror(-ret)
    mount("none", "/", "", PRIVATE | REC)


def in_thread(what: object) -> None:
    """Runs `what` in a thread."""
    thread = threading.Thread(target=what)  # type: ignore[arg-type]
    thread.start()
    thread.join()


def at_of(path: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a directory."""
    return os.open(path, flags)
