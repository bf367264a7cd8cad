"""Loaded links, one row each: which program, on what kind of hook, and the hook's details.

In: descriptors, or nothing for all that are loaded. Out: `Link` rows. The details carry the names
of struct bpf_link_info's members; strings and arrays, which the kernel writes elsewhere, stand
beside them.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.bpf import open_by_id
from probee.host.info import LINK, PROGRAM, read
from probee.introspect.loaded.rights import each, first_of
from probee.tables.links import by_number
from probee.uapi.bpf import (
    BPF_LINK_TYPE_KPROBE_MULTI,
    BPF_LINK_TYPE_PERF_EVENT,
    BPF_LINK_TYPE_TRACING,
    BPF_LINK_TYPE_UPROBE_MULTI,
    BPF_PERF_EVENT_EVENT,
    BPF_PERF_EVENT_KPROBE,
    BPF_PERF_EVENT_KRETPROBE,
    BPF_PERF_EVENT_TRACEPOINT,
    BPF_PERF_EVENT_UPROBE,
    BPF_PERF_EVENT_URETPROBE,
)
from probee.uapi.bpf_info import BPF_LINK_INFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = 4096
# Kinds of perf events: the part of `perf_event` that describes them, and the field of their name.
PERF_EVENTS = {
    BPF_PERF_EVENT_UPROBE: ("uprobe", "file_name"),
    BPF_PERF_EVENT_URETPROBE: ("uprobe", "file_name"),
    BPF_PERF_EVENT_KPROBE: ("kprobe", "func_name"),
    BPF_PERF_EVENT_KRETPROBE: ("kprobe", "func_name"),
    BPF_PERF_EVENT_TRACEPOINT: ("tracepoint", "tp_name"),
    BPF_PERF_EVENT_EVENT: ("event", ""),
}
# Other details with a name: the field of its address, and of the room for it.
_NAMED = {
    "raw_tracepoint": ("tp_name", "tp_name_len"),
    "iter": ("target_name", "target_name_len"),
}


class Link(Frozen):
    """One link. `type` is the kernel's number, `type_name` "" for one newer than our tables.

    `details`: numbers by name, as `attach_type` of tracing. `name`: a tracepoint, function, file or
    iterator's target. `rows`: for each function of a multi link its numbers; of kprobe_multi
    address and cookie, of uprobe_multi offset, reference counter and cookie. `prog_type`: of
    tracing. `lacking`: as in Program.
    """

    id: int
    type: int
    type_name: str
    prog_id: int
    details: dict[str, int]
    name: str = ""
    rows: tuple[tuple[int, ...], ...] = ()
    prog_type: int = 0
    lacking: tuple[str, ...] = ()


class Links:
    """Reads rows."""

    __slots__ = ()

    def all(self) -> Iterator[Link]:
        """Every link, by id. One that goes away meanwhile is left out."""
        return first_of(each("LINK", self.row), "links")

    @staticmethod
    def row(fd: int) -> Link:
        """The row of one link."""
        info, buffer = read(fd, LINK)
        type_ = by_number(info["type"])
        name, prog_type = "", 0
        rows: tuple[tuple[int, ...], ...] = ()
        details = _numbers(buffer, type_.details) if type_ and type_.details else {}
        if info["type"] == BPF_LINK_TYPE_PERF_EVENT:
            details, name = _perf_event(fd, buffer)
        elif info["type"] == BPF_LINK_TYPE_KPROBE_MULTI:
            _, rows = _arrays(fd, "kprobe_multi", ("addrs", "cookies"), details["count"])
        elif info["type"] == BPF_LINK_TYPE_UPROBE_MULTI:
            name, rows = _arrays(
                fd, "uprobe_multi", ("offsets", "ref_ctr_offsets", "cookies"), details["count"]
            )
        elif type_ and type_.details in _NAMED:
            field, room = _NAMED[type_.details]
            name = _name(fd, f"{type_.details}.{field}", f"{type_.details}.{room}")
        elif info["type"] == BPF_LINK_TYPE_TRACING:
            prog_type = _program_type(info["prog_id"])
        return Link(
            info["id"], info["type"], type_.name if type_ else "" if info["type"] else "unspec",
            info["prog_id"], details, name, rows, prog_type,
        )  # fmt: skip


def _numbers(buffer: bytearray, prefix: str) -> dict[str, int]:
    """The numbers of one member of the union, by their names without its own."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): int.from_bytes(buffer[offset : offset + size], "little")
        for name, offset, size in BPF_LINK_INFO
        if name.startswith(start)
    }


def _name(fd: int, field: str, room: str) -> str:
    text = bytearray(_PATH)
    pointers: dict[str, int | bytearray] = {field: text, room: len(text)}
    read(fd, LINK, **pointers)
    return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _perf_event(fd: int, buffer: bytearray) -> tuple[dict[str, int], str]:
    kind = _numbers(buffer, "perf_event")["type"]
    part, field = PERF_EVENTS.get(kind, ("", ""))
    name = ""
    if field:
        text = bytearray(_PATH)
        where = f"perf_event.{part}"
        pointers: dict[str, int | bytearray] = {
            f"{where}.{field}": text,
            f"{where}.name_len": len(text),
        }
        _, buffer = read(fd, LINK, **pointers)
        name = text.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    details = _numbers(buffer, f"perf_event.{part}") if part else {}
    return {**details, "type_of_event": kind}, name


def _arrays(
    fd: int, prefix: str, names: tuple[str, ...], count: int
) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """The path, and the rows of arrays of u64, of which the kernel fills `count` elements each."""
    if not count:
        return "", ()
    path = bytearray(_PATH)
    arrays = {f"{prefix}.{name}": bytearray(8 * count) for name in names}
    more: dict[str, int | bytearray] = {**arrays, f"{prefix}.count": count}
    if prefix == "uprobe_multi":
        more |= {f"{prefix}.path": path, f"{prefix}.path_size": len(path)}
    read(fd, LINK, **more)
    columns = [memoryview(array).cast("Q").tolist() for array in arrays.values()]
    text = path.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return text, tuple(zip(*columns, strict=True))


def _program_type(id: int) -> int:
    try:
        fd = open_by_id("PROG", id)
    except KernelError:
        return 0
    if fd is None:
        return 0
    try:
        return read(fd, PROGRAM)[0]["type"]
    finally:
        close(fd)
