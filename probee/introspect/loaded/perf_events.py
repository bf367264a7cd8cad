"""Which descriptors of which processes trace with a program: perf events and raw tracepoints.

In: /proc, and a question to the kernel about each descriptor in it. Out: rows.
"""

from __future__ import annotations

import os

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.causes import ENOTSUPP, explain
from probee.host.queries import FdQuery, Traced
from probee.uapi.bpf_flags import (
    BPF_FD_TYPE_KPROBE,
    BPF_FD_TYPE_KRETPROBE,
    BPF_FD_TYPE_RAW_TRACEPOINT,
    BPF_FD_TYPE_TRACEPOINT,
    BPF_FD_TYPE_UPROBE,
    BPF_FD_TYPE_URETPROBE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(Frozen):
    """What traces, by its name; `of`: what `Traced.name` is the name of."""

    name: str
    of: str


# what the kernel calls a descriptor that traces: enum bpf_task_fd_type of include/uapi/linux/bpf.h
KINDS = {
    BPF_FD_TYPE_RAW_TRACEPOINT: Kind("raw_tracepoint", "tracepoint"),
    BPF_FD_TYPE_TRACEPOINT: Kind("tracepoint", "tracepoint"),
    BPF_FD_TYPE_KPROBE: Kind("kprobe", "function"),
    BPF_FD_TYPE_KRETPROBE: Kind("kretprobe", "function"),
    BPF_FD_TYPE_UPROBE: Kind("uprobe", "file"),
    BPF_FD_TYPE_URETPROBE: Kind("uretprobe", "file"),
}


class Tracing(Frozen):
    """A descriptor of a process that traces."""

    process: int
    fd: int
    traced: Traced


def tracing() -> Iterator[Tracing]:
    """All of them, in the order of processes and descriptors. KernelError where it may not ask."""
    ask = FdQuery()
    _try(ask)
    for process in _numbers("/proc"):
        for fd in _numbers(f"/proc/{process}/fd"):
            found = ask(process, fd)
            if isinstance(found, Traced):
                yield Tracing(process, fd, found)


def _try(ask: FdQuery) -> None:
    """Asks about a descriptor that traces nothing: another answer tells why there is none."""
    fd = os.open("/", os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = ask(os.getpid(), fd)
    finally:
        os.close(fd)
    if found != ENOTSUPP and not isinstance(found, Traced):
        raise explain("BPF_TASK_FD_QUERY", found)


def _numbers(folder: str) -> list[int]:
    """The names in a folder that are numbers, in its order; none where it is gone or forbidden."""
    try:
        return [int(name) for name in os.listdir(folder) if name.isascii() and name.isdigit()]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    except OSError as error:
        raise KernelError(f"look into {folder}", error.errno or 0) from None
