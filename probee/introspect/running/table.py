"""One row a loaded program: what it is, where attached, who holds it, how much it runs, its memory.

In: `Running` rows, which machine.py makes. Out: the same, filtered and sorted. What cannot be had
is an `Absent` that says why.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.frame.document import Absent
from probee.frozen import Frozen
from probee.host.bpf import open_by_id
from probee.host.info import fdinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from probee.introspect.running.attached import Attachment
    from probee.introspect.running.holders import Holder
    from probee.introspect.running.machine import Pin
    from probee.introspect.running.maps import MapRow


def seen(found: tuple[Any, ...] | Absent) -> tuple[Any, ...]:
    """Holders, pins, maps, as far as they can be told."""
    return () if isinstance(found, Absent) else found


class Running(Frozen):
    """A program. Numbers are bytes and nanoseconds; `loaded_at` is a UNIX time in seconds.

    `memory`: of the program itself; `maps_memory`: of its maps, of which others may have some too.
    `run_count`, `run_time_ns`, `misses`: since it was loaded, as far as statistics were on.
    """

    id: int
    type: str
    name: str
    tag: str
    uid: int
    loaded_at: int
    attached: tuple[Attachment, ...] | Absent
    holders: tuple[Holder, ...] | Absent
    pins: tuple[Pin, ...] | Absent
    runs_per_second: float | Absent
    ns_per_run: float | Absent
    cpu_percent: float | Absent
    missed_per_second: float | Absent
    run_count: int | Absent
    run_time_ns: int | Absent
    misses: int | Absent
    memory: int | Absent
    maps_memory: int | Absent
    map_ids: tuple[int, ...] | Absent

    @property
    def total_memory(self) -> int | Absent:
        """The program and its maps."""
        if isinstance(self.memory, Absent) or isinstance(self.maps_memory, Absent):
            return self.memory if isinstance(self.memory, Absent) else self.maps_memory
        return self.memory + self.maps_memory


NOT_RUN = "it did not run meanwhile"


class Filter(Frozen):
    """Which rows are wanted: those that fit one word of every kind that has words.

    `names`, `comms`: parts of the name, `*`, `?`, `[...]` as in file names.
    """

    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    comms: tuple[str, ...] = ()

    def fits(self, row: Running | MapRow) -> bool:
        """Whether the row is wanted."""
        return (
            (not self.types or row.type in self.types)
            and (not self.names or _matches((row.name,), self.names))
            and (not self.pids or any(holder.pid in self.pids for holder in seen(row.holders)))
            and (not self.comms or _matches([h.comm for h in seen(row.holders)], self.comms))
        )


def _matches(texts: Iterable[str], patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)


def _number(value: float | Absent) -> float:
    return -1.0 if isinstance(value, Absent) else float(value)


def first_holder(holders: tuple[Holder, ...] | Absent) -> int:
    """The first process that holds it, or more than any process."""
    return min((holder.pid for holder in seen(holders)), default=1 << 31)


# word of --sort: what is compared, and whether the largest stands first
ORDERS: dict[str, tuple[Callable[[Running], Any], bool]] = {
    "cpu": (lambda row: _number(row.cpu_percent), True),
    "runs": (lambda row: _number(row.runs_per_second), True),
    "time": (lambda row: _number(row.ns_per_run), True),
    "mem": (lambda row: _number(row.total_memory), True),
    "id": (lambda row: row.id, False),
    "name": (lambda row: row.name, False),
    "type": (lambda row: row.type, False),
    "age": (lambda row: row.loaded_at, False),
    "pid": (lambda row: first_holder(row.holders), False),
}


def ordered(rows: Iterable[Running], orders: Sequence[str]) -> list[Running]:
    """Sorted by the first of `orders`, rows that are alike there by the next; by id in the end."""
    found = sorted(rows, key=lambda row: row.id)
    for order in reversed(orders):
        key, largest_first = ORDERS[order]
        found.sort(key=key, reverse=largest_first)
    return found


def map_memory(ids: Iterable[int]) -> dict[int, int]:
    """Bytes that each of these maps takes; those that are gone are left out."""
    found = {}
    for id in ids:
        try:
            fd = open_by_id("MAP", id)
        except KernelError:
            continue
        if fd is None:
            continue
        try:
            text = fdinfo(fd).get("memlock", "")
        finally:
            close(fd)
        if text.isdigit():
            found[id] = int(text)
    return found
