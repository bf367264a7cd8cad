"""Numbers -> RESULTS.md, and the table of README.md.

In: the dictionary that __main__.py writes to results.json, bench/NOTES.md, bench/soak.json. Out:
Markdown.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench import tables
from bench.codegen import report as codegen
from bench.goals import goals
from bench.series import Results, spread

HERE = Path(__file__).parent
RESULTS, PAGE, README = HERE / "results.json", HERE / "RESULTS.md", HERE.parent / "README.md"
NOTES, SOAK = HERE / "NOTES.md", HERE / "soak.json"
BEGIN, END = "<!-- bench: begin; written by make bench -->\n", "<!-- bench: end -->"
WHAT = (
    "Written by `make bench`: numbers of one run on one machine. Contestants take turns, each in "
    "every round or in every third, each round begins with another; a ratio is taken within a "
    "round. A number is the median of its rounds, in brackets the range of the middle half: what "
    "differs by less than that is noise. Every contestant is told to watch one process (`-p`), or "
    "one user (`-u`) where many processes are traced, in the kernel. All figures are in "
    "`results.json`."
)
FLOOR = (
    "**The floor** is the least that such a tool can cost: a program of 13 instructions on "
    "`sys_exit_openat` that filters by process and sends a record of the size that probee's have "
    "here, without writing into it; its reader sleeps until it is woken, waits 5 ms, copies what "
    "stands in the ring, and gives the space back, as every reader must. It shares no code with "
    "probee."
)


def markdown(results: Results) -> str:
    """The whole page."""
    parts = [
        ["# Side by side", "", WHAT, "", *_where(results), "", FLOOR, ""],
        _goals(results),
        tables.main(results),
        tables.against(results),
        tables.profile(results),
        tables.start(results),
        tables.crowd(results),
        tables.sizes(results),
        tables.compiled(results),
        tables.missing(results),
        [NOTES.read_text().rstrip(), ""] if NOTES.exists() else [],
        tables.soak(json.loads(SOAK.read_text())) if SOAK.exists() else [],
        codegen.markdown(results["codegen"]) if "codegen" in results else [],
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _where(results: Results) -> list[str]:
    machine, versions = results["machine"], results["versions"]
    text = (
        f"{results['date']}, {machine['cpus']} × {machine['cpu']}, Linux {machine['kernel']}, "
        f"Python {machine['python']}; {', '.join(filter(None, versions.values()))}."
    )
    cost = results.get("cost")
    if cost is not None:
        baseline = spread(cost["baseline_ns"])
        assert baseline is not None
        text += f" An untraced open+close took {baseline.text()} ns."
        if cost["disturbed"]:
            text += f" Others were tracing during {cost['disturbed']} of the measurements of cost."
    return [text]


def _goals(results: Results) -> list[str]:
    lines = [
        "## What was to be reached",
        "",
        "| | at most | reached | |",
        "|---|--:|--:|---|",
    ]
    for goal in goals(results):
        if goal.reached is None:
            lines.append(f"| {goal.what} | {goal.limit:g} | – | not measured |")
            continue
        text = f"{goal.reached.middle:.3g}"
        if goal.reached.low != goal.reached.high:
            text += f" ({goal.reached.low:.3g}–{goal.reached.high:.3g})"
        met = "met" if goal.reached.middle <= goal.limit else "**missed**"
        lines.append(f"| {goal.what} | {goal.limit:g} | {text} | {met} |")
    return [*lines, ""]


def write(results: Results) -> None:
    """RESULTS.md, and the table in README.md between its marks."""
    PAGE.write_text(markdown(results))
    README.write_text(in_readme(README.read_text(), results))


def in_readme(text: str, results: Results) -> str:
    """`text` with the table between its marks made anew."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join(tables.short(results))
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
