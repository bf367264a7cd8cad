"""Cases of opensnoop -F: names, directories, links, files of special kinds.

In: an empty directory each. Out: calls, noted by path_openers.py.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket

from tests.kernel.path_openers import (
    HERE,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    at_of,
    by_handle,
    call,
    mark,
    note,
    openat,
    openat2,
    said,
    write,
)


def plain(base: str) -> None:
    write(f"{base}/f")
    openat(f"{base}/f".encode())
    openat(b"/")
    os.chdir(base)
    openat(b"f")
    openat(b".")
    openat(b"..")
    openat(b"./../." + base[base.rindex("/") :].encode() + b"//f")
    openat(b"new", os.O_CREAT | os.O_WRONLY)
    mark()
    note(call(85, b"created", 0o600), b"created")
    mark()
    note(call(2, b"f", 0, 0), b"f")


def dirfd(base: str) -> None:
    os.makedirs(f"{base}/a/b")
    write(f"{base}/a/f")
    write(f"{base}/a/b/f")
    at = at_of(f"{base}/a/b")
    openat(b"f", at=at)
    openat(b"../f", at=at)
    openat(b"/etc/hostname", at=at)
    openat(b"f", at=at_of(f"{base}/a", os.O_PATH))
    for row in said:
        row["moved"] = True  # nobody finds it there any more
    os.rename(f"{base}/a", f"{base}/c")
    openat(b"f", at=at)


def symlinks(base: str) -> None:
    os.makedirs(f"{base}/real/deep")
    write(f"{base}/real/deep/f")
    os.symlink("real/deep", f"{base}/way")
    os.symlink(f"{base}/way/f", f"{base}/file")
    os.symlink("nowhere", f"{base}/dangling")
    os.chdir(base)
    openat(b"way/f")
    openat(b"file")
    openat(b"way/../deep/f")
    openat(b"file", os.O_NOFOLLOW)
    openat(b"file", os.O_NOFOLLOW | os.O_PATH)
    openat(b"dangling")
    openat(b"dangling", os.O_CREAT | os.O_RDWR)


def failures(base: str) -> None:
    os.makedirs(f"{base}/d")
    write(f"{base}/f")
    os.chdir(f"{base}/d")
    openat(b"none")
    openat(b"../none/../x")
    openat(b"./none")
    openat(b"")
    openat(b"/no/such/../file")
    openat(b"//no")
    openat(b"none", at=at_of(base))
    openat(b"x", at=at_of(f"{base}/f"))  # no directory
    openat(b"x", at=12345)  # no descriptor
    openat(b"x", at=-3)
    openat(b"x" * 256)
    openat(b"../f", os.O_CREAT | os.O_EXCL)
    os.chdir("/")
    openat(b"none")
    mark()
    note(call(257, HERE, 1, 0, 0), b"", path=b"fault")
    at = at_of("/")
    mark()
    note(call(304, at, (ctypes.c_uint32 * 4)(4, 77, 1, 2), 0), b"", path=b"handle")


def every_byte(base: str) -> None:
    name = bytes(byte for byte in range(1, 256) if byte != 47)
    at = at_of(base)
    for piece in (
        name[:127],
        name[127:],
        "…é漢\u202e".encode() + b"\xff\n\\",
        b" ",
        b"a (deleted)",
    ):
        openat(piece, os.O_CREAT | os.O_RDWR, at)
        os.mkdir(b"%s/d%s" % (base.encode(), piece[:200]))
        openat(b"d" + piece[:200], at=at)
        openat(b"d" + piece[:200] + b"/none", at=at)


def deleted(base: str) -> None:
    write(f"{base}/f")
    write(f"{base}/a (deleted)")
    os.link(f"{base}/f", f"{base}/other")
    fd = os.open(f"{base}/f", os.O_RDONLY)
    os.unlink(f"{base}/f")
    again = b"/proc/self/fd/%d" % fd
    openat(again, deleted=True)
    write(f"{base}/f")
    openat(again, deleted=True)
    openat(f"{base}/other".encode())
    openat(f"{base}/a (deleted)".encode())
    os.mkdir(f"{base}/d")
    at = at_of(f"{base}/d")
    os.chdir(f"{base}/d")
    os.rmdir(f"{base}/d")
    openat(b".", deleted=True)
    openat(b"none")
    openat(b"none", at=at)
    openat(b"..", at=at)


def nameless(base: str) -> None:
    openat(base.encode(), os.O_TMPFILE | os.O_RDWR, deleted=True)
    for name in ("memory", "a/b (deleted)"):
        fd = os.memfd_create(name)
        openat(b"/proc/self/fd/%d" % fd, deleted=True)
        openat(b"/dev/fd/%d" % fd, os.O_RDWR, deleted=True)
    read, _ = os.pipe()
    openat(b"/proc/self/fd/%d" % read)
    openat(b"/dev/fd/%d" % read, os.O_PATH)
    openat(b"/proc/self/ns/mnt")
    openat(b"/proc/self/ns/pid", os.O_PATH)
    link = socket.socket(socket.AF_UNIX)
    openat(b"/proc/self/fd/%d" % link.fileno(), os.O_PATH)
    openat(b"/proc/self/fd/%d" % link.fileno())  # ENXIO
    said[-1]["path"] = b"/proc/self/fd/%d" % link.fileno()
    event = os.eventfd(0)
    openat(b"/proc/self/fd/%d" % event, os.O_PATH)
    openat(b"/proc/self/fd/%d" % os.pidfd_open(os.getpid()), os.O_PATH)
    poller = select.epoll()
    openat(b"/proc/self/fd/%d" % poller.fileno(), os.O_PATH)
    link.detach()


def special(base: str) -> None:
    os.mkfifo(f"{base}/fifo")
    openat(f"{base}/fifo".encode(), os.O_RDWR)
    openat(f"{base}/fifo".encode(), os.O_WRONLY | os.O_NONBLOCK)
    openat(b"/proc/self/status")
    openat(b"/proc/self/task")
    openat(b"/proc/sys/kernel/pid_max")
    openat(b"/sys/kernel/mm")
    openat(b"/dev/null")
    _, other = os.openpty()
    openat(os.ttyname(other).encode(), os.O_RDWR | os.O_NOCTTY)
    openat(b"/dev/ptmx", os.O_RDWR | os.O_NOCTTY)


def o_path(base: str) -> None:
    write(f"{base}/f")
    fd = openat(f"{base}/f".encode(), os.O_PATH)
    openat(base.encode(), os.O_PATH | os.O_DIRECTORY)
    openat(b"/proc/self/fd/%d" % fd)
    openat(b"/proc/thread-self/fd/%d" % fd, os.O_PATH)


def handles(base: str) -> None:
    os.makedirs(f"{base}/a/b")
    write(f"{base}/a/b/f")
    by_handle(f"{base}/a/b/f".encode())
    by_handle(f"{base}/a/b".encode(), os.O_PATH)


def in_root(base: str) -> None:
    os.makedirs(f"{base}/root/etc")
    write(f"{base}/root/etc/f")
    at = at_of(f"{base}/root")
    openat2(b"/etc/f", RESOLVE_IN_ROOT, at)
    openat2(b"/../../etc/f", RESOLVE_IN_ROOT, at)
    openat2(b"/etc/none", RESOLVE_IN_ROOT, at)
    openat2(b"../none", RESOLVE_IN_ROOT, at)
    openat2(b"etc/f", RESOLVE_BENEATH, at)
    openat2(b"../etc", RESOLVE_BENEATH, at)
    openat2(b"/etc", RESOLVE_BENEATH, at)


CASES = (
    plain, dirfd, symlinks, failures, every_byte, deleted, nameless, special, o_path, handles,
    in_root,
)  # fmt: skip
