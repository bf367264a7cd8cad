"""Cases of opensnoop -F: mounts, roots, namespaces, threads, and paths that are very long.

In: an empty directory each. Out: calls, noted by path_openers.py. What is mounted is mounted in a
namespace of the worker's own.
"""

from __future__ import annotations

import os

from tests.kernel.path_openers import (
    BIND,
    DETACH,
    HERE,
    MARK,
    NEW_FILES,
    NEW_FS,
    REC,
    at_of,
    by_handle,
    call,
    in_thread,
    mark,
    mount,
    openat,
    own_mounts,
    said,
    write,
)


def chroot(base: str) -> None:
    os.makedirs(f"{base}/root/d")
    os.mkdir(f"{base}/out")
    write(f"{base}/root/d/f")
    write(f"{base}/out/f")
    outside = at_of(f"{base}/out")
    os.chroot(f"{base}/root")
    openat(b"none")  # the working directory is outside still
    said[-1].update(unreachable=True, moved=True)
    os.chdir("/d")
    openat(b"/d/f")
    openat(b"f")
    openat(b"/")
    openat(b"../../../d/f")
    openat(b"none")
    openat(b"/none")
    openat(b"f", at=outside, lost=True)
    openat(b"../out", at=outside, lost=True)
    openat(b"none", at=outside, lost=True)


def bind(base: str) -> None:
    for name in ("src/deep", "dst", "again"):
        os.makedirs(f"{base}/{name}")
    for name in ("src/deep/f", "one", "other"):
        write(f"{base}/{name}")
    own_mounts()
    openat(b"f", at=at_of(f"{base}/src/deep"))
    mount(f"{base}/src", f"{base}/dst", "", BIND)
    mount(f"{base}/one", f"{base}/other", "", BIND)
    mount(f"{base}/dst/deep", f"{base}/again", "", BIND)
    openat(f"{base}/dst/deep/f".encode())
    openat(f"{base}/dst".encode())
    openat(f"{base}/other".encode())
    openat(f"{base}/again/f".encode())
    openat(f"{base}/again/none".encode())
    openat(b"../../one", at=at_of(f"{base}/dst/deep"))  # ".." goes by the mount
    openat(b"none", at=at_of(f"{base}/again"))
    mount("tmpfs", f"{base}/dst", "tmpfs")  # on top of another
    write(f"{base}/dst/f")
    openat(f"{base}/dst/f".encode())
    os.chroot(f"{base}/again")
    openat(b"/f")


def overlay(base: str) -> None:
    for name in ("lower/d", "upper", "work", "merged"):
        os.makedirs(f"{base}/{name}")
    _alone(base)  # what `base` is on may be an overlay itself
    for name in ("lower/d", "upper", "work", "merged"):
        os.makedirs(f"{base}/{name}")
    write(f"{base}/lower/d/f")
    options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    mount("overlay", f"{base}/merged", "overlay", 0, options)
    whole = f"{base}/merged/d/f".encode()
    openat(whole)
    openat(whole, os.O_RDWR)
    openat(whole)
    openat(f"{base}/merged/new".encode(), os.O_CREAT | os.O_RDWR)
    openat(f"{base}/merged/none".encode())
    fd = os.open(whole, os.O_RDONLY)
    os.unlink(whole)
    openat(b"/proc/self/fd/%d" % fd, deleted=True)


def container(base: str) -> None:
    """A root of its own by pivot_root(2), as containers have; the old one is gone."""
    _alone(base)
    for name in ("old", "etc", "data"):
        os.mkdir(f"{base}/{name}")
    write(f"{base}/etc/f")
    outside = at_of("/usr")
    mount("tmpfs", f"{base}/data", "tmpfs")
    write(f"{base}/data/f")
    os.chdir(base)
    assert call(155, b".", b"old") == 0
    assert call(166, b"/old", DETACH) == 0
    os.chdir("/etc")
    openat(b"f")
    openat(b"/data/f")
    openat(b"/none")
    openat(b"none")
    openat(b"lib", at=outside, lost=True)
    openat(b"none", at=outside, lost=True)


def detached(base: str) -> None:
    _alone(base)
    write(f"{base}/f")
    os.mkdir(f"{base}/d")
    write(f"{base}/d/f")
    at = at_of(base)
    openat(b"d/f", at=at)
    copy = call(428, HERE, base.encode(), 1)  # open_tree: a copy that is mounted nowhere
    assert copy >= 0
    openat(b"d/f", at=copy, lost=True)
    assert call(166, base.encode(), DETACH) == 0
    openat(b"d/f", at=at, lost=True)
    openat(b"d/none", at=at, lost=True)
    openat(b".", at=at, lost=True)


def threads(base: str) -> None:
    """Threads may have a root, a working directory and descriptors of their own."""
    os.makedirs(f"{base}/root/d")
    write(f"{base}/root/d/f")

    def run() -> None:
        assert call(272, NEW_FS) == 0
        os.chroot(f"{base}/root")
        os.chdir("/d")
        openat(b"f")
        openat(b"none")
        openat(b"/d")

    def other() -> None:
        assert call(272, NEW_FILES) == 0
        os.closerange(3, 50)
        call(257, HERE, MARK, 0, 0)
        fd = call(257, HERE, f"{base}/root/d/f".encode(), 0)
        said.append({"path": f"{base}/root/d/f".encode(), "fd": fd, "deleted": False,
                     "unreachable": False, "thread": True})  # fmt: skip

    in_thread(run)
    in_thread(other)
    openat(f"{base}/root/d".encode())


def many_descriptors(base: str) -> None:
    """The table of descriptors grows past what stands in the task's own structure."""
    for _ in range(300):
        os.open("/", os.O_RDONLY | os.O_CLOEXEC)
    at = at_of(base)
    write(f"{base}/f")
    openat(b"f", at=at)
    openat(b"none", at=at)


def _alone(base: str) -> None:
    """What is made in `base` from here on is gone with this process: others could not remove it."""
    own_mounts()
    mount("tmpfs", base, "tmpfs")


def _deep(base: str, names: list[str]) -> int:
    """A descriptor of a directory of any depth."""
    at = at_of(base, os.O_PATH)
    for name in names:
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_PATH, dir_fd=at)
        os.close(at)
        at = below
    return at


def long(base: str) -> None:
    """Of 4,000 bytes, and of 4,095, which is the most that a name can have."""
    _alone(base)
    room = 4000 - len(base) - 1
    at = _deep(base, ["x" * 99] * (room // 100 - 1))
    openat(b"f" * (room % 100 + 50), os.O_CREAT | os.O_RDWR, at)
    openat(b"none" * 30, at=at)
    whole = os.readlink(f"self/fd/{at}", dir_fd=at_of("/proc")).encode()
    openat(whole + b"/" + b"g" * (4095 - len(whole) - 1), os.O_CREAT | os.O_RDWR, path=b"")
    said[-1]["path"] = whole + b"/" + b"g" * (4095 - len(whole) - 1)


def deep(base: str) -> None:
    """Of 60, 100, 200 and 1,200 parts."""
    _alone(base)
    for count in (60, 100, 200, 1200):
        os.mkdir(f"{base}/{count}")
        names = [str(i % 7) for i in range(count)]
        at = _deep(f"{base}/{count}", names)
        whole = "/".join([base, str(count), *names, "f"]).encode()
        openat(b"f", os.O_CREAT | os.O_RDWR, at, path=whole)
        said[-1]["cut"] = "may"
        openat(b"none", at=at, path=whole[:-1] + b"none")
        said[-1]["cut"] = "may"


def longer_than_names(base: str) -> None:
    """Paths past 4,096 bytes exist too: they are cut in front."""
    _alone(base)
    names = ["y" * 200] * 30
    at = _deep(base, names)
    whole = "/".join([base, *names]).encode()
    for name, flags in ((b"f", os.O_CREAT | os.O_RDWR), (b"none", 0), (b"z" * 255, os.O_CREAT)):
        openat(name, flags, at, path=whole + b"/" + name)
        said[-1]["cut"] = "must"


def on_unmounted(base: str) -> None:
    """A handle of a file in a mount that was bound elsewhere."""
    _alone(base)
    os.mkdir(f"{base}/d")
    write(f"{base}/d/f")
    mount(base, base, "", BIND | REC)
    by_handle(f"{base}/d/f".encode())
    mark()
    said.append({"path": b"/none", "fd": call(257, HERE, b"/none", 0), "deleted": False,
                 "unreachable": False})  # fmt: skip


CASES = (
    chroot, bind, overlay, container, detached, threads, many_descriptors, long, deep,
    longer_than_names, on_unmounted,
)  # fmt: skip
