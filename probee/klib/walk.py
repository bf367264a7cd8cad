"""Where a file is: its path, walked in the kernel from the file up to the task's root.

In: what an open was given and what it returned. Out: `Walked`, a part of a tool's record that
frame/paths.py makes a path of: the name as it was given, and the names on the way up, innermost
first. `-F` asks for it, `--host-path` for the way beyond the task's root; where neither is asked
for, the name alone is there, as long as `--max-path` lets it be.

Of a success the walk begins at the file behind the new descriptor, of a failure at the directory
that the name is relative to. It follows dentries, and from a mount's root goes on where that is
mounted, as d_path() does (fs/d_path.c). Between the end of the call and the walk another thread may
put another file behind the descriptor: then it is that one's path.

A record is assembled in memory of the CPU's own and only what is used of it is sent.
"""

from __future__ import annotations

import os

from probee import (
    Chars,
    Const,
    KernelPtr,
    KernelStr,
    KernelStruct,
    Ptr,
    Struct,
    UserStr,
    cast,
    chars,
    container_of,
    current,
    probe_read_kernel_str,
    probe_read_user_str,
    s32,
    s64,
    u32,
    u64,
    window,
)
from probee.frame.paths import (
    BAD,
    BELOW,
    CLOSED,
    CUT,
    DISK,
    END,
    GONE,
    HANDLE,
    LOST,
    NOWHERE,
    NSFS,
    ROOT,
    SHORT,
    TOP,
    UNREAD,
)
from probee.kernel import Dentry, Inode, Mount, NsCommon, Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AT_FDCWD = -100
PIECE = 256  # the longest name and its NUL: NAME_MAX, include/uapi/linux/limits.h
NAME_ROOM = 4098  # PATH_MAX, and room to see that a name goes on
ROOM = 8192
MASK = ROOM - 1  # the verifier follows a masked place along any number of steps
STEPS = 256

walked = Const(bool, False)  # -F
beyond = Const(bool, False)  # --host-path
own_space = Const(u32, 0)  # and this process's mount namespace
longest = Const(u32, 4096)  # --max-path


class HashNode(KernelStruct, name="hlist_bl_node"):
    """include/linux/list_bl.h: a dentry that no lookup finds any more has no `pprev`."""

    pprev: KernelPtr


class NamespaceOperations(KernelStruct, name="proc_ns_operations"):
    """include/linux/proc_ns.h."""

    name: KernelStr


class Namespace(NsCommon, name="ns_common"):
    """include/linux/ns_common.h."""

    ops: Ptr[NamespaceOperations]


class NamespaceInode(Inode, name="inode"):
    """Of nsfs: its `i_private` is the namespace."""

    i_private: KernelPtr


class Entry(Dentry, name="dentry"):
    """A dentry with what tells whether it was deleted."""

    d_hash: HashNode


class Walked(Struct):
    """The last part of a record. `place`, `magic`, `inode`, `text`: see frame/paths.py.

    `used`: how many bytes of the text mean something.
    """

    place: u32
    used: u32
    magic: u64
    inode: u64
    text: Chars = chars(ROOM + PIECE)


def path_of(descriptor: s64) -> u64:
    """The struct path of the file behind a descriptor of the running task, or 0."""
    table = current.task.files.fdt
    if descriptor < 0 or descriptor >= table.max_fds:
        return 0
    file = table.fd[u32(descriptor)]
    return u64(file.f_path) if file != 0 else 0


def locate(w: Walked, ret: s64, name: UserStr, named: bool, at: s32, in_root: bool) -> None:
    """Fills `w` for an open that returned `ret`.

    It was given a name, if it is one of those that are `named`, relative to descriptor `at`;
    `in_root`: that is the root of absolute names too (RESOLVE_IN_ROOT).
    """
    w.place = 0
    path: u64 = 0
    if walked and ret >= 0:
        w.text = ""
        w.used = 1
        w.place = CLOSED
        path = path_of(ret)
    elif named:
        read_name(w, name)
        if walked and w.place & UNREAD == 0:
            path = directory_of(w, at, in_root)
    else:
        w.place = HANDLE
        w.text = "[handle]"
        w.used = 9
    if path != 0:
        climb(w, cast(Path, path))


def read_name(w: Walked, name: UserStr) -> None:
    """The name as it was given, cut behind `longest` bytes."""
    got = probe_read_user_str(window(w.text, 0, NAME_ROOM), min(longest + 2, NAME_ROOM), name)
    if got > longest + 1:
        w.place = CUT
        got = probe_read_user_str(window(w.text, 0, NAME_ROOM), min(longest + 1, NAME_ROOM), name)
    if got < 0:
        w.place = UNREAD
        w.text = "?"
        got = 2
    w.used = max(got, 1)  # an empty name's NUL is not counted before Linux 5.11


def directory_of(w: Walked, at: s32, in_root: bool) -> u64:
    """The struct path of the directory that the name is relative to; 0 where there is none."""
    path: u64 = 0
    if w.text.startswith("/") and not in_root:
        if beyond:
            path = u64(current.task.fs.root)
    elif at == AT_FDCWD:
        path = u64(current.task.fs.pwd)
    else:
        path = path_of(at)
        if path == 0:
            w.place |= BAD
    if path != 0:
        w.place |= BELOW
    return path


def climb(w: Walked, path: Path) -> None:
    """Walks up from a file or directory."""
    root, root_mnt = current.task.fs.root.dentry, current.task.fs.root.mnt
    dentry, mnt = path.dentry, path.mnt
    top = mnt.mnt_root
    place = w.place & ~END
    used = w.used & MASK
    if dentry.d_parent != dentry:
        if cast(Entry, dentry).d_hash.pprev == 0:
            place |= GONE
    elif dentry != top:
        w.place = place | NOWHERE
        w.used = used + name_nowhere(w, dentry, used)
        return
    elsewhere = False
    if beyond and container_of(mnt, Mount, "mnt").mnt_ns.ns.inum != own_space:
        w.inode = dentry.d_sb.s_dev
        elsewhere = True
    # Two limits, not min() of both: the verifier would follow each way to the smaller one, with
    # another range of `used`, through every round (1,000,000 steps became 47,000).
    limit = used + longest + 1
    end = SHORT
    for _ in range(STEPS):
        if dentry == root and mnt == root_mnt and not beyond:
            end = ROOT
            break
        above = dentry.d_parent
        if dentry == top and not elsewhere:
            mount = container_of(mnt, Mount, "mnt")
            if mount.mnt_parent == mount:
                end = ROOT if beyond else TOP
                break
            dentry, mnt = mount.mnt_mountpoint, mount.mnt_parent.mnt
            top = mnt.mnt_root
        elif above == dentry:
            end = DISK if elsewhere else LOST
            break
        else:
            more = append(w, used, dentry.d_name.name)
            if used + more > limit or used + more > MASK:
                break
            used = (used + more) & MASK
            dentry = above
    w.place = place | end
    w.used = used


def name_nowhere(w: Walked, dentry: Dentry, used: u32) -> u32:
    """Of a file that is in no directory: what its name is made of; how many bytes of text."""
    w.magic, w.inode = dentry.d_sb.s_magic, dentry.d_inode.i_ino
    if w.magic == NSFS:  # ns_dname() in fs/nsfs.c
        space = cast(Namespace, cast(NamespaceInode, dentry.d_inode).i_private)
        return append(w, used, space.ops.name)
    return append(w, used, dentry.d_name.name)


def append(w: Walked, used: u32, name: KernelStr) -> u32:
    """Writes a name and its NUL behind what is used of the text; how many bytes it takes."""
    got = probe_read_kernel_str(window(w.text, used & MASK, PIECE), PIECE, name)
    return u32(max(got, 0))


# ------------------------------------------------------------------------------------ user side


def walk_consts(*, host: bool) -> dict[Const[Any], Any]:
    """Constants that make `locate()` walk, to the host's root if that is wanted."""
    if not host:
        return {walked: True}
    space = os.stat("/proc/self/ns/mnt").st_ino
    return {walked: True, beyond: True, own_space: space}
