"""Runs the tests against seeded bugs: `python -m tests.mutation [--all] [NAME…]`.

In: names of mutants, all without any. Out: a line for each as it is done; survivors with their
diff; how many were caught, and by what. The status is 1 if the tests of its kind let one live.

Each bug is put into a copy of the tree, several copies at a time, and the tests of the kind that
its row names run there up to the first failure. `--all` asks every kind of every mutant: it tells
what is caught by recorded text alone. At the end the tests that failed are run without any bug:
they must pass.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tests import kernel_state
from tests.mutation.evidence import KINDS, command, of_tests
from tests.mutation.mutant import ROOT, Mutant
from tests.mutation.table import MUTANTS

SECONDS = 200  # a bug may make a loop endless: that is caught too
COPIED = ("probee", "tests", "docs", "scripts", "bench", "pyproject.toml", "README.md",
          "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")  # fmt: skip


class Verdict(NamedTuple):
    """How a mutant fared. `caught`: kind → the test that failed first; "" where none did."""

    mutant: Mutant
    caught: dict[str, str]
    seconds: float

    @property
    def well(self) -> bool:
        """Whether the kind of tests caught it that has to."""
        return bool(self.caught.get(self.mutant.by))


class Trees:
    """Copies of the tree, each used by one thread at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            tree = folder / f"tree{number}"
            tree.mkdir()
            for name in COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, tree / name, symlinks=True)
                else:
                    shutil.copy2(source, tree / name)
            self._free.put(tree)

    def judge(self, mutant: Mutant, *, every: bool) -> Verdict:
        """Runs tests on a copy with the bug in it."""
        tree = self._free.get()
        begin = time.monotonic()
        path = tree / mutant.path
        before = path.read_bytes()
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()  # it is compiled anew in each run, and not kept (see `run`)
        caught: dict[str, str] = {}
        try:
            path.write_text(mutant.text(tree), encoding="utf-8")
            for kind in KINDS if every else (mutant.by,):
                caught[kind] = run(tree, command(kind, mutant.file))
        finally:
            path.write_bytes(before)
            self._free.put(tree)
        return Verdict(mutant, caught, time.monotonic() - begin)

    def control(self, verdicts: list[Verdict]) -> str:
        """The first test that fails on a copy without a bug, of those that caught one, or ""."""
        caught = {t for v in verdicts for t in v.caught.values()}
        rooms = dict.fromkeys(v.mutant.file for v in verdicts if v.caught.get("meaning"))
        judges = {tuple(command("meaning", file)) for file in rooms}
        tests = sorted(test for test in caught if "::" in test)
        commands = [list(judge) for judge in sorted(judges)] + ([of_tests(tests)] if tests else [])
        tree = self._free.get()
        try:
            return next((found for one in commands if (found := run(tree, one))), "")
        finally:
            self._free.put(tree)


def run(tree: Path, arguments: list[str]) -> str:
    """What failed first in `tree`, or ""."""
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env=environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "endless"
    if done.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if found is not None:
        return found[1]
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[-1] if done.returncode in (1, 2) and said else f"status {done.returncode}"


def diff(mutant: Mutant) -> str:
    """The bug as a diff."""
    name = str(mutant.path)
    before = (ROOT / mutant.path).read_text(encoding="utf-8").splitlines(keepends=True)
    after = mutant.text().splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, name, f"{name} ({mutant.name})", n=2))


def told(verdict: Verdict) -> str:
    """A line on one mutant."""
    kinds = [f"{kind}: {test:.150}" for kind, test in verdict.caught.items() if test]
    return f"{verdict.mutant.name:<34} {verdict.seconds:5.1f} s  {'; '.join(kinds) or 'SURVIVED'}"


def report(verdicts: list[Verdict]) -> bool:
    """Prints what the verdicts come to; whether all is well."""
    alive = [v for v in verdicts if not v.well]
    for verdict in alive:
        sys.stdout.write(f"\n{told(verdict)}\n  {verdict.mutant.breaks}\n{diff(verdict.mutant)}")
    found = {kind: sum(bool(v.caught.get(kind)) for v in verdicts) for kind in KINDS}
    counts = ", ".join(f"{count} by {kind}" for kind, count in found.items() if count)
    sys.stdout.write(f"\n{len(verdicts) - len(alive)} of {len(verdicts)} caught: {counts}\n")
    return not alive


def main(arguments: list[str]) -> int:
    """The exit status: 0 all caught, 1 some survived, 2 nothing can be said."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="seeded bugs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants, or beginnings of names")
    parser.add_argument("--all", action="store_true", help="ask every kind of tests of each")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    options = parser.parse_args(arguments)
    chosen = [m for m in MUTANTS if not options.names or m.name.startswith(tuple(options.names))]
    if not chosen:
        parser.error("no mutant has such a name")
    if why := kernel_state.why_no_bpf():
        sys.stderr.write(f"mutants are judged by programs in the kernel: {why}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        Path(folder).chmod(0o755)  # some tests run parts of the tree as nobody
        trees = Trees(Path(folder), options.jobs)
        verdicts = []
        with ThreadPoolExecutor(options.jobs) as pool:
            for verdict in pool.map(lambda m: trees.judge(m, every=options.all), chosen):
                verdicts.append(verdict)
                sys.stdout.write(told(verdict) + "\n")
                sys.stdout.flush()
        flaky = trees.control(verdicts)
    well = report(verdicts)
    if flaky:
        sys.stdout.write(f"{flaky} fails without any bug: what it caught means nothing\n")
        return 2
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
