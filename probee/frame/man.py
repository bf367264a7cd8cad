r"""Manual pages, from the same rows that read the command line.

In: a page, the day it was made, the names of other pages. Out: roff for man(7), in ASCII.

Every `-` of an option is written `\-`: a plain one is a hyphen, which no shell takes for one.
"""

from __future__ import annotations

from probee.frame.help import option_help, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.frame.options import Option
    from probee.frame.page import Page

WIDTH = 78  # of a line of the source
_ESCAPES = {
    "\\": "\\e",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
    '"': "\\(dq",
}
ENVIRONMENT = (
    ("NO_COLOR", "set to anything: no colour on a terminal"),
    ("PROBEE_CACHE_DIR", "where compiled programs are kept"),
    ("TZ", "the time zone of local times, as for date(1)"),
)


def file_name(page: Page) -> str:
    """`probee-opensnoop.1`."""
    return f"{_dashed(page)}.1"


def man_page(page: Page, date: str, version: str, see_also: Sequence[Page] = ()) -> str:
    """The page's source. `date`: `2026-11-22`."""
    name = _dashed(page)
    lines = [
        f'.TH {_words(name).upper()} 1 {date} "probee {version}" "probee manual"',
        ".SH NAME",
        _words(name),  # a line of its own: the other may be long
        f"\\- {_prose(page.summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        ".nf",
        *_synopsis(page),
        ".fi",
    ]
    if page.description:
        lines += [".SH DESCRIPTION", *_paragraph(page.description)]
    for heading, words in page.lists:
        lines += [f".SH {heading.upper()}", *_list(words)]
    lines += [".SH OPTIONS"]
    for group, options in page.by_group:
        lines += [f".SS {group}"]
        for option in options:
            lines += [".TP", _option(option), *_paragraph(option_help(option))]
    if page.examples:
        lines += [".SH EXAMPLES"]
        for at, (command, what) in enumerate(page.examples):
            lines += [".TP"] if what else [".PP"] if at else []
            lines += [_bold(f"probee {command}"), *_paragraph(what)]
    lines += [".SH EXIT STATUS", *_list(page.exit_status)]
    lines += [".SH ENVIRONMENT", *_list(ENVIRONMENT)]
    others = sorted(_dashed(other) for other in see_also if other.name != page.name)
    if others:
        last = others.pop()
        lines += [".SH SEE ALSO", *(f".BR {_words(other)} (1)," for other in others)]
        lines += [f".BR {_words(last)} (1)"]
    return "\n".join(lines) + "\n"


def _dashed(page: Page) -> str:
    return page.title.replace(" ", "-")


def _synopsis(page: Page) -> Iterator[str]:
    options = "[\\fIOPTION\\fP]..." if page.name else ""
    words = (f"\\fB{_words(page.title)}\\fP", options, _words(page.operands))
    yield " ".join(word for word in words if word)


def _option(option: Option) -> str:
    name = f"\\fB\\-\\-{_words(option.name)}\\fP"
    letter = f"\\fB\\-{_words(option.letter)}\\fP, " if option.letter else ""
    argument = f"=\\fI{_words(option.metavar)}\\fP" if option.metavar else ""
    return f"{letter}{name}{argument}{'[,...]' if option.several else ''}"


def _list(words: Sequence[tuple[str, str]]) -> list[str]:
    return [line for word, what in words for line in (".TP", _bold(word), *_paragraph(what))]


def _bold(word: str) -> str:
    return f"\\fB{_words(word)}\\fP"


def _paragraph(text: str) -> list[str]:
    r"""Lines of prose. A line that begins with `.` or `'` would be a request: `\&` is nothing."""
    lines = wrap(_prose(text), WIDTH)
    return [f"\\&{line}" if line.startswith((".", "\\(aq")) else line for line in lines if line]


def _prose(text: str) -> str:
    """Prose, in which only words that are options have dashes that must stay dashes."""
    return " ".join(
        _words(word) if word.lstrip("([").startswith("-") else _words(word).replace("\\-", "-")
        for word in text.split(" ")
    )


def _words(text: str) -> str:
    """Characters that mean themselves."""
    return "".join(map(_character, text))


def _character(char: str) -> str:
    if char == "-":
        return "\\-"
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isascii() else f"\\[u{ord(char):04X}]"
