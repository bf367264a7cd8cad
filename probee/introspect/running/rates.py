"""How much programs run: two looks at the kernel's counters in, rates out.

The counters move only while statistics are on; `Statistics` switches them on for as long as it
lives. What the kernel counts: every run that it starts itself, on all CPUs together. A program that
another one reaches by a tail call, or that replaces a function of it, runs within that one's time
and has no count of its own.
"""

from __future__ import annotations

import os
from time import monotonic_ns

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol, Self

    from probee.host.runcounts import Counts

    class Reader(Protocol):
        """What reads counters: `probee.host.runcounts.RunCounts`, or a test's."""

        def read(self, id: int) -> Counts | None:
            """The counters of a program, None where it is gone."""
            ...


SECOND = 1_000_000_000
_SYSCTL = "/proc/sys/kernel/bpf_stats_enabled"


class Rate(Frozen):
    """What a program did between two looks. `ns_per_run` is 0 where it did not run.

    `cpu`: per cent of one CPU; more than 100 where it runs on several at once. `missed`: runs a
    second that did not happen, because the program was running on that CPU already.
    """

    runs: float
    ns_per_run: float
    cpu: float
    missed: float = 0.0


_NOTHING = Rate(0.0, 0.0, 0.0)


def rate(before: Counts, after: Counts, elapsed: int) -> Rate:
    """The rates between two looks, `elapsed` nanoseconds apart.

    Counters that went down are another program's, which got the id; then it ran `after` in all.
    """
    if after == before:
        return _NOTHING
    if after[0] < before[0] or after[1] < before[1]:
        before = (0, 0, 0)
    time, runs, missed = after[0] - before[0], after[1] - before[1], after[2] - before[2]
    elapsed = max(elapsed, 1)
    return Rate(
        runs * SECOND / elapsed, time / runs if runs else 0.0, time * 100 / elapsed,
        max(missed, 0) * SECOND / elapsed,
    )  # fmt: skip


class Statistics:
    """Keeps the kernel's statistics on, from `with` to its end. `why_not`: why they are off.

    Where the administrator has switched them on for good, nothing is done.
    """

    __slots__ = ("_fd", "why_not")

    def __init__(self, *, wanted: bool = True) -> None:
        self._fd = -1
        self.why_not = ""
        if on_for_good():
            return
        if not wanted:
            self.why_not = "statistics are off, and --no-stats leaves them so"
            return
        try:
            self._fd = bpf.enable_stats()
        except KernelError as error:
            self.why_not = _why(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Off again, unless somebody else keeps them on."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def on_for_good() -> bool:
    """Whether the sysctl kernel.bpf_stats_enabled says so."""
    try:
        with open(_SYSCTL, "rb", buffering=0) as file:
            return file.read(8).strip() == b"1"
    except OSError:
        return False


def _why(error: KernelError) -> str:
    if error.errno == 1:
        return "needs CAP_SYS_ADMIN, to switch statistics on"
    if error.errno == 22:
        return "before Linux 5.8 only sysctl kernel.bpf_stats_enabled=1 switches statistics on"
    return error.message


class Sampler:
    """Looks again and again; each look gives the rates since the one before."""

    __slots__ = ("_before", "_reader", "_when", "counts")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._before: Mapping[int, Counts] = {}
        self._when = 0
        self.counts: Mapping[int, Counts] = {}

    def look(self, ids: Iterable[int], now: int | None = None) -> dict[int, Rate]:
        """Rates by id, of programs that were there at the last look too; `counts` has all.

        Programs that are gone meanwhile are left out.
        """
        when = monotonic_ns() if now is None else now
        counts: dict[int, Counts] = {}
        for id in ids:
            found = self._reader.read(id)
            if found is not None:
                counts[id] = found
        before, elapsed = self._before, when - self._when
        self._before, self._when, self.counts = counts, when, counts
        return {
            id: rate(before[id], found, elapsed) for id, found in counts.items() if id in before
        }
