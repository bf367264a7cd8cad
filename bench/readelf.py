"""`probee readelf -a` beside GNU readelf and pyelftools.

    python -m bench.readelf [--rounds N] [OBJECT]

In: an object, or what `probee build opensnoop` writes; readelf 2.44 (scripts/fetched.py), and
pyelftools, which comes with the developer's packages. Out: milliseconds of a whole process, and its
ratio to starting pyelftools' readelf alone, which shows nothing. Rounds are interleaved; ratios are
taken within a round. The goal: at most 2 times that start.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts import fetched

ROOT = Path(__file__).parent.parent
GOAL = 2.0
START = "pyelftools, its start alone"
OURS = "probee readelf -a"


def contestants(obj: str) -> dict[str, list[str]]:
    """A command line each; those that are not here are left out."""
    python = sys.executable
    script = Path(python).parent / "readelf.py"
    rows = {OURS: [python, "-IS", str(ROOT / "bin" / "probee"), "readelf", "-a", obj]}
    if script.exists():
        rows[START] = [python, str(script), "--version"]
        rows["pyelftools -e -s -r"] = [python, str(script), "-e", "-s", "-r", obj]
    if found := fetched.find("readelf-2.44"):
        rows["GNU readelf -a"] = [found, "-a", obj]
    rows["Python, its start alone"] = [python, "-IS", "-c", ""]
    return rows


def seconds(words: list[str]) -> float:
    """Of one run, its output thrown away."""
    before = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - before


def measured(rows: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds by contestant, one for each round; a first round warms up and is not counted."""
    found: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name, words in rows.items():
            taken = seconds(words)
            if number:
                found[name].append(taken)
    return found


def main(words: list[str]) -> int:
    """Prints a table; the status is 0 whatever it says."""
    parser = argparse.ArgumentParser(description="probee readelf beside its peers")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("object", nargs="?")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        obj = options.object or os.path.join(folder, "opensnoop.bpf.o")
        if not options.object:
            build = [sys.executable, "-m", "probee", "build", "opensnoop", "-o", obj]
            subprocess.run(build, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
        found = measured(contestants(obj), options.rounds)
        size = os.path.getsize(obj)
    print(f"an object of {size:,} bytes, {options.rounds} rounds; medians")
    start = found.get(START)
    for name, taken in found.items():
        ratio = ""
        if start:
            of_rounds = [one / other for one, other in zip(taken, start, strict=True)]
            ratio = f"{statistics.median(of_rounds):6.2f} x {START}"
        print(f"  {name:28} {statistics.median(taken) * 1000:7.1f} ms {ratio}")
    if start:
        print(f"goal: {OURS} at most {GOAL:.0f} x {START}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
