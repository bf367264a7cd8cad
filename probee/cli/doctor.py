"""`probee doctor`: what this kernel and these rights allow, and what to do about the rest.

In: nothing but options. Out: a line a finding, or a JSON document; status 1 where a finding keeps
tools from tracing.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frame.help import WIDTH, help_text, wrap
from probee.frame.options import Option, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page
from probee.frame.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probee.frame.options import Values
    from probee.introspect.doctor import Finding

PAGE = Page(
    "doctor",
    "Tell what this kernel and these rights allow here.",
    "Programs of every kind are tried, loaded and closed at once; nothing is attached or changed. "
    "A line without a mark is well; - marks what is worth knowing, ! what keeps tools from "
    "tracing, ? what could not be found out. Behind -> stands what to do.",
    (
        Option("all", "a", help="also what is well (without it: a line that says how many)"),
        Option("json", help="one JSON document: see docs/json.md", group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("doctor", "what is missing"),
        ("doctor -a", "all that was looked at"),
        ("doctor --json", "the same for programs"),
    ),
    exit_status=(
        ("0", "tools can trace"),
        ("1", "a finding marked ! keeps them from it, or the output could not be written"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip
_MARKS = {"ok": " ", "note": "-", "problem": "!", "unknown": "?"}
_COLUMN = 26


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values = _options(words)
    except UsageError as error:
        say(f"probee doctor: {error}\nTry 'probee doctor --help'.")
        return 2
    if values.help:
        return _print(help_text(PAGE), bad=False)
    from probee.introspect.doctor import findings

    found = list(findings())
    bad = any(finding.state == "problem" for finding in found)
    if values.json:
        from probee.frame.document import document, fields

        return _print(document("doctor", map(fields, found)), bad=bad)
    return _print("".join(_lines(found, every=values.all)), bad=bad)


def _options(words: Sequence[str]) -> Values:
    values, operands = parse(PAGE.options, words)
    if operands:
        raise UsageError(f"{operands[0]!r} is not understood: doctor takes only options")
    return values


def _lines(found: Iterable[Finding], *, every: bool) -> Iterable[str]:
    well = 0
    for finding in found:
        if finding.state == "ok" and not every:
            well += 1
            continue
        mark = _MARKS[finding.state]
        width = WIDTH - _COLUMN - 2
        first, *more = wrap(printable(finding.found), width) or [""]
        yield f"{mark} {finding.what:<{_COLUMN}}{first}\n"
        arrow = wrap(f"-> {printable(finding.do)}", width) if finding.do else []
        for line in (*more, *arrow):
            yield f"  {'':<{_COLUMN}}{line}\n"
    if well:
        yield f"  {well} things are well: probee doctor -a lists them\n"


def _print(text: str, *, bad: bool) -> int:
    with Output(None) as output:
        output.write(text.encode())
    return int(bad)
