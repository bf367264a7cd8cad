"""Rows of programs for people and for machines: columns with short numbers, and JSON's fields.

In: `Running` rows. Out: cells, notes about what is absent, mappings. Names come from anywhere:
what a terminal would obey is escaped here.
"""

from __future__ import annotations

from probee.frame.columns import Column
from probee.frame.document import Absent, fields
from probee.frame.text import escape
from probee.introspect.running.attached import summary
from probee.introspect.running.table import NOT_RUN, seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from probee.introspect.running.attached import Attachment
    from probee.introspect.running.holders import Holder
    from probee.introspect.running.machine import Pin
    from probee.introspect.running.table import Running

_MOST = 3  # processes, pins that are shown; of more the number


def one_line(text: str) -> str:
    """A name from anywhere, as one line of printable characters."""
    return escape(text.encode("utf-8", "surrogateescape"))


def size(value: int | Absent) -> str:
    """`960`, `4.0K`, `2.1M`: bytes, in steps of 1024."""
    if isinstance(value, Absent):
        return "-"
    if value < 1024:
        return str(value)
    short, unit = value / 1024, "K"
    for larger in "MGT":
        if short < 1000:
            break
        short, unit = short / 1024, larger
    return f"{short:.1f}{unit}" if short < 100 else f"{short:.0f}{unit}"


def number(value: float | Absent) -> str:
    """`16,039`; with a fraction where it is small: `0.4`."""
    if isinstance(value, Absent):
        return "-"
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.1f}"


def percent(value: float | Absent) -> str:
    """`0.85`, `12.3`, `103`."""
    if isinstance(value, Absent):
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def in_all(row: Running) -> str:
    """`5,000 runs of 0.003 s`: what was counted since it was loaded."""
    if isinstance(row.run_count, Absent) or isinstance(row.run_time_ns, Absent):
        return "an unknown number of runs"
    return f"{row.run_count:,} runs of {row.run_time_ns / 1e9:.3f} s"


def held(who: tuple[tuple[Holder, ...] | Absent, tuple[Pin, ...] | Absent]) -> str:
    """`opensnoop(4102), pinned /sys/fs/bpf/x`; `-` where nobody can be seen."""
    holders, pins = map(seen, who)
    names = list(dict.fromkeys(f"{one_line(h.comm)}({h.pid})" for h in holders))
    names += [f"pinned {one_line(pin.path)}" for pin in pins]
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f", {more} more" if more > 0 else "") if names else "-"


def attached(where: tuple[Attachment, ...] | Absent) -> str:
    """Where it is attached."""
    if isinstance(where, Absent):
        return "?"
    return one_line(summary(where)) if where else "not attached"


COLUMNS = (
    Column("id", "ID", "id", right=True),
    Column("type", "TYPE", "type"),
    Column("name", "NAME", "name", text=one_line),
    Column("cpu_percent", "CPU%", "cpu_percent", right=True, text=percent),
    Column("runs_per_second", "RUNS/S", "runs_per_second", right=True, text=number),
    Column("ns_per_run", "NS/RUN", "ns_per_run", right=True, text=number),
    Column("memory", "MEM", "total_memory", right=True, text=size),
    Column("holders", "HELD BY", "holders pins", text=held),
    Column("attached", "ATTACHED TO", "attached", text=attached),
)


# Who cannot be seen is said of all rows at once.
_TOLD_APART = ("holders", "pins")


def notes(rows: Iterable[object], columns: Sequence[Column] = COLUMNS) -> list[str]:
    """A line for each reason why something is not shown: `CPU%, RUNS/S: needs CAP_SYS_ADMIN`."""
    why: dict[str, list[str]] = {}
    for row in rows:
        for column in columns:
            for name in column.fields.split():
                value = getattr(row, name)
                if isinstance(value, Absent) and name not in _TOLD_APART and value.why != NOT_RUN:
                    known = why.setdefault(value.why, [])
                    known += [column.header] if column.header not in known else []
    return [f"{', '.join(headers)}: {reason}" for reason, headers in why.items()]


def json_row(row: Running) -> dict[str, Any]:
    """The fields of docs/json.md."""
    made = fields(row)
    if not isinstance(row.attached, Absent):
        made["attached"] = [{**fields(one), "words": one.words} for one in row.attached]
    for name in ("runs_per_second", "ns_per_run", "cpu_percent", "missed_per_second"):
        if not isinstance(made[name], Absent):
            made[name] = round(made[name], 4)
    return made
