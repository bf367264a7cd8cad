"""A map watched: its elements in, look by look; what changed, and how fast, out.

No more than `MOST` elements are read and kept. Of these, whatever changed since the look before is
decoded; the bytes alone tell whether it did.
"""

from __future__ import annotations

from itertools import islice
from time import monotonic_ns

from probee.frozen import Frozen
from probee.introspect.loaded.elements import elements
from probee.introspect.running.map_values import Decoder, leaves, shown
from probee.tables.maps import by_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.types import Types

MOST = 1 << 16
_SECOND = 1_000_000_000
_MOST_RATES = 4  # of one element that are told
_ENOENT = 2
_PERSON = "it lists no keys: its values belong to {}, and are read by a descriptor of one"
# Types without elements that one can list and read, by the kernel's operations of each type
# (map_get_next_key, map_lookup_elem): why, and what to do instead.
_REASONS = {
    "ringbuf": ("it has no elements: its records go to the process that reads them", ""),
    "user_ringbuf": ("it has no elements: its records go to the program that reads them", ""),
    "perf_event_array": ("it holds perf events, not values",
                         "probee map event_pipe id {id} prints what programs send through it"),
    "queue": ("it has no keys: whoever looks sees its next value alone",
              "probee map peek id {id} shows that"),
    "stack": ("it has no keys: whoever looks sees its next value alone",
              "probee map peek id {id} shows that"),
    "bloom_filter": ("it has no keys, and keeps no value: it tells of one whether it was added",
                     ""),
    "arena": ("it is memory, which has no elements", ""),
    "cgroup_array": ("the kernel does not tell which cgroups are in it", ""),
    "xskmap": ("the kernel does not tell which sockets are in it", ""),
    "sk_storage": (_PERSON.format("sockets"), ""),
    "inode_storage": (_PERSON.format("inodes"), ""),
    "task_storage": (_PERSON.format("tasks"), ""),
    "cgrp_storage": (_PERSON.format("cgroups"), ""),
}  # fmt: skip


class Change(Frozen):
    """An element as it stands. `state`: "", `new`, `changed` or `gone`, since the last look.

    `rates`: for each number in it that changed, the way to it and its change a second, the largest
    first. `key` and `value` are for people, the bytes as the kernel gave them.
    """

    key: str
    value: str
    state: str
    rates: tuple[tuple[str, float], ...] = ()
    key_bytes: bytes = b""
    value_bytes: bytes = b""


def why_not(row: Map) -> tuple[str, str]:
    """Why the map cannot be watched, and what to do instead; "" where it can."""
    type_ = by_number(row.type)
    if type_ is None or {"next", "lookup"} <= set(type_.user):
        return "", ""
    why, instead = _REASONS.get(type_.name, ("the kernel does not list its elements", ""))
    return why, instead.format(id=row.id)


class Watch:
    """The elements of one map. `count`: how many were read; `whole`: whether these are all.

    `unread`: elements whose value the kernel does not give, and the errno of one. `seconds`: since
    the look before, 0 at the first. `exact`: all rates, and decoded for machines.
    """

    __slots__ = (
        "_before", "_fd", "_keys", "_most_rates", "_row", "_when", "changed", "count", "decoder",
        "seconds", "unread", "whole",
    )  # fmt: skip

    def __init__(self, fd: int, row: Map, types: Types, *, exact: bool = False) -> None:
        self._fd, self._row = fd, row
        self.decoder = Decoder(row, types, texts=exact)
        self._most_rates = None if exact else _MOST_RATES
        self._before: dict[bytes, bytes] | None = None
        self._when = 0
        self._keys: dict[bytes, int] = {}  # key: the look at which it changed last
        self.count, self.changed, self.whole, self.seconds = 0, 0, True, 0.0
        self.unread = (0, 0)

    @property
    def typed(self) -> bool:
        """Whether BTF tells what the values are."""
        return self.decoder.typed

    def look(self, most: int, now: int | None = None) -> list[Change]:
        """The elements as they are now, at most so many: what changed, then what changed of late.

        Where all fit, they stand in the order of their keys. Raises KernelError.
        """
        when = monotonic_ns() if now is None else now
        current = self._read()
        before, elapsed = self._before, max(when - self._when, 1)
        self._before, self._when = current, when
        self.seconds = 0.0 if before is None else elapsed / _SECOND
        self.count = len(current)
        states = {} if before is None else dict(_states(before, current))
        self.changed = len(states)
        for key in states:
            self._keys.pop(key, None)
            self._keys[key] = when
        self._keys = {key: at for key, at in self._keys.items() if key in current or key in states}
        rows = {
            key: self._change(key, state, (before or {}).get(key), current.get(key), elapsed)
            for key, state in islice(_by_size(states, before, current), max(most * 4, 1000))
        }
        return self._ordered(rows, current, most)

    def _read(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        self.whole, self.unread = True, (0, 0)
        for pairs in elements(self._fd, self._row):
            for key, value in pairs:
                if len(found) == MOST:
                    self.whole = False
                    return found
                if isinstance(value, bytes):
                    found[key] = value
                elif value != _ENOENT:
                    self.unread = self.unread[0] + 1, value
        return found

    def _change(
        self, key: bytes, state: str, old: bytes | None, new: bytes | None, elapsed: int
    ) -> Change:
        data = new if new is not None else old
        assert data is not None
        value = self.decoder.value(data)
        rates: list[tuple[str, float]] = []
        if old is not None and new is not None:
            rates = list(_rates(self.decoder.value(old), value, elapsed))
            rates.sort(key=lambda rate: -abs(rate[1]))
        told = tuple(rates[: self._most_rates])
        return Change(shown(self.decoder.key(key)), shown(value), state, told, key, data)

    def _ordered(
        self, rows: dict[bytes, Change], current: dict[bytes, bytes], most: int
    ) -> list[Change]:
        if len(current) + sum(row.state == "gone" for row in rows.values()) <= most:
            keys: Iterable[bytes] = {**current, **rows}
            keys = sorted(keys, key=self._sorting)
        else:
            largest = sorted(rows, key=lambda key: -_most(rows[key]))
            recent = sorted(self._keys, key=lambda key: -self._keys[key])
            keys = dict.fromkeys((*largest, *recent, *islice(current, most)))
        return [
            rows[key] if key in rows else self._change(key, "", None, current[key], 1)
            for key in islice((key for key in keys if key in rows or key in current), most)
        ]

    def _sorting(self, key: bytes) -> list[tuple[str, Any]]:
        return [(type(leaf).__name__, leaf) for _, leaf in leaves(self.decoder.key(key))]


def _states(before: dict[bytes, bytes], current: dict[bytes, bytes]) -> Iterator[tuple[bytes, str]]:
    for key, value in current.items():
        old = before.get(key)
        if old != value:
            yield key, "new" if old is None else "changed"
    for key in before:
        if key not in current:
            yield key, "gone"


def _by_size(
    states: dict[bytes, str], before: dict[bytes, bytes] | None, current: dict[bytes, bytes]
) -> list[tuple[bytes, str]]:
    """Those first whose bytes, as one number, changed most: thousands are not all decoded."""

    def size(row: tuple[bytes, str]) -> int:
        key, _ = row
        old, new = (before or {}).get(key, b""), current.get(key, b"")
        return -abs(int.from_bytes(new, "little") - int.from_bytes(old, "little"))

    rows = list(states.items())
    return sorted(rows, key=size) if len(rows) > 1000 else rows


def _rates(old: Any, new: Any, elapsed: int) -> Iterator[tuple[str, float]]:
    before = dict(leaves(old))
    for path, value in leaves(new):
        then = before.get(path)
        numbers = isinstance(value, (int, float)) and isinstance(then, (int, float))
        if numbers and not isinstance(value, bool) and value != then:
            yield path, (value - then) * _SECOND / elapsed


def _most(row: Change) -> float:
    return max((abs(rate) for _, rate in row.rates), default=1.0 if row.state else 0.0)
