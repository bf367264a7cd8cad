"""One table of all kernels out of what each left in its folder; and what failed, with reasons."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from vmtest.rows import differences

COLUMNS = (
    "kernel", "release", "probes", "opensnoop", "passed", "failed", "skipped", "random", "seconds",
)  # fmt: skip


class Result(NamedTuple):
    """What one kernel showed. `trouble`: why it is not complete, or ""."""

    series: str
    release: str
    trouble: str
    contradictions: tuple[str, ...] = ()
    tests: tuple[dict[str, str], ...] = ()
    random: str = ""  # `ok`, `failed`, or "" if none were asked for
    seconds: float = 0.0
    rows: dict[str, Any] | None = None  # what rows.py wrote
    differences: tuple[str, ...] = ()  # of those from another kernel's

    @property
    def bad(self) -> bool:
        """Whether this kernel makes the whole run fail."""
        failed = any(test["outcome"] in {"failed", "error"} for test in self.tests)
        wrong = self.trouble or self.contradictions or self.differences
        return bool(wrong or failed or self.random == "failed")


def read(series: str, folder: Path, trouble: str, seconds: float) -> Result:
    """From the files that inside.py wrote; what is missing of them is trouble."""

    def text(name: str) -> str:
        path = folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    tests = tuple(json.loads(line) for line in text("results").splitlines())
    if trouble and tests:
        trouble += f"; the last test that ended was {tests[-1]['test']}"
    if not trouble and not (folder / "done").exists():
        trouble = "it ended before the tests did"
    if not trouble and not tests:
        trouble = "no test ran"
    random, rows = text("random"), text("rows")
    if not trouble and random and not rows:
        trouble = f"opensnoop's rows are missing: {folder / 'log'} says why"
    words = {"": "", "0": "ok"}
    return Result(
        series, text("begun"), trouble, tuple(text("features").splitlines()), tests,
        words.get(random, "failed"), seconds, json.loads(rows) if rows else None,
    )  # fmt: skip


def compared(results: list[Result], here: dict[str, Any] | None) -> list[Result]:
    """With the differences of opensnoop's rows from those of this machine, or of the first."""
    shown = [rows for rows in (here, *(result.rows for result in results)) if rows]
    return [
        result._replace(differences=tuple(differences(shown[0], result.rows)))
        if result.rows
        else result
        for result in results
    ]


def _row(result: Result) -> tuple[str, ...]:
    count = Counter(test["outcome"] for test in result.tests)
    probes = f"{len(result.contradictions)} wrong" if result.contradictions else "ok"
    return (
        result.series, result.release or "-", probes if result.release else "-", _shown(result),
        str(count["passed"]), str(count["failed"] + count["error"]), str(count["skipped"]),
        result.random or "-", f"{result.seconds:.0f}",
    )  # fmt: skip


def _shown(result: Result) -> str:
    """`pair, 96 rows`: how the tool traced, of its own accord, and how much it showed."""
    if result.rows is None:
        return "-"
    count = sum(len(rows) for rows in result.rows["views"].values())
    return f"{result.rows['variant']}, {f'{count} rows' if not result.differences else 'WRONG'}"


def lines(results: list[Result]) -> list[str]:
    """The table, then for each kernel its troubles, failures and skips."""
    rows = [COLUMNS, *map(_row, results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    out = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for result in results:
        found = list(_details(result))
        if found:
            out += ["", f"{result.series}:", *found]
    return out


def _details(result: Result) -> list[str]:
    out = [f"  TROUBLE {result.trouble}"] if result.trouble else []
    out += [f"  PROBE   {line}" for line in result.contradictions]
    out += [f"  ROWS    {line}" for line in result.differences]
    for test in result.tests:
        if test["outcome"] in {"failed", "error"}:
            out.append(f"  {test['outcome'].upper():7} {test['test']}: {test['why']}")
    skips = Counter(test["why"] for test in result.tests if test["outcome"] == "skipped")
    out += [f"  skipped {count} times: {why}" for why, count in skips.most_common()]
    return out
