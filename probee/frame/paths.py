"""What the kernel side found of a path, put together: columns PATH, CUT, DELETED, UNREACHABLE.

In: fields of a record as klib/walk.py fills them: `text`, the path as the caller gave it, a NUL,
and the names on the way from the file up to where the walk ended, each with a NUL behind it;
`place`, how it ended; `magic` and `inode`, of files that are in no directory. Out: the path.

    place   0        there was nothing to walk from: the name stands for itself
            ROOT     the walk ended at the root that it was to end at
            TOP      at the top of a tree of mounts which that root is not in
            LOST     at a directory that no mount leads to
            SHORT    after as many names, or bytes, as there was room for: the path is cut in front
            NOWHERE  the file is in no file system that is mounted: a pipe, a memfd, a namespace
            DISK     at the root of a file system that is mounted in another namespace: `inode` is
                     the device that it is on
            CLOSED   there is no file behind the new descriptor any more: nothing is known
            BELOW    (a bit) the walk began at the directory of a failed open: `name` follows
            GONE     (a bit) what the walk began at was deleted
            BAD      (a bit) there is no such directory descriptor, so nothing is known of it
            CUT      (a bit) the name is longer than what there is of it
            UNREAD   (a bit) the name could not be read, and is `?`
            HANDLE   (a bit) the call was given a file handle in place of a name

A table must not let a name pass for a mark: behind a path ` (deleted)` means that; a name that ends
so has its bracket escaped. Paths begin with `/`; in front of one that was cut stands `…`, in front
of one that the task cannot reach `(unreachable)`.
"""

from __future__ import annotations

from probee.frame.columns import CUT_MARK, Column
from probee.frame.text import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Raw: TypeAlias = tuple[int, bytes, int, int]  # FIELDS

ROOT, TOP, LOST, SHORT, NOWHERE, CLOSED, DISK = 1, 2, 3, 4, 5, 6, 7
END = 0xF  # the bits that these are in
BELOW, GONE, BAD, CUT, UNREAD, HANDLE = 0x10, 0x20, 0x40, 0x80, 0x100, 0x200

DELETED = " (deleted)"
UNREACHABLE = "(unreachable)"
UNKNOWN = b"?"

# include/uapi/linux/magic.h
PIPEFS, SOCKFS, NSFS = 0x5049_5045, 0x534F_434B, 0x6E73_6673
ANON_INODES, PIDFS, DMA_BUF = 0x0904_1934, 0x5049_4446, 0x444D_4142
_NAMED = (PIPEFS, SOCKFS, NSFS, ANON_INODES, PIDFS, DMA_BUF)  # what never was in a directory

FIELDS = "place text magic inode"


def path_columns(found: Callable[[Raw], Raw], *, full: bool) -> tuple[Column, ...]:
    """PATH; in JSON and CSV whether it is cut, or why not there; of full paths more.

    `found`: what is done to the raw values first.
    """
    columns = (
        Column("path", "PATH", FIELDS, text=lambda raw: shown(found(raw)),
               value=lambda raw: known(found(raw)), memo=False),
        Column("cut", "", "place", value=cut),
        Column("unread", "", "place", value=unread),
    )  # fmt: skip
    if not full:
        return columns
    return (
        *columns,
        Column("deleted", "", FIELDS, value=deleted, memo=False),
        Column("unreachable", "", FIELDS, value=lambda raw: unreachable(found(raw)), memo=False),
    )


def as_found(raw: Raw) -> Raw:
    """Nothing is done to them."""
    return raw


def on_host() -> Callable[[Raw], Raw]:
    """What makes paths in file systems paths of this process's own namespace."""
    from probee.host.mounts import Mounts

    mounts = Mounts()

    def found(raw: Raw) -> Raw:
        place, text, magic, device = raw
        if place & END != DISK:
            return raw
        name, walk = _parts(text)
        path = b"/" + b"/".join(walk.split(b"\0")[::-1])
        here = mounts.find(device, path)
        place = place & ~END | (TOP if here is None else ROOT)
        upwards = (path if here is None else here)[1:].split(b"/")[::-1]
        return place, b"\0".join([name, *upwards, b"", b""]), magic, device

    return found


def _parts(text: bytes) -> tuple[bytes, bytes]:
    """The name, and the names on the way up. None of those is empty, so two NULs end the text.

    A record may also end with the text: then there are no two, and -1 stands for its last one.
    """
    name, _, walk = text[: text.find(b"\0\0")].partition(b"\0")
    return name, walk


def known(raw: Raw) -> bytes | None:
    """The path, or None where there is neither one nor a name."""
    return None if unread(raw[0]) else whole(raw)


def unread(place: int) -> str | None:
    """Why there is neither path nor name.

    `fault`: its address could not be read, `handle`: none was given, `closed`: see CLOSED.
    """
    if place & END == CLOSED:
        return "closed"
    return "fault" if place & UNREAD else "handle" if place & HANDLE else None


def whole(raw: Raw) -> bytes:
    """The path; where it was cut in front, it does not begin with `/`."""
    place, text, magic, inode = raw
    end = place & END
    name, walk = _parts(text)
    if not end:
        return UNKNOWN + b"/" + name if place & BAD else name
    if end == CLOSED:
        return UNKNOWN
    if end == NOWHERE:
        path = _nowhere(walk, magic, inode)
    else:
        path = b"/".join(walk.split(b"\0")[::-1])
        if end != SHORT:
            path = b"/" + path
    if place & BELOW:
        return path.rstrip(b"/") + b"/" + name.lstrip(b"/")
    return path


def _nowhere(name: bytes, magic: int, inode: int) -> bytes:
    """What the kernel calls a file outside of all mounts: the d_dname of its file system."""
    if magic == PIPEFS:
        return b"pipe:[%d]" % inode
    if magic == SOCKFS:
        return b"socket:[%d]" % inode
    if magic == NSFS:
        return b"%s:[%d]" % (name, inode)
    if magic == ANON_INODES:
        return b"anon_inode:" + name
    if magic == PIDFS:  # since Linux 6.9; it kept the name
        return b"anon_inode:[pidfd]"
    if magic == DMA_BUF:
        return b"/dmabuf:" + name
    return b"/" + name.lstrip(b"/")


def _lost(raw: Raw) -> bool:
    """A file that was opened by handle has a place in no directory before somebody looks it up."""
    place, text, magic, _ = raw
    return place & END == NOWHERE and magic not in _NAMED and _parts(text)[1] == b"/"


def cut(place: int) -> bool:
    """Whether something of the path is missing, in front or behind."""
    return place & END == SHORT or bool(place & CUT)


def deleted(raw: Raw) -> bool:
    """Whether the file was deleted, or the directory that a failed open began at."""
    place, _, magic, _ = raw
    if place & END == NOWHERE:  # so the kernel says of memory that has a name
        return magic not in _NAMED and not _lost(raw)
    return bool(place & GONE)


def unreachable(raw: Raw) -> bool:
    """Whether no path leads there from the root that was asked for."""
    return raw[0] & END in (TOP, LOST) or _lost(raw)


def shown(raw: Raw) -> str:
    """The path in a table."""
    place = raw[0]
    text = escape(whole(raw))
    if text.endswith(DELETED):
        text = text[: -len(DELETED)] + DELETED.replace("(", "\\x28")
    if place & ~BELOW == ROOT:  # nearly all
        return text
    if place & END == SHORT:
        text = f"{CUT_MARK}/{text}"
    elif unreachable(raw):
        text = UNREACHABLE + text
    if place & CUT:
        text += CUT_MARK
    return text + DELETED if deleted(raw) else text
