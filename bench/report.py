"""Numbers -> RESULTS.md: one table, then each target with what was reached.

In: the dictionary that __main__.py writes to results.json. Out: Markdown.
"""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple

from bench.codegen import report as codegen

Results = dict[str, Any]

WHAT = (
    "Written by `make bench`: numbers of one run on one machine, every contestant in every round, "
    "medians. A ratio is the median of each round's ratio."
)
COLUMNS = (
    "start to first row, ms",
    "added ns per open+close",
    "the same, filtered out",
    "not shown of a million",
    "of a million from every CPU",
    "CPU s per million, user + system",
    "peak MB",
    "xlated/jited bytes",
)


def ratio(section: dict[str, list[float]], one: str, other: str) -> float | None:
    """The median of the ratios of each round, or None if either was not measured."""
    if one not in section or other not in section:
        return None
    pairs = zip(section[one], section[other], strict=True)
    return median(a / b if b > 0 else float("inf") for a, b in pairs)


def _cells(results: Results, name: str) -> list[str]:
    """The row of `name`: start, cost, filtered cost, loss, CPU, memory, size."""
    cells = []
    start = results.get("start", {}).get(name)
    cells.append(f"{median(start):.0f}" if start else "–")
    for section in ("cost", "filtered"):
        added = results.get(section, {}).get("added_ns", {}).get(name)
        cells.append(f"{median(added):,.0f}" if added else "–")
    for section in ("million", "every_cpu"):
        loss = results.get(section, {}).get(name)
        cells.append(f"{loss['opens'] - loss['rows']:,}" if loss else "–")
    use = results.get("million", {}).get(name)
    if use is None:
        return [*cells, "–", "–", "–"]
    scale = 1_000_000 / use["opens"]
    cells.append(f"{use['user'] * scale:.1f} + {use['system'] * scale:.1f}")
    cells.append(f"{use['peak_mb']:.0f}")
    sizes = [f"{row['xlated']}/{row['jited']}" for row in use["programs"]]
    return [*cells, " ".join(sizes) or "–"]


class Target(NamedTuple):
    """`reached` is None where it was not measured."""

    what: str
    limit: float
    reached: float | None


def _biggest(results: Results, name: str, part: str) -> float | None:
    rows = results.get("million", {}).get(name, {}).get("programs", [])
    sizes = [row["xlated"] for row in rows if part in row["name"]]
    return max(sizes) if sizes else None


def targets(results: Results) -> list[Target]:
    """What issue and README promise, beside what this run reached."""
    cost = results.get("cost", {}).get("added_ns", {})
    start = results.get("start", {})
    million, every = results.get("million", {}), results.get("every_cpu", {})
    ours, theirs = million.get("probee"), million.get("libbpf-tools")
    cpu = None
    if ours and theirs:
        cpu = (ours["user"] + ours["system"]) / (theirs["user"] + theirs["system"])
    made = results.get("codegen")
    generated = [Target(*row) for row in codegen.targets(made)] if made else []
    return [
        *generated,
        Target("cost of an open, of libbpf-tools'", 0.15, ratio(cost, "probee", "libbpf-tools")),
        Target("cost of an open, of the floor's", 1.8, ratio(cost, "probee", "floor")),
        Target("warm start, of bpftrace's", 0.4, ratio(start, "probee", "bpftrace")),
        Target("warm start, of the C tool's", 2.0, ratio(start, "probee", "libbpf-tools")),
        Target(
            "start without cache, of bpftrace's", 1.5, ratio(start, "probee, no cache", "bpftrace")
        ),
        Target("rows lost of a million", 0, ours and ours["opens"] - ours["rows"]),
        Target("opens neither shown nor counted as lost, every CPU busy", 0, _unaccounted(every)),
        Target("user-side CPU, of the C tool's", 1.0, cpu),
        Target("peak memory, MB", 35, ours and ours["peak_mb"]),
        Target("xlated bytes, exit only", 360, _biggest(results, "probee", "")),
        Target("xlated bytes, entry of the pair", 240, _biggest(results, "probee --pair", "enter")),
        Target("xlated bytes, exit of the pair", 792, _biggest(results, "probee --pair", "exit")),
    ]


def _unaccounted(every: dict[str, Any]) -> float | None:
    ours = every.get("probee")
    if ours is None:
        return None
    return float(ours["opens"] - ours["rows"] - ours["reported"])


def markdown(results: Results) -> str:
    """The whole page."""
    machine, versions = results["machine"], results["versions"]
    head = [
        "# Side by side",
        "",
        WHAT,
        "",
        f"{results['date']}, {machine['cpus']} × {machine['cpu']}, Linux {machine['kernel']}, "
        f"Python {machine['python']}; {', '.join(filter(None, versions.values()))}. "
        + _baseline(results),
        "",
        f"| | {' | '.join(COLUMNS)} |",
        f"|---|{'--:|' * len(COLUMNS)}",
    ]
    names = [*results["contestants"], "probee, no cache"]
    body = [f"| {name} | {' | '.join(_cells(results, name))} |" for name in names]
    what = [f"- {name}: {what}" for name, what in results["contestants"].items()]
    tail = ["", *what, "", "| target | at most | reached | |", "|---|--:|--:|---|"]
    for target in targets(results):
        if target.reached is None:
            tail.append(f"| {target.what} | {target.limit:g} | – | not measured |")
        else:
            met = "met" if target.reached <= target.limit else "**missed**"
            tail.append(f"| {target.what} | {target.limit:g} | {target.reached:.3g} | {met} |")
    generated = ["", *codegen.markdown(results["codegen"])] if "codegen" in results else []
    return "\n".join(head + body + tail + generated).rstrip() + "\n"


def _baseline(results: Results) -> str:
    cost = results.get("cost")
    if cost is None:
        return ""
    text = f"An untraced open+close took {cost['baseline_ns']:,.0f} ns."
    if cost["disturbed"]:
        text += f" Others were tracing during {cost['disturbed']} of the measurements of cost."
    return text
