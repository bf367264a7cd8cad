"""The measurements, each interleaved: every contestant in every round, so that drift hits all.

In: contestants and loads. Out: plain numbers by contestant, for report.py.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import contestants, load, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.contestants import Contestant

# A loop is timed in windows, each long enough for a dozen of the reader's wake-ups; the lower
# quartile is what it costs when the machine does nothing else.
WINDOWS, WINDOW_OPENS = 12, 25_000
# After a program has left a tracepoint, the next to come may wait for an RCU grace period there
# (tp_rcu_cond_sync in kernel/tracepoint.c): that is the doing of whoever went before.
SETTLE = 0.5


def _turns(rows: list[Contestant], rounds: int) -> Iterator[list[Contestant]]:
    """Each round begins with another contestant."""
    for number in range(rounds):
        here = number % len(rows)
        yield rows[here:] + rows[:here]


def cost(rows: list[Contestant], folder: str, rounds: int, *, filtered: bool) -> dict[str, Any]:
    """Nanoseconds that each adds to an open+close in a tight loop, one number a round.

    With `filtered` the loop runs in a process that the contestants were told not to watch.
    The baseline of a number is the mean of the loop just before and just after.
    """
    added: dict[str, list[float]] = {row.name: [] for row in rows}
    baselines = []
    first = load.cpus()[:1]
    output = Path(folder, "rows")
    with load.Load(folder, first) as looped, load.Load(folder, first) as other:
        watched = other if filtered else looped
        disturbed = 0
        before = _steady(looped)
        for order in _turns(rows, rounds):
            for row in order:
                run = contestants.Run(row, watched.pid, output)
                run.wait_until_it_sees(watched)
                with_it = _steady(looped)
                run.end()
                disturbed += not surroundings.wait_until_alone()
                after = _steady(looped)
                added[row.name].append(with_it - (before + after) / 2)
                baselines.append(after)
                before = after
    middle = statistics.median(baselines)
    return {"baseline_ns": middle, "disturbed": disturbed, "added_ns": added}


def _steady(looped: load.Load) -> float:
    """Nanoseconds an open+close, little disturbed by what else the machine does."""
    return statistics.quantiles(looped.run(WINDOW_OPENS) for _ in range(WINDOWS))[0]


def start(rows: list[Contestant], folder: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds from the start of the process to its first row in a pipe, seen from outside."""
    variants = [(row, row.name, False) for row in rows if row.rows]
    variants += [(row, "probee, no cache", True) for row in rows if row.name == "probee"]
    taken: dict[str, list[float]] = {name: [] for _, name, _ in variants}
    with load.Load(folder, load.cpus()[:1]) as looped, tempfile.TemporaryDirectory() as kept:
        for row, _, _ in variants * 2:
            _first_row(row, looped, kept)  # what is read later comes from memory
        for number in range(rounds):
            here = number % len(variants)
            for row, name, cold in variants[here:] + variants[:here]:
                with tempfile.TemporaryDirectory() as empty:
                    taken[name].append(_first_row(row, looped, empty if cold else kept))
    return taken


def _first_row(row: Contestant, looped: load.Load, cache: str) -> float:
    time.sleep(SETTLE)
    token = f"/{load.WARM}".encode()
    looped.go()
    begin = time.perf_counter()
    process = subprocess.Popen(
        row.command(looped.pid), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        cwd=contestants.ROOT, env=contestants.environment(PROBEE_CACHE_DIR=cache),
    )  # fmt: skip
    assert process.stdout is not None
    seen = b""
    while token not in seen:
        chunk = process.stdout.read(65536)
        if not chunk:
            raise RuntimeError(f"{row.name} ended before its first row: {seen.decode()}")
        seen = seen[-64:] + chunk
    milliseconds = (time.perf_counter() - begin) * 1000
    looped.halt()
    process.kill()  # its manners at the end are measured elsewhere
    process.stdout.close()
    process.wait()
    return milliseconds


def many(
    rows: list[Contestant], folder: str, cpus: list[int], opens: int, bpftool: str | None
) -> dict[str, dict[str, Any]]:
    """`opens` in all, at full speed from a thread on each of `cpus`, rows to a file."""
    found = {}
    output = Path(folder, "rows")
    each = opens // len(cpus)
    for row in rows:
        if not row.rows:
            continue
        with load.Load(folder, cpus) as looped:
            run = contestants.Run(row, looped.pid, output)
            run.wait_until_it_sees(looped)
            programs = run.programs(bpftool) if bpftool else []
            nanoseconds = looped.run(each)
            run.wait_until_quiet()
            used = run.end()
        found[row.name] = {
            "opens": each * len(cpus), "rows": run.rows(), "ns": nanoseconds,
            "programs": programs, "reported": _reported(used.said), **used._asdict(),
        }  # fmt: skip
        output.unlink()
    return found


def _reported(said: str) -> int:
    """How many events a contestant says it lost; probee's last line on standard error."""
    found = re.findall(r"(\d+) events? lost", said.replace(",", ""))
    return int(found[-1]) if found else 0
