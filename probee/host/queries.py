"""What programs are attached where: BPF_PROG_QUERY and BPF_TASK_FD_QUERY as records.

In: a cgroup, an interface or a namespace, and an attach type; or a descriptor of a process.
Out: ids of programs and links with their flags. What the kernel refuses is a KernelError.
"""

from __future__ import annotations

from struct import Struct
from sys import byteorder

from probee.frozen import Frozen
from probee.host.attributes import Attributes, call, failure, repeated
from probee.uapi.bpf import BPF_F_QUERY_EFFECTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.host.attributes import Value

_E2BIG, _EINVAL, _ENOSPC = 7, 22, 28
_TYPE, _COUNT, _HOOK_ASKED = slice(4, 8), slice(24, 28), 28  # of bpf_attr, see uapi.bpf_attr.QUERY
_ROOM = 64  # programs asked for at first; BPF_MPROG_MAX, kernel/bpf/mprog.c
_PATH = 4096
_WHICH = Struct("=IIII")  # of bpf_attr, see uapi.bpf_attr.TASK_FD_QUERY: pid, fd, flags, buf_len


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
        elif result in (-_EINVAL, -_E2BIG) and own_flags:
            # Linux before 6.0 has no flags of each program, and takes no place for them.
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


def counts(target: int, attach_types: Sequence[int], flags: int = 0) -> list[int]:
    """How many programs are at each of these hooks of one cgroup, or minus an errno.

    30 questions take some 50 us, so that a tree of cgroups with nothing attached is soon through.
    """
    attributes = Attributes("BPF_PROG_QUERY", {"target_fd": target, "query_flags": flags})
    attributes.size = _HOOK_ASKED
    ask, data = repeated(attributes), attributes.data
    found = []
    for number in attach_types:
        data[_TYPE] = number.to_bytes(4, byteorder)
        data[_COUNT] = bytes(4)
        result = ask()
        found.append(result if result < 0 else attributes["prog_cnt"])
    return found


class Traced(Frozen):
    """What a descriptor traces. `kind`: BPF_FD_TYPE_*. `name`: of a tracepoint, function, file."""

    program: int
    kind: int
    name: str
    offset: int
    address: int


class FdQuery:
    """Asks about descriptors of processes, thousands of them with one buffer."""

    __slots__ = ("_ask", "_attributes", "_buffer")

    def __init__(self) -> None:
        self._buffer = bytearray(_PATH)
        fields: dict[str, Value] = {"buf": self._buffer, "buf_len": _PATH}
        self._attributes = Attributes("BPF_TASK_FD_QUERY", fields)
        self._ask = repeated(self._attributes)

    def __call__(self, process: int, fd: int) -> Traced | int:
        """What a descriptor traces, or the errno: ENOTSUPP (524) for one that does not.

        ENOSPC if the name is longer than a path can be.
        """
        attributes = self._attributes
        _WHICH.pack_into(attributes.data, 0, process, fd, 0, _PATH)
        result = self._ask()
        if result < 0:
            return -result
        return Traced(
            attributes["prog_id"],
            attributes["fd_type"],
            self._buffer.partition(b"\0")[0].decode("utf-8", "surrogateescape"),
            attributes["probe_offset"],
            attributes["probe_addr"],
        )
