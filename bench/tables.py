"""The tables of RESULTS.md, each a list of lines.

In: results. Out: Markdown; nothing for a section that was not measured.
"""

from __future__ import annotations

from bench.contestants import FLOOR, OURS
from bench.measure import NO_CACHE
from bench.series import (
    PEERS,
    Results,
    Spread,
    best,
    named,
    per_million,
    ratios,
    spread,
)

Series = dict[str, list[float | None]]
NOTHING = "–"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The first column is text, the others are numbers."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _cell(series: Series, name: str, form: str = ",.0f") -> str:
    found = spread(series.get(name, []))
    return found.text(form) if found else NOTHING


def _middle(series: Series, name: str, form: str) -> str:
    found = spread(series.get(name, []))
    return f"{found.middle:{form}}" if found else NOTHING


def _losses(results: Results, section: str, name: str) -> str:
    """`0`, or how many of the opens were not shown in the worst round and how many it told of."""
    rounds = results.get(section, {}).get(name)
    if not rounds:
        return NOTHING
    worst = max(rounds, key=lambda row: row["opens"] - row["rows"])
    lost = worst["opens"] - worst["rows"]
    return f"{lost:,} ({worst['reported']:,} reported)" if lost else "0"


def _programs(results: Results, name: str) -> str:
    rounds = results.get("million", {}).get(name)
    sizes = [f"{row['xlated']}/{row['jited']}" for row in rounds[0]["programs"]] if rounds else []
    return " ".join(sizes) or NOTHING


def main(results: Results) -> list[str]:
    """Cost, losses, CPU, memory, code."""
    head = [
        "", "added ns per open+close", "the same, filtered out", "not shown of a million",
        "of a million from every CPU", "CPU s per million rows", "peak MB", "xlated/jited bytes",
    ]  # fmt: skip
    cost = results.get("cost", {})
    cpu, peak = (per_million(results, "million", what) for what in ("cpu", "peak_mb"))
    rows = [
        [
            name,
            _cell(cost.get("cost", {}), name),
            _cell(cost.get("filtered", {}), name),
            _losses(results, "million", name),
            _losses(results, "every_cpu", name),
            _cell(cpu, name, ".2f"),
            _cell(peak, name, ".1f"),
            _programs(results, name),
        ]
        for name in results["contestants"]
    ]
    what = [f"- {name}: {row['what']}" for name, row in results["contestants"].items()]
    note = (
        "Losses are of the worst round. CPU is of the tool's process, user and system, from "
        "the first open of the million to the last row. An open counts as not "
        "shown, too, if its row has no name of a file."
    )
    return ["## The numbers", "", *_table(head, rows), note, "", *what, ""]


def _measures(results: Results) -> list[tuple[str, Series]]:
    cost, start = results.get("cost", {}), results.get("start", {})
    return [
        ("added to an open+close", cost.get("cost", {})),
        ("the same, filtered out", cost.get("filtered", {})),
        ("CPU per million rows", per_million(results, "million", "cpu")),
        ("the same, every CPU busy", per_million(results, "every_cpu", "cpu")),
        ("peak memory", per_million(results, "million", "peak_mb")),
        ("start to first row", start.get("first", {})),
        ("start from the disk", start.get("disk", {})),
        ("Ctrl-C to prompt", start.get("end", {})),
    ]


def against(results: Results) -> list[str]:
    """Each figure of probee as a ratio to the best peer's, to each C tool's, to the floor's."""
    others = [name for role in ("old C", "new C", FLOOR) for name in named(results, role)]
    head = ["probee's, of …", "the best peer's", "which is", *(f"{name}'s" for name in others)]
    rows = []
    for what, series in _measures(results):
        if OURS not in series:
            continue
        top = best(results, series, *PEERS)
        cells = [
            _ratio(series, top) if top else NOTHING,
            top or NOTHING,
            *(_ratio(series, name) for name in others),
        ]
        rows.append([what, *cells])
    return ["## As ratios", "", *_table(head, rows)] if rows else []


def _ratio(series: Series, other: str) -> str:
    found = spread(ratios(series.get(OURS), series.get(other)))
    return found.text(".2f") if found else NOTHING


def profile(results: Results) -> list[str]:
    """How much of the added time is spent inside of programs."""
    found, cost = results.get("profile"), results.get("cost", {}).get("cost", {})
    if found is None:
        return []
    rows = []
    for name, row in found.items():
        added = spread(cost.get(name, []))
        rest = f"{added.middle - row['ns']:,.0f}" if added else NOTHING
        total = f"{added.middle:,.0f}" if added else NOTHING
        rows.append([name, total, f"{row['ns']:,.0f}", f"{row['runs']:.2f}", rest])
    head = ["ns of an open+close", "added", "in its programs", "runs of them", "the rest"]
    note = (
        "In its programs: by the kernel's own count, which adds its part to each run; opens of "
        "other processes run them too, as far as the filter. The rest is the way from the call to "
        "the programs and the wake-ups of the reader."
    )
    return ["## Where it goes", "", *_table(head, rows), note, ""]


def start(results: Results) -> list[str]:
    """Start and end."""
    found = results.get("start")
    if found is None:
        return []
    head = ["ms", "start to first row", "from the disk", "Ctrl-C to prompt"]
    names = [name for name in results["contestants"] if name in found["first"]]
    if OURS in names:
        names.insert(names.index(OURS) + 1, NO_CACHE)
    rows = [
        [name, *(_cell(found[kind], name, ",.1f") for kind in ("first", "disk", "end"))]
        for name in names
    ]
    note = (
        "From the start of the process to its first row in a pipe, all files in memory; the same "
        "after the page cache was dropped; from SIGINT, while nothing is opened, until the process "
        "is gone. probee without its cache compiles its programs first, as it does at its very "
        "first start. The newer peers are started through chroot(1): half a millisecond of it."
    )
    return ["## Start and end", "", *_table(head, rows), note, ""]


def crowd(results: Results) -> list[str]:
    """How it grows with the number of processes."""
    found = results.get("crowd")
    if found is None:
        return []
    cpus = int(results["machine"]["cpus"])
    lines = [
        "## As processes become more",
        "",
        (
            "So many processes of one user open and close files as fast as they can, on all CPUs: "
            "what that adds to each pair (time that passed × CPUs, the reader's included), the "
            "tool's CPU for a million rows, and how many opens of all were not shown in the worst "
            "round."
        ),
        "",
    ]
    head = ["added ns"] + [f"{int(number):,}" for number in found]
    names = list(next(iter(found.values()))["with"])
    cost, use, lost = [], [], []
    for name in [name for name in results["contestants"] if name in names]:
        rows = [(part, part["with"].get(name, [])) for part in found.values()]
        cost.append([name, *(_crowd_cost(part, runs, cpus) for part, runs in rows)])
        if name != FLOOR:
            use.append([name, *(_crowd_cpu(runs) for _, runs in rows)])
            lost.append([name, *(_crowd_lost(runs) for _, runs in rows)])
    opens = next(iter(found.values()))["opens"]
    return [
        *lines,
        *_table(head, cost),
        *_table(["CPU s per million rows", *head[1:]], use),
        *_table([f"not shown of {opens:,}", *head[1:]], lost),
    ]


def _crowd_cost(part: Results, runs: list[Results], cpus: int) -> str:
    alone = spread(part["alone_ns"])
    assert alone is not None
    found = spread((run["ns"] - alone.middle) * cpus / run["opens"] for run in runs)
    return found.text() if found else NOTHING


def _crowd_cpu(runs: list[Results]) -> str:
    found = spread(1e6 * run["cpu"] / run["rows"] for run in runs if run["rows"])
    return found.text(".2f") if found else NOTHING


def _crowd_lost(runs: list[Results]) -> str:
    if not runs:
        return NOTHING
    worst = max(runs, key=lambda run: run["opens"] - run["rows"])
    lost = worst["opens"] - worst["rows"]
    return f"{lost:,} ({worst['reported']:,} reported)" if lost else "0"


def _megabytes(size: float | None) -> str:
    return NOTHING if size is None else f"{size:,.1f}" if size < 10 else f"{size:,.0f}"


def sizes(results: Results) -> list[str]:
    """Installed sizes."""
    found = results.get("sizes")
    if found is None:
        return []
    rows = []
    for role, size in found.items():
        name = (named(results, role) or [role])[-1]
        rows.append([name, _megabytes(size["run"]), _megabytes(size["write"])])
    bytecode = _megabytes(found[OURS].get("bytecode"))
    note = (
        "Beside a minimal Debian with Python, by the sizes that packages state, with what they "
        "depend on. For a C tool: clang-19, libbpf-dev, bpftool, gcc, libc6-dev, make of Debian "
        "12. bcc: with a kernel's headers. Python-BPF: without the LLVM tools that it calls. "
        f"Bytecode that Python makes of sources is not counted; probee with it takes {bytecode} MB."
    )
    head = ["installed MB", "to run", "to write a new tool"]
    return ["## Size", "", *_table(head, rows), note, ""]


def compiled(results: Results) -> list[str]:
    """From the source to a program in the kernel."""
    c_program = results.get("compiled")
    first = results.get("start", {}).get("first", {})
    rows = []
    if c_program is not None:
        both = [a + b for a, b in zip(c_program["compile"], c_program["load"], strict=True)]
        rows.append(["clang -O2 and bpftool: five programs loaded, no reader", _text(spread(both))])
        rows.append(["– of which clang", _text(spread(c_program["compile"]))])
    for name in (NO_CACHE, *named(results, "old bpftrace", "new bpftrace", "bcc", "pythonbpf")):
        if name in first:
            rows.append([f"{name}: to the first row", _cell(first, name)])
    return ["## From the source", "", *_table(["", "ms"], rows)] if rows else []


def _text(found: Spread | None) -> str:
    return found.text() if found else NOTHING


def missing(results: Results) -> list[str]:
    """Who could not be measured, and why."""
    rows = [f"- {name}: {why}" for name, why in results.get("missing", {}).items()]
    rows += [f"- once: {failure}" for failure in results.get("failures", [])]
    return ["## Not measured", "", *rows, ""] if rows else []


def soak(found: Results) -> list[str]:
    """The long run: counts and memory."""
    missing = found["opens"] - found["rows"] - found["reported"]
    rows = [
        ["opens, counted by the load", f"{found['opens']:,}"],
        ["rows", f"{found['rows']:,}"],
        ["reported as lost", f"{found['reported']:,}"],
        ["neither", f"{missing:,}" if missing == 0 else f"**{missing:,}**"],
        ["most resident MB of the first quarter", f"{found['first_mb']:.1f}"],
        ["of the last quarter", f"{found['last_mb']:.1f}"],
        ["probee's CPU, of one core", f"{found['tool_cpu']:.1%}"],
        ["the load's", f"{found['load_cpu']:.1%}"],
        ["processes that came and went", f"{found['processes']:,}"],
    ]
    words = " ".join(["probee opensnoop -u UID", *found["options"]])
    text = (
        f"`python -m bench.soak --seconds {found['seconds']:.0f}`, {found['date']}, Linux "
        f"{found['kernel']}: `{words}` beside 1 to 1,000 processes, their threads and short-lived "
        "children, which begin each phase with a burst at full speed and open in every way that "
        "there is, rightly and wrongly."
    )
    kinds = ", ".join(f"{name} {count:,}" for name, count in found["kinds"].items())
    return ["## The long run", "", text, "", *_table(["", ""], rows), f"Opens: {kinds}.", ""]


def short(results: Results) -> list[str]:
    """The table of README.md."""
    roles = ("probee", "old C", "new C", "new bpftrace", "bcc", "pythonbpf")
    names = [name for role in roles for name in named(results, role)[-1:]]
    cost, start_ = results.get("cost", {}), results.get("start", {})
    measures: list[tuple[str, Series, str]] = [
        ("start to first row, ms", start_.get("first", {}), ",.0f"),
        ("Ctrl-C to prompt, ms", start_.get("end", {}), ",.0f"),
        ("added to an open+close, ns", cost.get("cost", {}), ",.0f"),
        ("the same, filtered out, ns", cost.get("filtered", {}), ",.0f"),
        ("CPU of the tool, s per million rows", per_million(results, "million", "cpu"), ".1f"),
        ("peak resident MB", per_million(results, "million", "peak_mb"), ".0f"),
    ]
    rows = [
        [what, *(_middle(series, name, form) for name in names)] for what, series, form in measures
    ]
    rows.append(
        [
            "lost of 1,000,000 opens, every CPU busy",
            *(_losses(results, "every_cpu", n) for n in names),
        ]
    )
    by_role = results.get("sizes", {})
    sizes_ = [by_role.get(results["contestants"][n]["role"], {}).get("write") for n in names]
    rows.append(["installed, to write a new tool, MB", *(_megabytes(size) for size in sizes_)])
    floor, baseline = (
        spread(cost.get("cost", {}).get(FLOOR, [])),
        spread(cost.get("baseline_ns", [])),
    )
    text = (
        f"Linux {results['machine']['kernel']}, {results['machine']['cpus']} CPUs, "
        f"{results['date']}; an untraced open+close took {baseline.middle if baseline else 0:,.0f} "
        f"ns, and an empty program that sends one record, the floor, added "
        f"{floor.middle if floor else 0:,.0f}."
    )
    return [*_table(["opensnoop, one process filtered by pid", *names], rows), text, ""]
