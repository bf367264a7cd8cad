"""Where the added time goes: how much of it is spent inside a contestant's programs.

In: contestants, bpftool. Out: nanoseconds in programs and runs of them for each open, as the kernel
counts them (BPF_ENABLE_STATS). What is added beyond that is the way to the programs, the wake-ups
of the reader, and what the reader's work on another CPU costs this one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bench import load
from bench.run import Run
from probee.host import bpf

if TYPE_CHECKING:
    from bench.contestants import Contestant
    from bench.measure import Plan

OPENS = 100_000


def measured(rows: list[Contestant], plan: Plan, bpftool: str) -> dict[str, dict[str, float]]:
    """By contestant: `ns` and `runs`, each for one open and close of what it watches."""
    found: dict[str, dict[str, float]] = {}
    stats = bpf.enable_stats()
    try:
        with load.Load(plan.folder, load.cpus()[:1]) as looped:
            for row in [row for row in rows if "cost" in row.measures]:
                numbers = plan.tried(_profiled, row, looped, plan, bpftool)
                if numbers is not None:
                    found[row.name] = numbers
    finally:
        os.close(stats)
    return found


def _profiled(row: Contestant, looped: load.Load, plan: Plan, bpftool: str) -> dict[str, float]:
    run = Run(row, looped.watched, plan.output)
    run.wait_until_it_sees(looped)
    before = _totals(run.programs(bpftool))
    looped.run(OPENS)
    after = _totals(run.programs(bpftool))
    run.end()
    return {key: (after[key] - before[key]) / OPENS for key in after}


def _totals(programs: list[dict[str, Any]]) -> dict[str, float]:
    return {key: sum(row[key] for row in programs) for key in ("ns", "runs")}
