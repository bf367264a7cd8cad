"""One table of all kernels out of what each left in its folder; and what failed, with reasons."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("kernel", "release", "probes", "passed", "failed", "skipped", "random", "seconds")


class Result(NamedTuple):
    """What one kernel showed. `trouble`: why it is not complete, or ""."""

    series: str
    release: str
    trouble: str
    contradictions: tuple[str, ...] = ()
    tests: tuple[dict[str, str], ...] = ()
    random: str = ""  # `ok`, `failed`, or "" if none were asked for
    seconds: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether this kernel makes the whole run fail."""
        failed = any(test["outcome"] in {"failed", "error"} for test in self.tests)
        return bool(self.trouble or self.contradictions or failed or self.random == "failed")


def read(series: str, folder: Path, trouble: str, seconds: float) -> Result:
    """From the files that inside.py wrote; what is missing of them is trouble."""

    def text(name: str) -> str:
        path = folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    tests = tuple(json.loads(line) for line in text("results").splitlines())
    if not trouble and not (folder / "done").exists():
        trouble = "it ended before the tests did"
    if not trouble and not tests:
        trouble = "no test ran"
    words = {"": "", "0": "ok"}
    return Result(
        series, text("begun"), trouble, tuple(text("features").splitlines()), tests,
        words.get(text("random"), "failed"), seconds,
    )  # fmt: skip


def _row(result: Result) -> tuple[str, ...]:
    count = Counter(test["outcome"] for test in result.tests)
    probes = f"{len(result.contradictions)} wrong" if result.contradictions else "ok"
    return (
        result.series, result.release or "-", probes if result.release else "-",
        str(count["passed"]), str(count["failed"] + count["error"]), str(count["skipped"]),
        result.random or "-", f"{result.seconds:.0f}",
    )  # fmt: skip


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
    for test in result.tests:
        if test["outcome"] in {"failed", "error"}:
            out.append(f"  {test['outcome'].upper():7} {test['test']}: {test['why']}")
    skips = Counter(test["why"] for test in result.tests if test["outcome"] == "skipped")
    out += [f"  skipped {count} times: {why}" for why, count in skips.most_common()]
    return out
