"""Histograms on the user side: what programs counted, as data and as text in bcc's layout.

In: the slots of a `Hist` (lang/hist.py says what they are), as the kernel holds them. Out:
`Histogram`, a frozen count; `LiveHist`, the live side of one, and `LiveHistMap`, of one for each
key. The layout of the text is that of bcc's print_log2_hist() and print_linear_hist(), to which the
tools' users are accustomed (src/python/bcc/table.py); rows for what no bucket took are ours.
"""

from __future__ import annotations

from struct import unpack

from probee.errors import UsageError
from probee.frozen import Frozen
from probee.host import bpf
from probee.lang.generics import Generic
from probee.runtime.cpus import possible_cpus
from probee.runtime.walk import raw_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from probee.runtime.decode import ValueCodec

    K = TypeVar("K")
else:
    K = None

_FIRST = bytes(4)  # the key of an array's only element
_STARS = 40


class Bucket(Frozen):
    """`count` values from `low` to `high`, both included; None is without bound."""

    low: int | None
    high: int | None
    count: int


class Histogram(Frozen):
    """What was counted when it was read. Two of one `Hist` can be added, or subtracted:
    `now - before` is what came between, with nothing lost as it would be by clearing.
    """

    counts: tuple[int, ...]
    linear: tuple[int, int, int] | None = None

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts)

    def buckets(self) -> list[Bucket]:
        """Every bucket from the first to the last that counted something.

        Before them one for what lies below, behind them one for what lies above, if not zero.
        """
        below, inside, above = self._parts()
        last = max((i for i, (_, _, count) in enumerate(inside) if count), default=-1)
        rows = [Bucket(None, inside[0][0] - 1, below)] if below else []
        rows += [Bucket(*row) for row in inside[: last + 1]]
        return rows + ([Bucket(inside[-1][1] + 1, None, above)] if above else [])

    def table(self, label: str = "value", *, strip: bool = False) -> str:
        """The histogram as text, in bcc's layout; "" of an empty one.

        `label` heads the column of values. `strip`: without leading rows of 0.
        """
        rows = self.buckets()
        if not rows:
            return ""
        if strip:
            first = next(i for i, row in enumerate(rows) if row.count)
            rows = rows[first:]
        most = max(row.count for row in rows)
        single = self.linear is not None and self.linear[2] == 1
        wide = not single and any((row.high or 0) >= 1 << 32 for row in rows)
        margin, column, stars = (15, 29, _STARS // 2) if wide else (5, 13 if single else 19, _STARS)
        lines = [f"{'':{margin}}{label:<{column}} : count     distribution"]
        for row in rows:
            place = _single(row) if single else _range(row, 20 if wide else 10)
            drawn = "*" * (stars * row.count // most)
            lines.append(f"{place} : {row.count:<8} |{drawn:<{stars}}|")
        return "\n".join(lines)

    def __str__(self) -> str:
        """As `table()`."""
        return self.table()

    def __sub__(self, before: Histogram) -> Histogram:
        """What was counted since `before`."""
        pairs = self._paired(before)
        return Histogram(tuple(a - b for a, b in pairs), self.linear)

    def __add__(self, other: Histogram) -> Histogram:
        """What both counted together."""
        return Histogram(tuple(a + b for a, b in self._paired(other)), self.linear)

    def _paired(self, other: Histogram) -> Iterator[tuple[int, int]]:
        if self.linear != other.linear or len(self.counts) != len(other.counts):
            raise UsageError("two histograms with different buckets")
        return zip(self.counts, other.counts, strict=True)

    def _parts(self) -> tuple[int, list[tuple[int, int, int]], int]:
        """Below, (low, high, count) of each bucket, above."""
        if self.linear is None:
            powers = ((0 if i == 1 else 1 << (i - 1), (1 << i) - 1) for i in range(1, 65))
            inside = [(*ends, self.counts[i]) for i, ends in enumerate(powers, 1)]
            return self.counts[0], inside, 0
        start, stop, step = self.linear
        lows = range(start, stop, step)
        inside = [
            (low, min(low + step, stop) - 1, self.counts[1 + i]) for i, low in enumerate(lows)
        ]
        return self.counts[0], inside, self.counts[1 + len(lows)]


def _range(row: Bucket, width: int) -> str:
    if row.low is None:
        return f"{f'below {(row.high or 0) + 1}':>{2 * width + 4}}"
    if row.high is None:
        return f"{f'{row.low} and more':>{2 * width + 4}}"
    return f"{row.low:>{width}} -> {row.high:<{width}}"


def _single(row: Bucket) -> str:
    if row.low is None:
        return f"        {f'< {(row.high or 0) + 1}':<10}"
    return f"        {row.low if row.high is not None else f'>= {row.low}':<10}"


class LiveHist:
    """The live side of a `Hist` without keys: `session[latency]`.

    Each read sees the counts as they are at that moment; `str()` and `print` give bcc's layout.
    """

    def __init__(
        self,
        fd: int,
        slots: int,
        linear: tuple[int, int, int] | None,
        guard: Callable[[], None],
    ) -> None:
        self._fd, self._slots, self._linear, self._guard = fd, slots, linear, guard

    def read(self) -> Histogram:
        """All that was counted since the load, or since `clear()`, on all CPUs."""
        self._guard()
        cpus = possible_cpus()
        data = bpf.map_lookup(self._fd, _FIRST, 8 * self._slots * cpus)
        assert data is not None  # the element of an array is always there
        copies = unpack(f"={self._slots * cpus}Q", data)
        return Histogram(
            tuple(sum(copies[i :: self._slots]) for i in range(self._slots)), self._linear
        )

    def buckets(self) -> list[Bucket]:
        """`read().buckets()`."""
        return self.read().buckets()

    def table(self, label: str = "value", *, strip: bool = False) -> str:
        """`read().table(…)`."""
        return self.read().table(label, strip=strip)

    def __str__(self) -> str:
        """`read().table()`."""
        return self.table()

    def clear(self) -> None:
        """Starts again from zero. What is counted while this runs may be lost: where every value
        matters, subtract what was read before.
        """
        self._guard()
        bpf.map_update(self._fd, _FIRST, bytes(8 * self._slots * possible_cpus()))


class LiveHistMap(Generic[K]):
    """The live side of a `Hist` with keys: from key to `Histogram`, to be read as a dict."""

    def __init__(
        self,
        fd: int,
        key: ValueCodec,
        slots: int,
        linear: tuple[int, int, int] | None,
        max_entries: int,
        guard: Callable[[], None],
    ) -> None:
        self._fd, self._key, self._slots, self._linear = fd, key, slots, linear
        self._guard, self.max_entries = guard, max_entries

    def get(self, key: K) -> Histogram | None:
        """The histogram of a key, or None where nothing was counted."""
        self._guard()
        data = bpf.map_lookup(self._fd, self._key.encode(key, "key"), 8 * self._slots)
        return None if data is None else self._decoded(data)

    def __getitem__(self, key: K) -> Histogram:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __delitem__(self, key: K) -> None:
        self._guard()
        if not bpf.map_delete(self._fd, self._key.encode(key, "key")):
            raise KeyError(key)

    def __len__(self) -> int:
        """Counted by reading all keys: the kernel keeps no number."""
        return sum(1 for _ in self.items())

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self.items())

    def items(self) -> Iterator[tuple[K, Histogram]]:
        """Pairs of key and histogram, in the map's own order."""
        self._guard()
        size = 8 * self._slots
        for key, value in raw_items(self._fd, self._key.size, size, self.max_entries, self._guard):
            yield self._key.decode(key), self._decoded(value)

    def table(
        self,
        label: str = "value",
        section: str = "key",
        *,
        show: Callable[[K], object] = repr,
        order: Callable[[tuple[K, Histogram]], object] | None = None,
        strip: bool = False,
    ) -> str:
        """Every key's histogram as text, each under an empty line and `section = show(key)`.

        `order`: what the pairs are sorted by, as sorted() takes it; else they stand as in the map.
        """
        pairs = list(self.items())
        if order is not None:
            pairs.sort(key=order)  # type: ignore[arg-type]  # whatever it gives can be compared
        return "\n".join(
            f"\n{section} = {show(key)}\n{histogram.table(label, strip=strip)}"
            for key, histogram in pairs
        )

    def __str__(self) -> str:
        """`table()`."""
        return self.table()

    def clear(self) -> None:
        """Takes every key out. What is counted for it while this runs may be lost."""
        for key, _ in raw_items(
            self._fd, self._key.size, 8 * self._slots, self.max_entries, self._guard
        ):
            bpf.map_delete(self._fd, key)

    def _decoded(self, data: bytes) -> Histogram:
        return Histogram(unpack(f"={self._slots}Q", data), self._linear)
