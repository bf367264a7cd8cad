"""`probee ps`: the programs that are loaded, one row each, and what they cost.

In: options. Out: a table, one after the other with --watch, or a JSON document.
"""

from __future__ import annotations

from time import monotonic, sleep

from probee.errors import UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, count, nearest, parse, pid, seconds, word
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page
from probee.tables.programs import PROGRAM_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.columns import Column
    from probee.frame.options import Values
    from probee.introspect.running.machine import Machine
    from probee.introspect.running.table import Running

TYPES = tuple(row.name for row in PROGRAM_TYPES)
_SORTS = ("cpu", "runs", "time", "mem", "id", "name", "type", "age", "pid")
_LOOK, _WATCH = 0.5, 2.0


def demand(words: Sequence[str], what: str, given: Sequence[str]) -> None:
    """UsageError for the first of `given` that is none of `words`."""
    for text in given:
        if text not in words:
            raise UsageError(f"{text!r} is no {what}{nearest(text, words)}")


# Which programs: of ps and top.
FILTERS = (
    Option("type", "t", "TYPE", "programs of this type", word,
           many=True, group="Filters", takes=TYPES),
    Option("name", "n", "NAME", "programs of this name; *, ? and [...] match as in file names",
           word, many=True, group="Filters"),
    Option("pid", "p", "PID", "programs that this process holds", pid, many=True,
           group="Filters", takes="pid"),
    Option("comm", "c", "COMM", "programs that a process of this name holds", word, many=True,
           group="Filters", takes="comm"),
)  # fmt: skip
NO_STATS = Option("no-stats", help="do not switch statistics on: no CPU%, RUNS/S, NS/RUN")
PAGE = Page(
    "ps",
    "List loaded programs: where they run, whose they are, their cost.",
    "One row a program. The kernel's statistics are switched on while it looks, for half a second, "
    "unless they are on anyway. CPU% is of one CPU; MEM is the program's memory and its maps'. A "
    "program that another one calls, by a tail call or as its extension, counts within that one.",
    (
        *FILTERS,
        Option("sort", "s", "ORDER", "sort by",
               word, many=True, group="Output", takes=_SORTS),
        NO_STATS,
        Option("maps", "m", help="maps in place of programs; -t is a type of map then",
               clashes=("watch", "no-stats", "interval")),
        Option("watch", "w", help="again and again, until Ctrl-C"),
        Option("interval", "i", "SECONDS", "how long to look (default: 0.5, with --watch 2)",
               seconds),
        Option("count", metavar="N", help="with --watch: end after N tables", parse=count,
               group="Ending"),
        Option("json", help="one JSON document, with --watch one a line: see docs/json.md",
               group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("ps", "all programs, the costliest first"),
        ("ps -c opensnoop", "those of opensnoop"),
        ("ps -t xdp,sched_cls -s mem", "network programs, the largest first"),
        ("ps -w -i 1", "a table a second"),
        ("ps -m -s mem", "maps, the largest first"),
        ("ps --json", "the same for programs"),
    ),
    exit_status=(
        ("0", "they are listed, be it none"),
        ("1", "could not list them, or could not write the output"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values = _options(words)
    except UsageError as error:
        say(f"probee ps: {error}\nTry 'probee ps --help'.")
        return 2
    with Output(None) as output:
        if values.help:
            output.write(help_text(PAGE).encode())
        else:
            _list(values, output)
    return 0


def only_options(page: Page, words: Sequence[str]) -> Values:
    """The options of a command that takes no operands. Raises UsageError."""
    values, operands = parse(page.options, words)
    if operands:
        raise UsageError(f"{operands[0]!r} is not understood: {page.name} takes only options")
    return values


def _options(words: Sequence[str]) -> Values:
    values = only_options(PAGE, words)
    if values.count is not None and not values.watch:
        raise UsageError("option --count goes with --watch")
    _check_words(values)
    return values


def _check_words(values: Values) -> None:
    """Types and orders are those of programs, or of maps."""
    types: tuple[str, ...] = TYPES
    orders: tuple[str, ...] = _SORTS
    what = "program"
    if values.maps:
        from probee.introspect.running import maps

        types, orders, what = maps.TYPES, tuple(maps.ORDERS), "map"
    demand(types, f"type of {what}", values.type)
    demand(orders, f"order of {what}s", values.sort)


def _list(values: Values, output: Output) -> None:
    from probee.frame.signals import Ending
    from probee.introspect.running.machine import Machine
    from probee.introspect.running.rates import Statistics

    if values.maps:
        _list_maps(values, output)
        return
    interval = values.interval or (_WATCH if values.watch else _LOOK)
    with Statistics(wanted=not values.no_stats) as stats, Machine(stats.why_not) as machine:
        machine.look()
        if not values.watch:
            if not stats.why_not:
                sleep(interval)
                machine.look()
            output.write(_text(values, machine, output).encode())
            return
        with Ending() as ending:
            _watch(values, output, machine, ending_fd=ending.fd, interval=interval)


def _list_maps(values: Values, output: Output) -> None:
    from probee.introspect.running import maps
    from probee.introspect.running.table import Filter

    wanted = Filter(values.type, values.name, values.pid, values.comm)
    rows = maps.chosen(maps.map_rows(), wanted, values.sort or ("mem",))
    whole = maps.notes(rows)
    if values.json:
        from probee.frame.document import document

        text = document("ps", map(maps.json_row, rows), notes=whole)
    else:
        from probee.introspect.running.forms import notes

        lines = _table(maps.COLUMNS, rows, output)
        more = (*notes(rows, maps.COLUMNS), *whole)
        text = "".join(f"{line}\n" for line in (*lines, *more))
    output.write(text.encode())


def _watch(
    values: Values, output: Output, machine: Machine, ending_fd: int, interval: float
) -> None:
    from select import POLLIN, poll

    waiter = poll()
    waiter.register(ending_fd, POLLIN)
    following, left = monotonic() + interval, values.count
    while left is None or left > 0:
        if waiter.poll(max(following - monotonic(), 0) * 1000):
            return
        following = max(following + interval, monotonic())
        machine.look()
        drawn = output.terminal and not values.json
        clear = "\x1b[H\x1b[2J" if drawn else ""
        end = "" if drawn or values.json else "\n"
        output.write(f"{clear}{_text(values, machine, output, page=drawn)}{end}".encode())
        left = None if left is None else left - 1


def _text(values: Values, machine: Machine, output: Output, *, page: bool = False) -> str:
    """A table, or a document. `page`: no more than fits the terminal."""
    rows = _chosen(values, machine.rows())
    if values.json:
        from probee.frame.document import document
        from probee.introspect.running.forms import json_row

        made = (json_row(row) for row in rows)
        return document("ps", made, line=bool(values.watch), notes=machine.notes)
    from probee.frame.listing import clipped
    from probee.introspect.running.forms import COLUMNS, notes

    lines = _table(COLUMNS, rows, output)
    more = [*notes(rows), *machine.notes]
    if page:
        columns, height = output.size
        more = [clipped(line, columns) for line in more]
        room = max(height - 1 - len(more), 2)  # the heading, and at least how many there are
        if len(lines) > room:
            left = len(lines) - (room - 1)
            lines[room - 1 :] = [
                clipped(f"{left} more programs: probee top has room for them", columns)
            ]
    return "".join(f"{line}\n" for line in (*lines, *more))


def _table(columns: Sequence[Column], rows: Sequence[object], output: Output) -> list[str]:
    """Lines as wide as the terminal at most; as wide as they are where there is none."""
    from probee.frame.listing import cells, fitted, table

    shown = [cells(columns, row) for row in rows]
    return fitted(columns, shown, output.size[0]) if output.terminal else table(columns, shown)


def _chosen(values: Values, rows: Sequence[Running]) -> list[Running]:
    from probee.introspect.running.table import Filter, ordered

    wanted = Filter(values.type, values.name, values.pid, values.comm)
    return ordered((row for row in rows if wanted.fits(row)), values.sort or ("cpu",))
