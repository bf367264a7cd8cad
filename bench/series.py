"""Numbers of rounds: their middle, their spread, and ratios taken within a round.

In: lists with a number a round, None where there was none. Out: `Spread`.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Results = dict[str, Any]
# What does the same job as probee, and may be the best at it.
PEERS = ("old C", "new C", "old bpftrace", "new bpftrace", "bcc")


class Spread(NamedTuple):
    """`low` to `high` holds the middle half of the rounds."""

    middle: float
    low: float
    high: float

    def text(self, form: str = ",.0f") -> str:
        """`576 (560–601)`."""
        return f"{self.middle:{form}} ({self.low:{form}}–{self.high:{form}})"


def spread(numbers: Iterable[float | None]) -> Spread | None:
    """Of those that are there; None if none is."""
    there = sorted(number for number in numbers if number is not None)
    if not there:
        return None
    quarter = len(there) // 4
    return Spread(median(there), there[quarter], there[-1 - quarter])


def ratios(one: list[float | None] | None, other: list[float | None] | None) -> list[float | None]:
    """Round by round, where both took part and the other is above nothing."""
    return [
        a / b
        for a, b in zip(one or [], other or [], strict=False)
        if a is not None and b is not None and b > 0
    ]


def named(results: Results, *roles: str) -> list[str]:
    """The contestants of these roles that took part."""
    rows = results["contestants"].items()
    return [name for name, row in rows if row["role"] in roles]


def best(results: Results, series: dict[str, list[float | None]], *roles: str) -> str | None:
    """Whoever of these roles has the smallest middle."""
    there = [(spread(series[name]), name) for name in named(results, *roles) if name in series]
    return min(((s.middle, name) for s, name in there if s), default=(0.0, None))[1]


def per_million(results: Results, section: str, what: str) -> dict[str, list[float | None]]:
    """`cpu`: seconds of CPU per million rows, `peak_mb`, or `end_ms`: a series by contestant."""
    found: dict[str, list[float | None]] = {}
    for name, rounds in results.get(section, {}).items():
        if what == "cpu":
            found[name] = [
                1e6 * row["cpu"] / row["rows"] if row["rows"] else None for row in rounds
            ]
        else:
            found[name] = [row[what] for row in rounds]
    return found
