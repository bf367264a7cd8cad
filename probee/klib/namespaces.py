"""Which mount namespaces a tool is interested in: `--mntns --mntnsmap`.

In: what the command line said. Out: `mntns_wanted()` for programs, and the constants, entries and
maps that make it say what was asked.

A namespace is told by the inode number of /proc/PID/ns/mnt. The pinned map of --mntnsmap has such
numbers for its keys, as bcc's tools take it. A task that is ending has left its namespaces, and is
in none.
"""

from __future__ import annotations

import os

from probee import Const, Hash, current, u8, u64
from probee.errors import KernelError, ProbeeError, UsageError
from probee.frame.options import Option, file_name
from probee.klib.choices import one_or_several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values
    from probee.klib.choices import Filter
    from probee.runtime.reuse import KeysOf
SEVERAL_MNTNS = 1024
LARGEST_PID = 4_194_304  # PID_MAX_LIMIT, include/linux/threads.h; namespaces' inodes are larger
NS_GET_NSTYPE = 0xB703  # include/uapi/linux/nsfs.h
CLONE_NEWNS = 0x0002_0000  # include/uapi/linux/sched.h

one_mntns = Const(bool, False)
only_mntns = Const(u64, 0)
some_mntns = Const(bool, False)
mntns = Hash(u64, u8, max_entries=SEVERAL_MNTNS)
by_pinned_mntns = Const(bool, False)
pinned_mntns = Hash(u64, u8, max_entries=1)  # in its place stands the user's map


def mntns_wanted() -> bool:
    """Whether the running task is in one of the mount namespaces asked for."""
    if one_mntns and mntns_id() != only_mntns:
        return False
    if some_mntns and mntns_id() not in mntns:
        return False
    return not by_pinned_mntns or mntns_id() in pinned_mntns


def mntns_id() -> u64:
    """The inode number of the running task's mount namespace; 0 where it has left it."""
    return u64(current.task.nsproxy.mnt_ns.ns.inum)


# ------------------------------------------------------------------------------------ user side


def namespace_name(text: str) -> int | str:
    """`--mntns`' argument: a pid, a number or `mnt:[NUMBER]`, or the file of a namespace.

    A namespace's number comes back as an int, a file as its path. Raises UsageError.
    """
    bare = text.removeprefix("mnt:[").removesuffix("]")
    if bare.isascii() and bare.isdigit() and 0 < int(bare) < 1 << 32:
        number = int(bare)
        return number if bare != text or number > LARGEST_PID else f"/proc/{number}/ns/mnt"
    if "/" not in text or "\0" in text:
        raise UsageError(f"{text!r} is no process, no mount namespace's number, and no file of one")
    return text


def number_of(path: str) -> int:
    """The number of the mount namespace whose file this is. Raises ProbeeError, KernelError."""
    from fcntl import ioctl

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise ProbeeError(f"there is no {path}") from None
    except OSError as error:
        raise KernelError(f"open {path}", error.errno or 0) from None
    try:
        if ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNS:
            raise ProbeeError(f"{path} is a namespace, but not of mounts")
        return os.fstat(fd).st_ino
    except OSError:
        raise ProbeeError(f"{path} is not the file of a namespace") from None
    finally:
        os.close(fd)


MNTNS_OPTIONS = (
    Option("mntns", "", "NS", "only these mount namespaces: a process's, by number, or by file",
           namespace_name, many=True, group="Filters", takes="pid"),
    Option("mntnsmap", "", "PATH", "only mount namespaces whose numbers are keys of a pinned map",
           file_name, group="Filters", takes="file"),
)  # fmt: skip


def mntns_filter(values: Values) -> Filter:
    """Constants and map entries for `mntns_wanted()`.

    Raises UsageError where it is too much, ProbeeError for a namespace that is not there.
    """
    asked = {name if isinstance(name, int) else number_of(name) for name in values.mntns}
    consts, fill = one_or_several("mntns", asked, one_mntns, only_mntns, some_mntns, mntns)
    return consts | ({} if values.mntnsmap is None else {by_pinned_mntns: True}), fill


def mntns_maps(values: Values) -> dict[Hash[Any, Any], KeysOf]:
    """The user's map in place of ours."""
    if values.mntnsmap is None:
        return {}
    from probee.runtime.reuse import KeysOf

    return {pinned_mntns: KeysOf(values.mntnsmap)}
