"""Pieces that several of bpftool's forms have: where pinned, who holds it, on which device, when.

In: rows. Out: text, or fields of a JSON object.
"""

from __future__ import annotations

import os

from probee.frame.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.owners import Owners

_GOLDEN = 11400714819323198485  # 2^64 / golden ratio


class Multi:
    """Values by id, several for each, in the order in which bpftool's hash table gives them back.

    A new value goes to the front of its bucket; when the table doubles, all are moved, each to the
    front again: libbpf 1.5, hashmap.c.
    """

    __slots__ = ("_bits", "_buckets", "_count")

    def __init__(self, pairs: Iterable[tuple[int, str | int]] = ()) -> None:
        self._bits = 0
        self._buckets: list[list[tuple[int, str | int]]] = []
        self._count = 0
        for key, value in pairs:
            self.add(key, value)

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, key: int, value: str | int) -> None:
        """One more value under `key`."""
        if not self._buckets or (self._count + 1) * 4 // 3 > len(self._buckets):
            old = self._buckets
            self._bits = max(self._bits + 1, 2)
            self._buckets = [[] for _ in range(1 << self._bits)]
            for bucket in old:
                for entry in bucket:
                    self._buckets[self._place(entry[0])].insert(0, entry)
        self._buckets[self._place(key)].insert(0, (key, value))
        self._count += 1

    def _place(self, key: int) -> int:
        return (key * _GOLDEN & (1 << 64) - 1) >> (64 - self._bits)

    def get(self, key: int) -> list[str | int]:
        """The values under `key`."""
        if not self._buckets:
            return []
        return [value for other, value in self._buckets[self._place(key)] if other == key]


def pins_text(pins: Multi, id: int) -> str:
    """A line for each path."""
    return "".join(f"\n\tpinned {one_line(str(path))}" for path in pins.get(id)) if pins else ""


def pins_json(writer: JsonWriter, pins: Multi, id: int) -> None:
    """An array of paths, if any object at all is pinned."""
    if pins:
        writer.name("pinned")
        writer.begin_array()
        for path in pins.get(id):
            writer.string(str(path))
        writer.end()


def owners_text(owners: Owners, id: int) -> str:
    """The line `pids`."""
    who = ", ".join(f"{one_line(name)}({pid})" for pid, name in owners.get(id, ()))
    return f"\n\tpids {who}" if who else ""


def owners_json(writer: JsonWriter, owners: Owners, id: int) -> None:
    """The array `pids`."""
    if id in owners:
        writer.name("pids")
        writer.begin_array()
        for pid, name in owners[id]:
            writer.begin_object()
            writer.field("pid", pid)
            writer.field("comm", name)
            writer.end()
        writer.end()


def lacking_text(columns: tuple[str, ...]) -> str:
    """A line that says what cannot be had."""
    return f"\n\twithout CAP_SYS_ADMIN: no {', '.join(columns)}" if columns else ""


def lacking_json(writer: JsonWriter, columns: tuple[str, ...]) -> None:
    """An object of the columns that cannot be had, each with the capability that it wants."""
    if columns:
        writer.name("lacking")
        writer.begin_object()
        for column in columns:
            writer.field(column, "CAP_SYS_ADMIN")
        writer.end()


def one_line(text: str) -> str:
    """A name that came from anywhere: nothing in it that a terminal would obey."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def interface(ifindex: int) -> str | None:
    """The name of a network interface of this network namespace."""
    from socket import if_indextoname

    try:
        return if_indextoname(ifindex)
    except OSError:
        return None


def _interface_in(ifindex: int, dev: int, ino: int) -> str | None:
    """The same, where (dev, ino) is this network namespace."""
    ours = os.stat("/proc/self/ns/net")
    return interface(ifindex) if (ours.st_dev, ours.st_ino) == (dev, ino) else None


def device_text(ifindex: int, dev: int, ino: int) -> str:
    """Which device an object was made for."""
    if not ifindex:
        return ""
    name = _interface_in(ifindex, dev, ino)
    where = one_line(name) if name else f"ifindex {ifindex} ns_dev {dev} ns_ino {ino}"
    return f"  offloaded_to {where}"


def device_json(writer: JsonWriter, ifindex: int, dev: int, ino: int) -> None:
    """The object `dev`."""
    if ifindex:
        writer.name("dev")
        writer.begin_object()
        writer.field("ifindex", ifindex)
        writer.field("ns_dev", dev)
        writer.field("ns_inode", ino)
        name = _interface_in(ifindex, dev, ino)
        if name:
            writer.field("ifname", name)
        writer.end()


def wall_clock(since_boot: int) -> int:
    """Seconds since 1970 of a time in nanoseconds since boot, rounded as bpftool does."""
    from time import CLOCK_BOOTTIME, CLOCK_REALTIME, clock_gettime_ns

    real, boot = clock_gettime_ns(CLOCK_REALTIME), clock_gettime_ns(CLOCK_BOOTTIME)
    billion = 1_000_000_000
    return (
        real // billion
        - boot // billion
        + (real % billion - boot % billion + since_boot) // billion
    )
