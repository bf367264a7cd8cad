"""Runs random programs and tells how they ended. See CONTRIBUTING.md.

In: the environment: FUZZ_SECONDS or FUZZ_COUNT, SEED, FUZZ_KERNEL=0 to do without one,
FUZZ_SHRINK=0 to leave failures as they are. Out: rows on standard output, a file in .output/fuzz
for each failure; status 1 if there was one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests import kernel_state
from tests.fuzz import coverage
from tests.fuzz.ending import REFUSED, Ending, examine
from tests.fuzz.shrink import shrunk
from tests.meaning.compare import Case, best_isa, case as random_case, level
from tests.meaning.machine import load_module

FOLDER = Path(".output/fuzz")
COVERAGE_EACH = 5  # every so many programs the IR is looked at too
REPORT_SECONDS = 30


class Fuzz:
    """One run: counts, coverage, failures."""

    def __init__(self, first: int, *, kernel: bool, shrink: bool = True) -> None:
        self.seed, self.kernel, self.shrink = first, kernel, shrink
        self.ends: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.unsimulated: Counter[str] = Counter()
        self.traps = self.instructions = self.executed = 0
        self.hit: set[str] = set()
        self.failures: dict[tuple[str, ...], int] = {}
        self.levels = best_isa() if kernel else 4

    def one(self, folder: Path) -> None:
        """The next seed."""
        seed, self.seed = self.seed, self.seed + 1
        case = random_case(seed)
        isa = level(seed, case.source, self.levels)
        self.hit |= coverage.syntax_of(case.source)
        ending = examine(case, folder, isa=isa, kernel=self.kernel)
        self.ends[ending.kind] += 1
        if ending.kind == REFUSED:
            self.refused[", ".join(ending.signature)] += 1
        if ending.agreed is not None:
            self.traps += ending.agreed.traps
            self.instructions += ending.agreed.instructions
            self.executed += ending.agreed.executed
            if ending.agreed.unsimulated:
                self.unsimulated[ending.agreed.unsimulated] += 1
            if seed % COVERAGE_EACH == 0:
                names = load_module(folder / "covered.py", case.source)
                self.hit |= coverage.operations_of(names, case.consts)
        if ending.failed:
            self.failed(seed, isa, case, ending, folder)

    def failed(self, seed: int, isa: int, case: Case, ending: Ending, folder: Path) -> None:
        """Keeps the first case of each way to fail, shrunk if wanted; only counts the others."""
        way = (ending.kind, *ending.signature)
        self.failures[way] = self.failures.get(way, 0) + 1
        print(f"seed {seed}, isa {isa}: {': '.join(way)}", flush=True)
        if self.failures[way] > 1:
            return

        def fails(other: Case) -> bool:
            found = examine(other, folder, isa=isa, kernel=ending.needs_kernel)
            return (found.kind, found.signature) == (ending.kind, ending.signature)

        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"seed_{seed}.py"
        kept = shrunk(case, fails) if self.shrink else case
        path.write_text(_pasteable(kept, seed, isa, ending), encoding="utf-8")
        print(f"  {'shrunk' if self.shrink else 'as it is'}: {path}", flush=True)

    def report(self, seconds: float) -> None:
        """What the run amounts to."""
        done = sum(self.ends.values())
        accepted = done - self.ends[REFUSED]
        print(f"{done:,} programs in {seconds:.0f} s, the next seed is {self.seed}")
        print(f"  {dict(self.ends)}")
        print(f"  refused for sharing: {dict(self.refused)}")
        rate = self.ends["rejected"] / accepted if accepted else 0
        legs = "CPython, simulator, kernel" if self.kernel else "CPython, simulator: no kernel"
        print(f"  {legs}; rejected by the verifier: {rate:.4%} of those accepted")
        print(
            f"  {self.instructions:,} instructions of code, {self.executed:,} simulated,"
            f" {self.traps:,} traps"
        )
        if self.unsimulated:
            print(f"  not simulated: {dict(self.unsimulated)}")
        for way, count in self.failures.items():
            print(f"  FAILED {count} times: {': '.join(way)}")
        sys.stdout.flush()

    def coverage(self) -> None:
        """Which rows were hit."""
        for what, rows in (
            ("rows of the syntax", coverage.syntax_rows()),
            ("operations of the IR", coverage.operation_rows()),
        ):
            missed = sorted(rows - self.hit)
            known = [row for row in missed if coverage.reason(row)]
            print(
                f"  {len(rows) - len(missed)} of {len(rows)} {what} hit, {len(known)} known not to"
            )
            for row in missed:
                print(f"    {row}: {coverage.reason(row) or 'NOT HIT'}")


def _pasteable(case: Case, seed: int, isa: int, ending: Ending) -> str:
    """A row for tests/meaning/found.py, and below it what was seen."""
    body = case.source.split("\n\n", 1)
    source = body[1] if body[0].startswith("from probee import") else case.source
    seen = "".join(f"# {line}\n" for line in ending.text.splitlines())
    return (
        f'    "say what it is about (seed {seed})": Found(\n'
        f"        {isa},\n        {dict(case.consts)!r},\n"
        f"        {[dict(given) for given in case.rounds]!r},\n"
        f'        """\n{source.strip()}\n""",\n    ),\n\n{seen}'
    )


def main() -> int:
    """Status 1 if anything failed."""
    count = int(os.environ.get("FUZZ_COUNT") or 0)
    seconds = float(os.environ.get("FUZZ_SECONDS") or (0 if count else 60))
    first = int(os.environ.get("SEED") or time.time_ns() % 10**9)
    reason = kernel_state.why_no_bpf()
    if os.environ.get("FUZZ_KERNEL") == "0":
        reason = "FUZZ_KERNEL=0"
    print(f"from seed {first}; kernel: {reason or 'yes'}", flush=True)
    shrink = os.environ.get("FUZZ_SHRINK") != "0"
    fuzz = Fuzz(first, kernel=not reason, shrink=shrink)
    start = told = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while True:
            now = time.monotonic()
            done = sum(fuzz.ends.values())
            if (count and done >= count) or (seconds and now - start >= seconds):
                break
            if now - told > REPORT_SECONDS:
                told = now
                print(f"{done:,} programs, {len(fuzz.failures)} ways to fail", flush=True)
            fuzz.one(Path(folder))
    fuzz.report(time.monotonic() - start)
    fuzz.coverage()
    return bool(fuzz.failures)


if __name__ == "__main__":
    sys.exit(main())
