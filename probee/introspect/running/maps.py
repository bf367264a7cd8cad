"""One row a loaded map: its sizes, its memory, which programs use it, who holds it.

In: nothing, the running kernel is asked. Out: `MapRow`s. What cannot be had is an `Absent`.
"""

from __future__ import annotations

from probee.frame.columns import Column
from probee.frame.document import Absent, fields
from probee.frozen import Frozen
from probee.introspect.loaded.maps import Maps
from probee.introspect.loaded.owners import owners, unseen
from probee.introspect.loaded.pinned import Pins
from probee.introspect.loaded.programs import Programs
from probee.introspect.running.forms import held, one_line, size
from probee.introspect.running.holders import Holder
from probee.introspect.running.machine import Pin
from probee.introspect.running.table import first_holder, seen
from probee.tables.maps import MAP_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from probee.introspect.running.table import Filter

TYPES = tuple(row.name for row in MAP_TYPES)
_MOST = 4  # programs that are shown; of more the number


class User(Frozen):
    """A program that uses a map."""

    id: int
    name: str


class MapRow(Frozen):
    """A map; `memory` in bytes, as the kernel charges it."""

    id: int
    type: str
    name: str
    key_size: int
    value_size: int
    max_entries: int
    memory: int | Absent
    frozen: bool
    users: tuple[User, ...] | Absent
    holders: tuple[Holder, ...] | Absent
    pins: tuple[Pin, ...] | Absent


def map_rows() -> list[MapRow]:
    """All maps, by id. Raises KernelError where nobody may list them."""
    users: dict[int, list[User]] = {}
    unused: tuple[User, ...] | Absent = ()
    for program in Programs().all():
        if "map_ids" in program.lacking:
            unused = Absent("needs CAP_SYS_ADMIN")
        for id in program.map_ids:
            users.setdefault(id, []).append(User(program.id, program.name))
    who, pins = owners("MAP"), Pins()
    paths: dict[int, list[Pin]] = {}
    for id, path in pins.of("MAP"):
        paths.setdefault(id, []).append(Pin(path, "map"))
    unheld = Absent(unseen()) if who.refused else ()
    unpinned = Absent(pins.why_not) if pins.why_not else ()
    return [
        MapRow(
            row.id, row.type_name or f"type {row.type}", row.name, row.key_size, row.value_size,
            row.max_entries, _memory(row.memlock, row.lacking), row.frozen,
            tuple(users.get(row.id, ())) or unused,
            tuple(Holder(pid, comm, "map") for pid, comm in who.get(row.id, ())) or unheld,
            tuple(paths.get(row.id, ())) or unpinned,
        )
        for row in Maps().all()
    ]  # fmt: skip


def _memory(text: str, lacking: Sequence[str]) -> int | Absent:
    if text.isdigit():
        return int(text)
    return Absent("needs CAP_SYS_ADMIN" if lacking else "this kernel does not tell it")


def _names(users: tuple[User, ...] | Absent) -> str:
    names = [one_line(user.name) or f"program {user.id}" for user in seen(users)]
    names = list(dict.fromkeys(names))
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f", {more} more" if more > 0 else "") if names else "-"


def _bytes(row: int | Absent) -> float:
    return -1 if isinstance(row, Absent) else row


COLUMNS = (
    Column("id", "ID", "id", right=True),
    Column("type", "TYPE", "type"),
    Column("name", "NAME", "name", text=one_line),
    Column("key_size", "KEY", "key_size", right=True),
    Column("value_size", "VALUE", "value_size", right=True),
    Column("max_entries", "ENTRIES", "max_entries", right=True, text=lambda value: f"{value:,}"),
    Column("memory", "MEM", "memory", right=True, text=size),
    Column("holders", "HELD BY", "holders pins", text=held),
    Column("users", "USED BY", "users", text=_names),
)
# word of --sort: what is compared, and whether the largest stands first
ORDERS: dict[str, tuple[Callable[[MapRow], Any], bool]] = {
    "mem": (lambda row: _bytes(row.memory), True),
    "id": (lambda row: row.id, False),
    "name": (lambda row: row.name, False),
    "type": (lambda row: row.type, False),
    "pid": (lambda row: first_holder(row.holders), False),
}


def chosen(rows: Iterable[MapRow], wanted: Filter, orders: Sequence[str]) -> list[MapRow]:
    """Filtered and sorted."""
    found = sorted((row for row in rows if wanted.fits(row)), key=lambda row: row.id)
    for order in reversed(orders):
        key, largest_first = ORDERS[order]
        found.sort(key=key, reverse=largest_first)
    return found


def notes(rows: Sequence[MapRow]) -> list[str]:
    """What a person should know of the rows as a whole: what is needed to tell who holds them."""
    holders, pins = [row.holders for row in rows], [row.pins for row in rows]
    found = []
    for name, values in (("HELD BY", holders), ("HELD BY, as for pins", pins)):
        absent = (value.why for value in values if isinstance(value, Absent))
        why = next((why for why in absent if why.startswith("needs ")), "")
        found.extend([f"{name}: {why}"] if why else [])
    return found


def json_row(row: MapRow) -> dict[str, Any]:
    """The fields of docs/json.md."""
    return fields(row)
