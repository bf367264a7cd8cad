"""What programs are attached where: BPF_PROG_QUERY and BPF_TASK_FD_QUERY as records.

In: a cgroup, an interface or a namespace, and an attach type; or a descriptor of a process.
Out: ids of programs and links with their flags. What the kernel refuses is a KernelError.
"""

from __future__ import annotations

from probee.frozen import Frozen
from probee.host.attributes import Attributes, call, demand, failure
from probee.uapi.bpf import BPF_F_QUERY_EFFECTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.host.attributes import Value

_E2BIG, _EINVAL, _ENOSPC = 7, 22, 28
_ROOM = 64  # programs asked for at first; BPF_MPROG_MAX, kernel/bpf/mprog.c
_PATH = 4096


class Attached(Frozen):
    """One program at a hook. `link` is 0 where there is none, or the kernel does not tell."""

    program: int
    flags: int = 0
    link: int = 0
    link_flags: int = 0


class Attachments(Frozen):
    """The programs of a hook in the order in which they run. `flags`: of the hook as a whole."""

    programs: tuple[Attached, ...]
    flags: int = 0


def attached(target: int, attach_type: int, flags: int = 0, *, links: bool = False) -> Attachments:
    """The programs at a hook. `target`: a descriptor, or an interface's index for tcx and netkit.

    `links`: the kernel tells of links there (tcx and netkit do, cgroups do not).
    """
    room, own_flags = _ROOM, not flags & BPF_F_QUERY_EFFECTIVE
    while True:
        arrays = _arrays(room, own_flags=own_flags, links=links)
        attributes = Attributes(
            "BPF_PROG_QUERY",
            {
                "target_fd": target,
                "attach_type": attach_type,
                "query_flags": flags,
                "prog_cnt": room,
                **arrays,
            },
        )
        result = call(attributes)
        count = attributes["prog_cnt"]
        if result == -_ENOSPC and count > room:
            room = count
        elif result == -_E2BIG and own_flags:  # Linux before 6.0 has no flags of each program
            own_flags = False
        elif result < 0:
            raise failure("BPF_PROG_QUERY", -result)
        else:
            return Attachments(_rows(arrays, count), attributes["attach_flags"])


def _arrays(room: int, *, own_flags: bool, links: bool) -> dict[str, Value]:
    names = ["prog_ids"]
    names += ["prog_attach_flags"] if own_flags else []
    names += ["link_ids", "link_attach_flags"] if links else []
    return {name: bytearray(4 * room) for name in names}


def _rows(arrays: dict[str, Value], count: int) -> tuple[Attached, ...]:
    def column(name: str) -> list[int]:
        buffer = arrays.get(name)
        if not isinstance(buffer, bytearray):
            return [0] * count
        return memoryview(buffer).cast("I").tolist()[:count]

    names = ("prog_ids", "prog_attach_flags", "link_ids", "link_attach_flags")
    return tuple(Attached(*row) for row in zip(*map(column, names), strict=True))


def count_attached(target: int, attach_type: int, flags: int = 0) -> int:
    """How many programs are at a hook."""
    attributes = Attributes(
        "BPF_PROG_QUERY", {"target_fd": target, "attach_type": attach_type, "query_flags": flags}
    )
    demand(attributes)
    return attributes["prog_cnt"]


class Traced(Frozen):
    """What a descriptor traces. `kind`: BPF_FD_TYPE_*. `name`: of a tracepoint, function, file."""

    program: int
    kind: int
    name: str
    offset: int
    address: int


def traced(process: int, fd: int) -> Traced | int:
    """What descriptor `fd` of `process` traces, or the errno: ENOTSUPP (524) for one that does not.

    A name that is longer than a path is cut short, and the errno is then ENOSPC.
    """
    buffer = bytearray(_PATH)
    fields: dict[str, Value] = {"pid": process, "fd": fd, "buf": buffer, "buf_len": len(buffer)}
    attributes = Attributes("BPF_TASK_FD_QUERY", fields)
    result = call(attributes)
    if result < 0:
        return -result
    name = bytes(buffer).partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return Traced(
        attributes["prog_id"],
        attributes["fd_type"],
        name,
        attributes["probe_offset"],
        attributes["probe_addr"],
    )
