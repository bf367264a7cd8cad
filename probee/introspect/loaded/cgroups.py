"""Programs attached to cgroups: folders of a cgroup2 file system in, rows out.

The kernel is asked for the hooks that a cgroup can have, and for no others: to the number of a
descriptor it would also answer with what interface of that number has at its tcx hooks.
"""

from __future__ import annotations

import os

from probee.errors import KernelError, ProbeeError
from probee.frozen import Frozen
from probee.host import info
from probee.host.attributes import failure
from probee.host.bpf import open_by_id
from probee.host.btf import PATH, open_kernel_btf
from probee.host.queries import attached, counts
from probee.introspect.loaded.names import named
from probee.introspect.loaded.types import Types
from probee.tables.programs import attach_type
from probee.uapi.bpf import BPF_F_QUERY_EFFECTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.table import TypeTable
    from probee.tables.programs import AttachType

_ENOENT, _ENODEV = 2, 19
_EINVAL, _EBADF = -22, -9  # as `counts` gives them: no such hook in this kernel; no cgroup
_NOTHING = {_EINVAL, -_ENOENT, -_ENODEV}
_DIRECTORY = os.O_RDONLY | os.O_CLOEXEC

# In bpftool's order. A test compares them with the table of all attach types.
HOOKS = tuple(
    attach_type(name)
    for name in (
        "CGROUP_INET_INGRESS", "CGROUP_INET_EGRESS", "CGROUP_INET_SOCK_CREATE",
        "CGROUP_INET_SOCK_RELEASE", "CGROUP_INET4_BIND", "CGROUP_INET6_BIND",
        "CGROUP_INET4_POST_BIND", "CGROUP_INET6_POST_BIND", "CGROUP_INET4_CONNECT",
        "CGROUP_INET6_CONNECT", "CGROUP_UNIX_CONNECT", "CGROUP_INET4_GETPEERNAME",
        "CGROUP_INET6_GETPEERNAME", "CGROUP_UNIX_GETPEERNAME", "CGROUP_INET4_GETSOCKNAME",
        "CGROUP_INET6_GETSOCKNAME", "CGROUP_UNIX_GETSOCKNAME", "CGROUP_UDP4_SENDMSG",
        "CGROUP_UDP6_SENDMSG", "CGROUP_UNIX_SENDMSG", "CGROUP_UDP4_RECVMSG",
        "CGROUP_UDP6_RECVMSG", "CGROUP_UNIX_RECVMSG", "CGROUP_SOCK_OPS", "CGROUP_DEVICE",
        "CGROUP_SYSCTL", "CGROUP_GETSOCKOPT", "CGROUP_SETSOCKOPT", "LSM_CGROUP",
    )
)  # fmt: skip


_NUMBERS = tuple(hook.number for hook in HOOKS)


class CgroupProgram(Frozen):
    """A program at a hook of a cgroup. `attach_object`, `attach_type`: BTF, of LSM programs."""

    id: int
    hook: str
    flags: int
    name: str
    attach_object: int
    attach_type: int


def programs(path: str, *, effective: bool = False) -> list[CgroupProgram]:
    """The programs at the hooks of the cgroup at `path`, hook by hook.

    `effective`: those that run for it, its ancestors' among them. KernelError, ProbeeError where
    there is no such cgroup; one that vanishes meanwhile has none.
    """
    try:
        fd = os.open(path, _DIRECTORY)
    except OSError as error:
        raise KernelError(f"open cgroup {path!r}", error.errno or 0) from None
    try:
        return list(_programs(fd, path, BPF_F_QUERY_EFFECTIVE if effective else 0))
    finally:
        os.close(fd)


def _programs(fd: int, path: str, flags: int) -> Iterator[CgroupProgram]:
    found = counts(fd, _NUMBERS, flags)
    if _EBADF in found:
        raise ProbeeError(f"{path!r} is no cgroup of version 2")
    if all(count == _EINVAL for count in found):
        raise ProbeeError(
            "this kernel does not tell what is attached to cgroups",
            hint="it needs Linux 4.15 with CONFIG_CGROUP_BPF=y",
        )
    types = Types()
    for hook, count in zip(HOOKS, found, strict=True):
        if count < 0 and count not in _NOTHING:
            raise failure("BPF_PROG_QUERY", -count, path)
        if count > 0:
            yield from _at(fd, hook, flags, types)


def _at(fd: int, hook: AttachType, flags: int, types: Types) -> Iterator[CgroupProgram]:
    """The programs at one hook; none where the cgroup is gone by now."""
    try:
        found = attached(fd, hook.number, flags)
    except KernelError as error:
        if error.errno in (_ENOENT, _ENODEV):
            return
        raise
    for row in found.programs:
        about = named(row.program, types)
        if about is not None:
            yield CgroupProgram(
                about.id,
                hook.name.lower(),
                row.flags or found.flags,
                about.name,
                about.attach_object,
                about.attach_type,
            )


def walk(root: str, *, effective: bool = False) -> Iterator[tuple[str, int, list[CgroupProgram]]]:
    """Every cgroup at and below `root` with programs: its path, how far it lies below, and they.

    Parents come first, siblings in the order of the file system.
    """
    top = root.rstrip("/") or root[:1]
    try:
        device = os.stat(top).st_dev
    except OSError as error:
        raise ProbeeError(f"can't iterate over {root}: {error.strerror}") from None
    waiting = [(top, 0)]
    while waiting:
        path, level = waiting.pop()
        try:
            found = programs(path, effective=effective)
            with os.scandir(path) as entries:
                below = [entry.path for entry in entries if _below(entry, device)]
        except OSError as error:
            if error.errno not in (_ENOENT, _ENODEV) or not level:
                raise KernelError(f"look at cgroup {path!r}", error.errno or 0) from None
            continue
        except KernelError as error:
            if error.errno not in (_ENOENT, _ENODEV) or not level:
                raise
            continue
        if found:
            yield path, level, found
        waiting += [(name, level + 1) for name in reversed(below)]


def _below(entry: os.DirEntry[str], device: int) -> bool:
    """Whether this is a folder of the same file system."""
    return entry.is_dir() and entry.stat().st_dev == device


def mounted() -> str:
    """Where the first cgroup2 is mounted. ProbeeError where none is."""
    from probee.host.mounts import first_of_type

    path = first_of_type("cgroup2")
    if path is None:
        raise ProbeeError(
            "cgroup v2 isn't mounted", hint="name the folder where it is, or mount it"
        )
    return path


class KernelTypes:
    """Names of the kernel's types that programs attach to, found as bpftool finds them.

    It learns which BTF object is the kernel's from the first program that has it. Until then it
    knows that object as 0, which is what programs that attach to no type have: their name is "".
    """

    __slots__ = ("_object", "_types")

    def __init__(self) -> None:
        self._object = 0
        self._types: TypeTable | None = None

    def name(self, object: int, type: int) -> str | None:
        """The name of `type` in the BTF object `object`; None if that is not the kernel's."""
        if not os.path.exists(PATH):
            return None
        if not self._object and object and _is_kernel(object):
            self._object = object
        if self._object != object:
            return None
        if not type:
            return ""
        if self._types is None:
            self._types = open_kernel_btf()
        return self._types.name(type) if type <= len(self._types) else None


def _is_kernel(object: int) -> bool:
    fd = open_by_id("BTF", object)
    if fd is None:
        return False
    try:
        name = bytearray(16)
        about, _ = info.read(fd, info.BTF, name=name, name_len=len(name))
    finally:
        os.close(fd)
    return bool(about["kernel_btf"]) and name.partition(b"\0")[0] == b"vmlinux"
