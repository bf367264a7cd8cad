"""probee beside its peers: `make bench`, or `python -m bench [--quick] [--only SECTION]...`.

In: root, gcc, and whichever peers are installed (scripts/oracles.py tells how to get them) or can
be fetched (bench/peers). Out: bench/results.json, as each section ends, then bench/RESULTS.md and
the table of README.md; after a run that was broken off, `--again` writes these of what there is.
Nothing is traced but processes that this starts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from bench import compiled, contestants, load, measure, profile, report, sizes, surroundings
from bench.codegen import measure as codegen
from bench.peers import trixie
from scripts import oracles

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contestants import Contestant, Missing

SECTIONS = (
    "cost", "profile", "start", "million", "every_cpu", "crowd", "compiled", "sizes", "codegen",
)  # fmt: skip


def version(tool: str) -> str:
    """What `tool --version` says first, or "" without it."""
    path = oracles.find(tool)
    if path is None:
        return ""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def gathered(without: list[str], *, local: bool) -> tuple[list[Contestant], list[Missing]]:
    """Who could take part, and who cannot be had. `local`: nothing is fetched."""
    found, missing = contestants.installed()
    if not local:
        more, lacking = contestants.fetched(trixie.cache_folder())
        found, missing = found + more, missing + lacking
    return [row for row in contestants.ours() + found if row.name not in without], missing


def measured(section: str, rows: list[Contestant], plan: measure.Plan, cache: Path | None) -> Any:
    """The numbers of one section, or None where a tool is missing."""
    clang = oracles.find("clang")
    match section:
        case "cost":
            return measure.cost(rows, plan)
        case "start":
            return measure.start(rows, plan)
        case "million":
            return measure.many(rows, plan, load.cpus()[:1], 3)
        case "every_cpu":
            return measure.many(rows, plan, load.cpus(), 2)
        case "crowd":
            return measure.crowd(rows, plan)
        case "sizes":
            return sizes.measured(cache)
        case "compiled" if clang and plan.bpftool:
            return compiled.c_program(clang, plan.bpftool, plan.folder, plan.rounds)
        case "profile" if plan.bpftool:
            return profile.measured(rows, plan, plan.bpftool)
        case "codegen" if clang:
            return codegen.measured(clang, min(plan.rounds, 7), plan.folder)
    return None


def main(words: list[str]) -> int:
    """Measures, writes, prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="probee and its peers")
    parser.add_argument("--quick", action="store_true", help="few rounds, and write no file")
    parser.add_argument("--rounds", type=int, default=11, help="how many, if not --quick")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="just this section")
    parser.add_argument("--without", action="append", default=[], help="leave a contestant out")
    parser.add_argument("--local", action="store_true", help="fetch no peers")
    parser.add_argument("--again", action="store_true", help="write the pages from results.json")
    options = parser.parse_args(words)
    if options.again:
        report.write(json.loads(report.RESULTS.read_text()))
        return 0
    gcc = oracles.find("gcc")
    if os.geteuid() != 0 or gcc is None:
        print("the benchmarks need root, and gcc for the load generator", file=sys.stderr)
        return 1
    # A shell's background job ignores SIGINT, and so would all that is ended by it here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    load.build(gcc)
    surroundings.enter()
    try:
        results = run(options)
    finally:
        surroundings.end_children()  # where Ctrl-C came between a start and an end
    if options.quick or options.only:
        print(report.markdown(results))
    else:
        report.write(results)
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All sections that are wanted."""
    begin = time.monotonic()
    rows, missing = gathered(options.without, local=options.local)
    with tempfile.TemporaryDirectory(prefix="probee-bench-") as folder:
        plan = measure.Plan(
            folder, 3 if options.quick else options.rounds, 100_000 if options.quick else 1_000_000,
            oracles.find("bpftool"), 1.0 if options.quick else 60.0, [],
        )  # fmt: skip
        rows, words, size = measure.try_out(rows, plan)
        rows = [contestants.floor(size), *rows]
        results: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": surroundings.machine(),
            "record_bytes": size,
            "rounds": plan.rounds,
            "versions": {tool: version(tool) for tool in ("bpftrace", "clang")},
            "contestants": {row.name: {"role": row.role, "what": row.what} for row in rows},
            "missing": {**{row.name: row.why for row in missing}, **words},
        }
        cache = trixie.cache_folder() / trixie.SUITE
        for section in options.only or SECTIONS:
            print(f"{time.monotonic() - begin:5.0f} s: {section}", file=sys.stderr, flush=True)
            found = measured(section, rows, plan, cache if cache.exists() else None)
            if found is not None:
                results[section] = found
            results["failures"] = plan.failures
            results["minutes"] = (time.monotonic() - begin) / 60
            if not options.quick and not options.only:  # kept if the run is broken off
                report.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
