"""`probee explain`: a loaded program in prose.

In: ids or names. Out: paragraphs for each program, or a JSON document; status 1 where one is not
there.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from time import sleep

from probee.cli.ps import NO_STATS
from probee.errors import UsageError
from probee.frame.help import WIDTH, help_text
from probee.frame.options import Option, parse, seconds
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probee.frame.options import Values
    from probee.introspect.running.explain import Explanation
    from probee.introspect.running.machine import Machine
    from probee.introspect.running.table import Running

_LOOK = 0.5
_KEYWORDS = ("id", "name", "tag", "pinned")
PAGE = Page(
    "explain",
    "Explain loaded programs in prose: when they run, what they do.",
    "PROGRAM is an id, or a name, in which *, ? and [...] match as in file names; or id ID, name "
    "NAME, tag TAG, pinned FILE. What a program "
    "does is read from its code as the kernel keeps it: every call and map that is in there, "
    "whether or not it is reached. The kernel's statistics are on for half a second meanwhile.",
    (
        Option("interval", "i", "SECONDS", "how long to look at the runs (default: 0.5)", seconds,
               default=_LOOK),
        NO_STATS,
        Option("json", help="one JSON document: see docs/json.md", group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("explain 114", "the program with this id"),
        ("explain 'exit_*'", "all of such a name"),
        ("explain pinned /sys/fs/bpf/x", "what is pinned there; CAP_BPF is enough"),
    ),
    "PROGRAM...",
    _KEYWORDS,
    exit_status=(
        ("0", "they are explained"),
        ("1", "there is no such program, or it may not be looked at"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, operands = parse(PAGE.options, words)
        _check(values, operands)
    except UsageError as error:
        say(f"probee explain: {error}\nTry 'probee explain --help'.")
        return 2
    with Output(None) as output:
        if values.help:
            output.write(help_text(PAGE).encode())
            return 0
        found, missing = _explained(values, operands)
        output.write(_text(values, found).encode("utf-8", "backslashreplace"))
    for word in missing:
        say(f"probee explain: no loaded program has the id or name {word!r}")
    return int(bool(missing))


def _check(values: Values, operands: Sequence[str]) -> None:
    if not operands and not values.help:
        raise UsageError("name a program by its id or its name; probee ps lists them")


def _explained(values: Values, words: Sequence[str]) -> tuple[list[Explanation], list[str]]:
    from probee.introspect.running.explain import explain
    from probee.introspect.running.machine import Machine
    from probee.introspect.running.rates import Statistics

    with (
        Statistics(wanted=not values.no_stats) as statistics,
        Machine(statistics.why_not) as machine,
    ):
        machine.look()
        rows, missing = _chosen(machine, words)
        if rows and not statistics.why_not:
            sleep(values.interval)
            machine.look()
        ids = {row.id for row in rows}
        for id in ids if machine.restricted else ():
            machine.look_closer(id)
        rows = [row for row in machine.rows() if row.id in ids]
        found = (explain(row, machine.known[row.id], machine.types) for row in rows)
        return [one for one in found if one is not None], missing


def _chosen(machine: Machine, words: Sequence[str]) -> tuple[list[Running], list[str]]:
    """The programs that the words name, by id, and the words that name none."""
    from probee.introspect.loaded.select import demand_short

    rows = machine.rows()
    chosen: dict[int, Running] = {}
    missing = []
    left = list(words)
    while left:
        word = left.pop(0)
        keyword = word if word in _KEYWORDS and left else ""
        word = left.pop(0) if keyword else word
        fits = _test(keyword, word)
        fitting = [row for row in rows if fits(row)]
        if not fitting and machine.restricted and (keyword == "name" or not word.isdecimal()):
            demand_short(word)
        chosen.update((row.id, row) for row in fitting)
        if not fitting:
            missing.append(word)
    return [chosen[id] for id in sorted(chosen)], missing


def _test(keyword: str, word: str) -> Callable[[Running], bool]:
    """Whether a program is the one that is meant."""
    if keyword == "pinned":
        pinned = _pinned(word)
        return lambda row: row.id == pinned
    if keyword == "tag":
        return lambda row: row.tag == word.lower()
    if keyword == "id" or (not keyword and word.isdecimal()):
        id = int(word) if word.isdecimal() else 0
        return lambda row: row.id == id
    return lambda row: fnmatchcase(row.name, word)


def _pinned(path: str) -> int:
    """The id of what is pinned at a path. Raises ProbeeError."""
    from os import close

    from probee.host.info import PROGRAM, read
    from probee.introspect.loaded.select import one

    fd, _ = one("PROG", ("pinned", path))
    try:
        return read(fd, PROGRAM)[0]["id"]
    finally:
        close(fd)


def _text(values: Values, found: Sequence[Explanation]) -> str:
    if values.json:
        from probee.frame.document import document, fields
        from probee.introspect.running.forms import json_row

        rows = []
        for one in found:
            more = fields(one)
            del more["program"]
            rows.append({**json_row(one.program), **more})
        return document("explain", rows)
    return "\n".join(_prose(one, values.interval) for one in found)


def _prose(one: Explanation, interval: float) -> str:
    from probee.frame.help import wrap
    from probee.frame.users import user_text
    from probee.introspect.running.explain_text import paragraphs

    lines: list[str] = []
    for text, indent in paragraphs(one, f"User {user_text(one.program.uid)}", interval):
        if not indent and lines:
            lines.append("")
        start = text[: len(text) - len(text.lstrip())]
        first, *more = wrap(text.strip(), WIDTH - max(indent, len(start))) or [""]
        lines += [f"{start}{first}", *(f"{' ' * indent}{line}" for line in more)]
    return "".join(f"{line}\n" for line in lines)
