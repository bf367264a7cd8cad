"""The measurements, each interleaved: every contestant in its rounds, so that drift hits all.

In: contestants and loads. Out: plain numbers by contestant, for report.py. A series has a number
for each round, None where the contestant sat it out, so that ratios are taken within a round.
"""

from __future__ import annotations

import os
import re
import select
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from bench import load, surroundings
from bench.contestants import OURS
from bench.run import PATIENCE, Failed, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.contestants import Contestant

Series = dict[str, list[float | None]]
P = ParamSpec("P")
T = TypeVar("T")

# A loop is timed in windows, each long enough for a dozen of the reader's wake-ups; the lower
# quartile is what it costs when the machine does nothing else.
WINDOWS, WINDOW_NS, FIRST = 8, 60e6, 3000
# After a program has left a tracepoint, the next to come may wait for an RCU grace period there
# (tp_rcu_cond_sync in kernel/tracepoint.c): that is the doing of whoever went before.
SETTLE = 0.5
NO_CACHE, FROM_DISK = "probee, no cache", " from disk"


class Plan(NamedTuple):
    """How much is measured, and where files may go."""

    folder: str
    rounds: int
    opens: int
    bpftool: str | None
    patience: float  # seconds, in all, to wait for others to stop tracing
    failures: list[str]  # what went wrong on the way: a contestant that fails has no number then

    def tried(
        self,
        measured: Callable[Concatenate[Contestant, P], T],
        row: Contestant,
        *rest: P.args,
        **more: P.kwargs,
    ) -> T | None:
        """What `measured` returns of `row` and the rest, or None where it fails, which is noted."""
        try:
            return measured(row, *rest, **more)
        except Failed as error:
            self.failures.append(f"{row.name}: {error}")
            return None

    @property
    def output(self) -> Path:
        """Where rows go."""
        return Path(self.folder, "rows")


def turns(rows: list[Contestant], section: str, rounds: int) -> Iterator[list[Contestant]]:
    """Who takes part in each round of `section`; each round begins with another."""
    taking = [row for row in rows if section in row.measures]
    for number in range(rounds):
        here = number % len(taking)
        turn = taking[here:] + taking[:here]
        yield [row for row in turn if number % row.each == 0]


class Gathered:
    """Series that grow by a round at a time."""

    def __init__(self) -> None:
        self.series: Series = {}
        self._rounds = 0

    def next_round(self) -> None:
        """From now on numbers belong to the next round."""
        self._rounds += 1

    def add(self, name: str, value: float) -> None:
        """The number of `name` in this round."""
        series = self.series.setdefault(name, [])
        series.extend([None] * (self._rounds - len(series)))
        series[self._rounds - 1] = value

    def whole(self) -> Series:
        """All series, as long as there were rounds."""
        for series in self.series.values():
            series.extend([None] * (self._rounds - len(series)))
        return self.series


def try_out(rows: list[Contestant], plan: Plan) -> tuple[list[Contestant], dict[str, str], int]:
    """Who works here; what the others say; the bytes of a record that probee sends."""
    works, words, size = [], {}, 0
    for row in rows:
        with load.Load(plan.folder, load.cpus()) as looped:
            try:
                run = Run(row, looped.watched, plan.output)
                run.wait_until_it_sees(looped)
            except (Failed, OSError) as error:
                words[row.name] = str(error)
                continue
            works.append(row)
            if row.name == OURS:
                run.wait_until_quiet()
                before = run.written()
                looped.run(1000)
                run.wait_until_quiet()
                size = (run.written() - before) // (1000 * looped.workers)
            run.end()
    return works, words, size - 8  # a record's head is the ring's


def cost(rows: list[Contestant], plan: Plan) -> dict[str, Any]:
    """Nanoseconds that each adds to an open+close in a tight loop, one number a round.

    Twice: of the process that it watches, and of another, which its filter leaves out. The baseline
    of a number is the mean of the loop just before and just after.
    """
    kinds = ("cost", "filtered")
    added, baselines, disturbed = {kind: Gathered() for kind in kinds}, [], 0
    patience = plan.patience
    first = load.cpus()[:1]
    with load.Load(plan.folder, first) as watched, load.Load(plan.folder, first) as other:
        loops = (watched, other)
        before = [steady(loop) for loop in loops]
        for turn in turns(rows, "cost", plan.rounds):
            for kind in kinds:
                added[kind].next_round()
            for row in turn:
                with_it = plan.tried(_looped, row, loops, plan)
                if with_it is None:
                    continue
                begin = time.monotonic()
                disturbed += not surroundings.wait_until_alone(min(patience, 10))
                patience -= time.monotonic() - begin
                after = [steady(loop) for loop in loops]
                for i, kind in enumerate(kinds):
                    added[kind].add(row.name, with_it[i] - (before[i] + after[i]) / 2)
                baselines.append(after[0])
                before = after
    found = {kind: gathered.whole() for kind, gathered in added.items()}
    return {"baseline_ns": baselines, "disturbed": disturbed, **found}


def _looped(row: Contestant, loops: tuple[load.Load, ...], plan: Plan) -> list[float]:
    """Nanoseconds an open+close of each loop, while `row` watches the first."""
    run = Run(row, loops[0].watched, plan.output)
    run.wait_until_it_sees(loops[0])
    found = [steady(loop) for loop in loops]
    run.end()
    return found


def steady(looped: load.Load) -> float:
    """Nanoseconds an open+close, little disturbed by what else the machine does."""
    count = int(WINDOW_NS / looped.pair(FIRST)) + 1
    return statistics.quantiles(looped.pair(count) for _ in range(WINDOWS))[0]


def start(rows: list[Contestant], plan: Plan) -> dict[str, Series]:
    """Milliseconds, seen from outside: to the first row in a pipe, and from SIGINT to the end.

    `first`: from the start of the process to its first row, the files in memory; "no cache" is
    without probee's compiled programs, as at the very first start. `disk`: a few times the same
    after the page cache was dropped. `end`: from SIGINT, while nothing is opened, until it is gone.
    """
    first, end, disk = Gathered(), Gathered(), Gathered()
    with load.Load(plan.folder, load.cpus()[:1]) as looped, tempfile.TemporaryDirectory() as kept:
        for row in [row for row in rows if "start" in row.measures] * 2:
            _started(row, looped, plan, kept)  # what is read later comes from memory
        for number, turn in enumerate(turns(rows, "start", plan.rounds)):
            first.next_round()
            end.next_round()
            for row in turn:
                _started(row, looped, plan, kept, (first, end))
                if row.name == OURS:
                    with tempfile.TemporaryDirectory() as empty:
                        _started(row, looped, plan, empty, (first,), NO_CACHE)
            if number % 4 == 0:
                disk.next_round()
                for row in turn:
                    _drop_page_cache()
                    _started(row, looped, plan, kept, (disk,))
    return {"first": first.whole(), "end": end.whole(), "disk": disk.whole()}


def _drop_page_cache() -> None:
    """Files come from the disk again, as after a boot."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("1")


def _started(
    row: Contestant,
    looped: load.Load,
    plan: Plan,
    cache: str,
    into: tuple[Gathered, ...] = (),
    name: str = "",
) -> None:
    """Start and end of `row`, one number into each of `into`."""
    found = plan.tried(_first_row, row, looped, plan, cache)
    for gathered, number in zip(into, found or (), strict=False):
        gathered.add(name or row.name, number)


def _first_row(row: Contestant, looped: load.Load, plan: Plan, cache: str) -> tuple[float, float]:
    """Milliseconds to the first row, and from SIGINT to the end."""
    time.sleep(SETTLE)
    token = f"{row.mark}{load.WARM}".encode()
    looped.go()
    read, write = os.pipe()
    begin = time.perf_counter()
    run = Run(row, looped.watched, plan.output, cache, write)
    os.close(write)
    seen = b""
    try:
        while token not in seen:
            there, _, _ = select.select([read], [], [], PATIENCE)
            chunk = os.read(read, 65536) if there else b""
            if not chunk:
                run.end()
                raise Failed(f"no row came: {run.said()[-200:]}")
            seen = seen[-64:] + chunk
        milliseconds = (time.perf_counter() - begin) * 1000
    finally:
        looped.halt()
    _read_until_quiet(read)
    used = run.end()
    os.close(read)
    return milliseconds, used.end_ms


def _read_until_quiet(read: int) -> None:
    """Takes what still comes through the pipe, until nothing did for 0.2 seconds."""
    os.set_blocking(read, False)
    last = time.monotonic()
    while time.monotonic() - last < 0.2:
        try:
            if os.read(read, 1 << 20):
                last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.005)


def many(
    rows: list[Contestant], plan: Plan, cpus: list[int], rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """`opens` in all, at full speed from a thread on each of `cpus`, rows to a file; by round."""
    found: dict[str, list[dict[str, Any]]] = {}
    for turn in turns(rows, "many", rounds):
        for row in turn:
            with load.Load(plan.folder, cpus) as looped:
                numbers = plan.tried(_many, row, looped, plan)
            if numbers is not None:
                found.setdefault(row.name, []).append(numbers)
    return found


def _many(row: Contestant, looped: load.Load, plan: Plan) -> dict[str, Any]:
    """One contestant, all opens that `looped` is to make."""
    each = plan.opens // looped.workers
    run = Run(row, looped.watched, plan.output)
    run.wait_until_it_sees(looped)
    programs = run.programs(plan.bpftool) if plan.bpftool else []
    before = run.cpu()
    nanoseconds = looped.run(each)
    run.wait_until_quiet()
    cpu = run.cpu() - before
    used = run.end()
    found = {
        "opens": each * looped.workers, "rows": run.rows() if row.rows else 0,
        "ns": nanoseconds, "cpu": cpu, "programs": programs,
        "reported": reported(used.said), **used._asdict(),
    }  # fmt: skip
    plan.output.unlink()
    return found


def reported(said: str) -> int:
    """How many events a contestant says it lost; probee's last line on standard error."""
    found = re.findall(r"(\d+) events? lost", said.replace(",", ""))
    return sum(map(int, found)) if "lost" in said else 0


def crowd(rows: list[Contestant], plan: Plan) -> dict[str, dict[str, Any]]:
    """The same from 1, 10, 100 and 1,000 processes of one user, wherever they run.

    `alone_ns`: how long all opens took while nobody watched.
    """
    opens = max(plan.opens // 5, 1000)
    found: dict[str, dict[str, Any]] = {}
    uid, few = load.unused_uid(), plan._replace(opens=opens)
    os.chmod(plan.folder, 0o711)
    for processes in (1, 10, 100, 1000):
        numbers: dict[str, list[dict[str, Any]]] = {}
        alone = []
        for turn in turns(rows, "crowd", 2 if plan.rounds > 3 else 1):
            for row in turn:
                with load.Load(plan.folder, load.cpus(), processes, uid) as looped:
                    alone.append(looped.run(max(opens // processes, 1)))
                    done = plan.tried(_many, row, looped, few)
                if done is not None:
                    numbers.setdefault(row.name, []).append(done)
        found[str(processes)] = {"alone_ns": alone, "opens": opens, "with": numbers}
    return found
