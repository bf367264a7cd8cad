"""What CPython takes for a histogram: lists of counts, found by comparing with every bucket.

In: the declaration's arguments. Out: objects whose `add` does what docs/output.md says.
"""

from __future__ import annotations

from typing import Any, Self

from tests.meaning.objects import convert, plain


class Hist:
    """`counts`: by key (None where there are none) a list; the slots are those of lang/hist.py."""

    def __init__(self, key: Any = None, linear: Any = None, max_entries: int = 10_240) -> None:
        self.key, self.room = key, max_entries
        if linear is None:
            self.ends = [2, *(1 << power for power in range(2, 65))]
            self.first, self.slots = 0, 65
        else:
            start, stop, step = linear
            self.first = start
            self.ends = [min(low + step, stop) for low in range(start, stop, step)]
            self.slots = 1
            while self.slots < len(self.ends) + 2:
                self.slots *= 2
        self.counts: dict[Any, list[int]] = {} if key is not None else {None: [0] * self.slots}

    def __getitem__(self, key: Any) -> Row:
        converted = convert(self.key, key)
        return Row(self, int(converted) if isinstance(converted, int) else plain(converted))

    def add(self, value: int, count: int = 1) -> None:
        Row(self, None).add(value, count)

    def state(self) -> Any:
        if self.key is None:
            return [tuple(self.counts[None])]
        return {key: tuple(counts) for key, counts in self.counts.items()}


class Row:
    def __init__(self, hist: Hist, key: Any) -> None:
        self.hist, self.key = hist, key

    def add(self, value: int, count: int = 1) -> Self:
        hist, slot = self.hist, 0
        if int(value) >= hist.first:
            slot = 1 + sum(int(value) >= end for end in hist.ends)
        counts = hist.counts.get(self.key)
        if counts is None:
            counts = hist.counts[self.key] = [0] * hist.slots
        counts[slot] += int(count)
        return self
