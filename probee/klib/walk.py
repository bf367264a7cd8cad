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
    Struct,
    UserStr,
    chars,
    get_current_task,
    probe_read_kernel,
    probe_read_kernel_str,
    probe_read_user_str,
    s32,
    s64,
    sizeof,
    u32,
    u64,
    window,
)
from probee.errors import NotSupportedError
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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

# Where members stand in the running kernel's structs.
task_fs = Const(u32, 0)
task_files = Const(u32, 0)
fs_root = Const(u32, 0)
fs_pwd = Const(u32, 0)
path_dentry = Const(u32, 0)
path_mnt = Const(u32, 0)
files_fdt = Const(u32, 0)
table_size = Const(u32, 0)
table_files = Const(u32, 0)
file_path = Const(u32, 0)
dentry_parent = Const(u32, 0)
dentry_name = Const(u32, 0)
dentry_hashed = Const(u32, 0)
dentry_inode = Const(u32, 0)
dentry_sb = Const(u32, 0)
inode_number = Const(u32, 0)
inode_private = Const(u32, 0)
ns_operations = Const(u32, 0)
ns_name = Const(u32, 0)
sb_magic = Const(u32, 0)
mount_mnt = Const(u32, 0)
mount_parent = Const(u32, 0)
mount_point = Const(u32, 0)
mount_root = Const(u32, 0)
mount_space = Const(u32, 0)
space_number = Const(u32, 0)
sb_device = Const(u32, 0)


class Word(Struct):
    """Where 8 bytes are read to."""

    value: u64


class Walked(Struct):
    """The last part of a record. `place`, `magic`, `inode`, `text`: see frame/paths.py.

    `used`: how many bytes of the text mean something.
    """

    place: u32
    used: u32
    got: Word
    magic: u64
    inode: u64
    text: Chars = chars(ROOM + PIECE)


def word(w: Walked, address: u64) -> u64:
    """8 bytes of the kernel's memory, 0 where there are none."""
    probe_read_kernel(w.got, sizeof(Word), address)
    return w.got.value


def path_of(w: Walked, descriptor: s64) -> u64:
    """The struct path of the file behind a descriptor of the running task, or 0."""
    table = word(w, word(w, get_current_task() + task_files) + files_fdt)
    if descriptor < 0 or descriptor >= u32(word(w, table + table_size)):
        return 0
    file = word(w, word(w, table + table_files) + u64(descriptor) * 8)
    return file + file_path if file != 0 else 0


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
        path = path_of(w, ret)
    elif named:
        read_name(w, name)
        if walked and w.place & UNREAD == 0:
            path = directory_of(w, at, in_root)
    else:
        w.place = HANDLE
        w.text = "[handle]"
        w.used = 9
    if path != 0:
        climb(w, path)
    w.got.value = 0  # addresses of the kernel's are nobody else's business


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
            path = word(w, get_current_task() + task_fs) + fs_root
    elif at == AT_FDCWD:
        path = word(w, get_current_task() + task_fs) + fs_pwd
    else:
        path = path_of(w, at)
        if path == 0:
            w.place |= BAD
    if path != 0:
        w.place |= BELOW
    return path


def climb(w: Walked, path: u64) -> None:
    """Walks up from the struct path at `path`."""
    dentry = word(w, path + path_dentry)
    mnt = word(w, path + path_mnt)
    root = word(w, get_current_task() + task_fs) + fs_root
    root_dentry = word(w, root + path_dentry)
    root_mnt = word(w, root + path_mnt)
    top = word(w, mnt + mount_root)
    place = w.place & ~END
    used = w.used & MASK
    if word(w, dentry + dentry_parent) != dentry:
        if word(w, dentry + dentry_hashed) == 0:
            place |= GONE
    elif dentry != top:
        w.place = place | NOWHERE
        w.used = used + name_nowhere(w, dentry, used)
        return
    if beyond:
        space = word(w, mnt - mount_mnt + mount_space)
        if u32(word(w, space + space_number)) != own_space:
            w.inode = u32(word(w, word(w, dentry + dentry_sb) + sb_device))
            mnt, top = 0, 0
    limit = min(used + longest + 1, MASK)
    end = SHORT
    for _ in range(STEPS):
        if dentry == root_dentry and mnt == root_mnt and not beyond:
            end = ROOT
            break
        parent = word(w, dentry + dentry_parent)
        if dentry == top:
            mount = mnt - mount_mnt
            above = word(w, mount + mount_parent)
            if above == mount:
                end = ROOT if beyond else TOP
                break
            dentry = word(w, mount + mount_point)
            mnt = above + mount_mnt
            top = word(w, mnt + mount_root)
        elif parent == dentry:
            end = DISK if beyond and mnt == 0 else LOST
            break
        else:
            more = append(w, used, word(w, dentry + dentry_name))
            if used + more > limit:
                break
            used = (used + more) & MASK
            dentry = parent
    w.place = place | end
    w.used = used


def name_nowhere(w: Walked, dentry: u64, used: u32) -> u32:
    """Of a file that is in no directory: what its name is made of; how many bytes of text."""
    inode = word(w, dentry + dentry_inode)
    w.magic = word(w, word(w, dentry + dentry_sb) + sb_magic)
    w.inode = word(w, inode + inode_number)
    name = word(w, dentry + dentry_name)
    if w.magic == NSFS:  # ns_dname() in fs/nsfs.c
        name = word(w, word(w, word(w, inode + inode_private) + ns_operations) + ns_name)
    return append(w, used, name)


def append(w: Walked, used: u32, name: u64) -> u32:
    """Writes a name and its NUL behind what is used of the text; how many bytes it takes."""
    got = probe_read_kernel_str(window(w.text, used & MASK, PIECE), PIECE, name)
    return u32(max(got, 0))


# ------------------------------------------------------------------------------------ user side

MEMBERS = (
    (task_fs, "task_struct", "fs"),
    (task_files, "task_struct", "files"),
    (fs_root, "fs_struct", "root"),
    (fs_pwd, "fs_struct", "pwd"),
    (path_dentry, "path", "dentry"),
    (path_mnt, "path", "mnt"),
    (files_fdt, "files_struct", "fdt"),
    (table_size, "fdtable", "max_fds"),
    (table_files, "fdtable", "fd"),
    (file_path, "file", "f_path"),
    (dentry_parent, "dentry", "d_parent"),
    (dentry_name, "dentry", "d_name.name"),
    (dentry_hashed, "dentry", "d_hash.pprev"),
    (dentry_inode, "dentry", "d_inode"),
    (dentry_sb, "dentry", "d_sb"),
    (inode_number, "inode", "i_ino"),
    (inode_private, "inode", "i_private"),
    (ns_operations, "ns_common", "ops"),
    (ns_name, "proc_ns_operations", "name"),
    (sb_magic, "super_block", "s_magic"),
    (mount_mnt, "mount", "mnt"),
    (mount_parent, "mount", "mnt_parent"),
    (mount_point, "mount", "mnt_mountpoint"),
    (mount_root, "vfsmount", "mnt_root"),
)
HOST_MEMBERS = (
    (mount_space, "mount", "mnt_ns"),
    (space_number, "mnt_namespace", "ns.inum"),
    (sb_device, "super_block", "s_dev"),
)


def walk_consts(*, host: bool) -> dict[Const[Any], Any]:
    """Constants that make `locate()` walk, to the host's root if that is wanted.

    Raises NotSupportedError where the kernel has other structs than this knows.
    """
    if not host:
        return {walked: True, **offsets(MEMBERS)}
    space = os.stat("/proc/self/ns/mnt").st_ino
    return {walked: True, beyond: True, own_space: space, **offsets(MEMBERS + HOST_MEMBERS)}


HINT = "without -F and --host-path, PATH is the name as the caller gave it"


def offsets(members: Sequence[tuple[Const[int], str, str]]) -> dict[Const[Any], int]:
    """Where the members stand. Raises NotSupportedError that names what is not there."""
    from probee.btf.kinds import STRUCT
    from probee.host.btf import open_kernel_btf

    try:
        types = open_kernel_btf()
    except NotSupportedError as error:
        raise NotSupportedError(
            f"whole paths: {error.what}", since=error.since, hint=HINT
        ) from None
    found = {}
    for const, struct, path in members:
        at = 0
        ids = types.by_name(STRUCT, struct)
        type_ = ids[0] if ids else 0
        for member in path.split("."):
            field = types.member(type_, member) if type_ else None
            if field is None:
                raise NotSupportedError(
                    f"whole paths: this kernel's struct {struct} has no {path}",
                    hint=HINT,
                )
            at += field.offset
            type_ = field.type
        found[const] = at
    return found
