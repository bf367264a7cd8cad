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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.types import Types

MOST = 1 << 16
_SECOND = 1_000_000_000
_MOST_RATES = 4  # of one element that are told


class Change(Frozen):
    """An element as it stands. `state`: "", `new`, `changed` or `gone`, since the last look.

    `rates`: for each number in it that changed, the way to it and its change a second, the largest
    first.
    """

    key: str
    value: str
    state: str
    rates: tuple[tuple[str, float], ...] = ()


class Watch:
    """The elements of one map. `count`: how many were read; `whole`: whether these are all."""

    __slots__ = (
        "_before",
        "_decoder",
        "_fd",
        "_keys",
        "_row",
        "_when",
        "changed",
        "count",
        "whole",
    )

    def __init__(self, fd: int, row: Map, types: Types) -> None:
        self._fd, self._row = fd, row
        self._decoder = Decoder(row, types)
        self._before: dict[bytes, bytes] | None = None
        self._when = 0
        self._keys: dict[bytes, int] = {}  # key: the look at which it changed last
        self.count, self.changed, self.whole = 0, 0, True

    @property
    def typed(self) -> bool:
        """Whether BTF tells what the values are."""
        return self._decoder.typed

    def look(self, most: int, now: int | None = None) -> list[Change]:
        """The elements as they are now, at most so many: what changed, then what changed of late.

        Where all fit, they stand in the order of their keys. Raises KernelError.
        """
        when = monotonic_ns() if now is None else now
        current = self._read()
        before, elapsed = self._before, max(when - self._when, 1)
        self._before, self._when = current, when
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
        self.whole = True
        for pairs in elements(self._fd, self._row):
            for key, value in pairs:
                if len(found) == MOST:
                    self.whole = False
                    return found
                if isinstance(value, bytes):
                    found[key] = value
        return found

    def _change(
        self, key: bytes, state: str, old: bytes | None, new: bytes | None, elapsed: int
    ) -> Change:
        data = new if new is not None else old
        assert data is not None
        value = self._decoder.value(data)
        rates: list[tuple[str, float]] = []
        if old is not None and new is not None:
            rates = list(_rates(self._decoder.value(old), value, elapsed))
            rates.sort(key=lambda rate: -abs(rate[1]))
        return Change(
            shown(self._decoder.key(key)), shown(value), state, tuple(rates[:_MOST_RATES])
        )

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
        return [(type(leaf).__name__, leaf) for _, leaf in leaves(self._decoder.key(key))]


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
