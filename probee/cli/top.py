"""`probee top`: what loaded programs cost, live.

In: options, keys. Out: pages on the terminal, until q, Ctrl-C or the terminal's end.
"""

from __future__ import annotations

from functools import partial
from os import isatty
from time import monotonic

from probee.cli.ps import FILTERS, NO_STATS, TYPES, demand, only_options
from probee.errors import ProbeeError, UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, count, seconds
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probee.frame.options import Values
    from probee.frame.screen import Screen
    from probee.frame.signals import Ending
    from probee.introspect.running.top import Top

_FIRST = 0.25  # seconds to the first look with rates
_HOLDERS = 0.0005  # seconds of each look for who holds what

PAGE = Page(
    "top",
    "Watch what loaded programs cost, live.",
    "The costliest programs first. Enter shows a program's page: where it is called, its history, "
    "its source lines. The kernel's statistics are on meanwhile, unless --no-stats leaves them.",
    (
        *FILTERS,
        NO_STATS,
        Option("interval", "i", "SECONDS", "time between two looks (default: 1)", seconds,
               default=1.0),
        Option("textual", help="the larger form, with a graph; needs the extra probee[top]",
               group="Output"),
        Option("count", metavar="N", help="end after N looks", parse=count, group="Ending"),
        DEBUG,
        HELP,
    ),
    (
        ("top", "all programs"),
        ("top -t xdp -i 0.2", "XDP programs, five times a second"),
        ("top -c opensnoop", "those of opensnoop"),
        ("top --textual", "with a graph over time, and the mouse"),
    ),
    exit_status=(
        ("0", "q, Ctrl-C, --count reached, or the terminal went away"),
        ("1", "could not look, or standard output is no terminal"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values = only_options(PAGE, words)
        demand(TYPES, "type of program", values.type)
    except UsageError as error:
        say(f"probee top: {error}\nTry 'probee top --help'.")
        return 2
    with Output(None) as output:
        if values.help:
            output.write(help_text(PAGE).encode())
        else:
            _watch(values, output)
    return 0


def _watch(values: Values, output: Output) -> None:
    from probee.frame.screen import Screen
    from probee.frame.signals import Ending
    from probee.introspect.running.line_costs import LineCosts
    from probee.introspect.running.lines import source
    from probee.introspect.running.machine import Machine
    from probee.introspect.running.rates import Statistics
    from probee.introspect.running.table import Filter
    from probee.introspect.running.top import Top

    wanted = Filter(values.type, values.name, values.pid, values.comm)
    screen = Screen(output)
    if values.textual:
        _demand_textual()
    with (
        Statistics(wanted=not values.no_stats) as statistics,
        Machine(statistics.why_not) as machine,
        Ending(terminal=True) as ending,
    ):
        machine.look()
        sources = partial(source, types=machine.types)
        top = Top(wanted, values.interval, sources, LineCosts, statistics.why_not)
        top.update(machine.rows())

        def look() -> None:
            machine.look(_HOLDERS)
            top.update(machine.rows())

        try:
            if values.textual:
                from probee.cli.top_textual import TopApp

                TopApp(top, look, ending, values.count).run()
            else:
                with screen:
                    _plain(top, look, screen, ending, values.count)
        finally:
            top.close()


def _demand_textual() -> None:
    if not isatty(2):
        raise ProbeeError("Textual draws through standard error, which is no terminal here")
    try:
        __import__("textual")
    except ImportError:
        raise ProbeeError(
            "Textual is not installed", hint="pip install 'probee[top]', or top without --textual"
        ) from None


def _plain(
    top: Top, look: Callable[[], None], screen: Screen, ending: Ending, left: int | None
) -> None:
    """Draws and takes keys until it is over. `left`: how many looks."""
    following = monotonic() + min(_FIRST, top.interval)
    while not top.over and left != 0:
        screen.draw(top.lines(*screen.size))
        keys = screen.wait(following, ending)
        if keys is None:
            return
        for key in keys:
            top.press(key)
        if not keys:
            following = max(following, monotonic() - top.interval) + top.interval
            if not top.paused:
                look()
            left = None if left is None else left - 1
