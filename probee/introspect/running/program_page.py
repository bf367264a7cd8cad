"""The page of one program in `probee top`: what it is, its history, its source lines.

In: a row, lines, the CPU per cent of past looks. Out: lines for a terminal.
"""

from __future__ import annotations

from time import localtime, strftime

from probee.frame.document import Absent
from probee.frame.screen import Text
from probee.introspect.running.attached import count
from probee.introspect.running.forms import in_all, number, one_line, percent, size
from probee.introspect.running.table import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.introspect.running.line_costs import LineCosts
    from probee.introspect.running.lines import Source
    from probee.introspect.running.table import Running

_BARS = " ▁▂▃▄▅▆▇█"


def program_page(
    row: Running,
    lines: Source | None,
    costs: LineCosts | None,
    history: Sequence[float],
    columns: int,
) -> list[Text]:
    """All lines of the page, from its top."""
    return [*_about(row), Text(""), *_past(history, columns), Text(""), *_source(lines, costs)]


def _about(row: Running) -> Iterator[Text]:
    yield Text(f"program {row.id}: {one_line(row.name) or 'without a name'}", "head")
    loaded = strftime("%Y-%m-%d %H:%M:%S", localtime(row.loaded_at))
    yield Text(f"{row.type}, tag {row.tag}, loaded {loaded} by user {row.uid}")
    if isinstance(row.attached, Absent):
        yield Text(f"attached: {row.attached.why}")
    elif not row.attached:
        yield Text("attached nowhere")
    else:
        for one in row.attached:
            through = f"link {one.link}" if one.link else one.through
            yield Text(f"attached to {one_line(one.words)}, through {through}")
    by_pid: dict[tuple[int, str], list[str]] = {}
    for holder in seen(row.holders):
        by_pid.setdefault((holder.pid, holder.comm), []).append(holder.by)
    for (pid, comm), how in by_pid.items():
        yield Text(f"held by {one_line(comm)} ({pid}): a descriptor of the {' and the '.join(how)}")
    for pin in seen(row.pins):
        yield Text(f"pinned at {one_line(pin.path)}: the {pin.of}")
    maps = (
        f" and {size(row.maps_memory)} in {count(len(seen(row.map_ids)), 'map')}"
        if row.map_ids
        else ""
    )
    yield Text(f"memory {size(row.memory)}{maps}")
    yield Text(
        f"now {percent(row.cpu_percent)} % of a CPU, {number(row.runs_per_second)} runs a second, "
        f"{number(row.ns_per_run)} ns each; {number(row.missed_per_second)} missed a second"
    )
    yield Text(f"in all {in_all(row)}, while counted")


def _past(history: Sequence[float], columns: int) -> Iterator[Text]:
    shown = list(history)[-max(columns, 1) :]
    highest = max(shown, default=0.0)
    yield Text(f"CPU% of the last {len(shown)} looks, at most {percent(highest)}", "head")
    yield Text(bars(shown, highest))


def bars(values: Sequence[float], highest: float) -> str:
    """A graph of one line: an eighth of a cell is an eighth of the highest value."""
    if highest <= 0:
        return _BARS[1] * len(values)
    return "".join(_BARS[max(min(round(value / highest * 8), 8), 1)] for value in values)


def _source(lines: Source | None, costs: LineCosts | None) -> Iterator[Text]:
    if lines is None or not lines.lines:
        yield Text(f"source: {lines.why_not if lines else 'not read'}", "dim")
        return
    total = costs.total if costs is not None else 0
    if costs is not None and costs.why_not:
        yield Text(f"COST: {costs.why_not}", "dim")
    elif costs is not None:
        yield Text(f"COST: of {total:,} samples of it, while this page is open", "dim")
    file = ""
    for at, line in enumerate(lines.lines):
        if line.file != file:
            file = line.file
            yield Text(f" COST INSNS  LINE  {one_line(file)}", "head")
        text = one_line(line.text.replace("\t", "    "))
        hits = costs.counts[at] if costs is not None else 0
        share = f"{hits * 100 / total:.0f} %" if hits else ""
        yield Text(f"{share:>5} {line.instructions:>5} {line.number:>5}  {text}")
