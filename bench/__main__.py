"""probee beside its peers: `make bench`, or `python -m bench [--quick] [--only SECTION]...`.

In: root, gcc, and whichever peers are installed (scripts/oracles.py tells how to get them).
Out: bench/results.json and bench/RESULTS.md. Nothing is traced but processes that this starts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import contestants, load, measure, report, surroundings
from bench.codegen import measure as codegen
from probee import sizeof
from probee.tools.opensnoop.rows import Open
from scripts import oracles

HERE = Path(__file__).parent
SECTIONS = ("cost", "filtered", "start", "million", "every_cpu", "codegen")


def version(tool: str) -> str:
    """What `tool --version` says first, or "" without it."""
    path = oracles.find(tool)
    if path is None:
        return ""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def measured(
    sections: list[str], rows: list[contestants.Contestant], quick: bool
) -> dict[str, Any]:
    """The numbers of each section, by its name."""
    rounds = 3 if quick else 11
    opens = 100_000 if quick else 1_000_000
    bpftool = oracles.find("bpftool")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="probee-bench-") as folder:
        for section in sections:
            print(f"{section} ...", file=sys.stderr, flush=True)
            match section:
                case "cost" | "filtered":
                    there = section == "filtered"
                    found[section] = measure.cost(rows, folder, rounds, filtered=there)
                case "start":
                    found[section] = measure.start(rows, folder, rounds)
                case "million":
                    found[section] = measure.many(rows, folder, load.cpus()[:1], opens, bpftool)
                case "codegen":
                    clang = oracles.find("clang")
                    if clang is not None:
                        found[section] = codegen.measured(clang, rounds, folder)
                case _:
                    found[section] = measure.many(rows, folder, load.cpus(), opens, bpftool)
    return found


def main(words: list[str]) -> int:
    """Measures, writes, prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="probee and its peers")
    parser.add_argument("--quick", action="store_true", help="few rounds, and write no file")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="just this section")
    parser.add_argument("--without", action="append", default=[], help="leave a contestant out")
    options = parser.parse_args(words)
    gcc = oracles.find("gcc")
    if os.geteuid() != 0 or gcc is None:
        print("the benchmarks need root, and gcc for the load generator", file=sys.stderr)
        return 1
    load.build(gcc)
    surroundings.enter()
    rows = [row for row in contestants.peers(sizeof(Open)) if row.name not in options.without]
    results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": surroundings.machine(),
        "versions": {tool: version(tool) for tool in ("opensnoop", "bpftrace")},
        "contestants": {row.name: row.what for row in rows},
        **measured(options.only or list(SECTIONS), rows, options.quick),
    }
    text = report.markdown(results)
    print(text)
    if not options.quick and not options.only:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
