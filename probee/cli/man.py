"""`probee man`: manual pages, made of what `--help` is made of.

In: names of tools and commands. Out: roff on standard output, or a file for each page.
"""

from __future__ import annotations

from probee.cli.commands import COMMANDS, TOOLS, VERB_PAGES
from probee.errors import UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, file_name, nearest, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.options import Values

NAMES = (
    *(name for name, _ in (*TOOLS, *COMMANDS)),
    *(name.replace(" ", "-") for name in VERB_PAGES),
)
PAGE = Page(
    "man",
    "Print manual pages, or write them into a directory.",
    "NAME is a tool or command, or a verb with a page of its own, as map-watch; without any, the "
    "page of probee itself, or with -o all pages. "
    "What is printed is the source: man -l shows it. A page is dated with the day on which it is "
    "made, or with SOURCE_DATE_EPOCH.",
    (
        Option(
            "output",
            "o",
            "DIR",
            "write probee-NAME.1 into DIR",
            file_name,
            group="Output",
            takes="folder",
        ),
        DEBUG,
        HELP,
    ),
    (
        ("man opensnoop | man -l -", "read it"),
        ("man -o /usr/local/share/man/man1", "install all pages"),
    ),
    "[NAME]...",
    NAMES,
    (("0", "done"), ("1", "a file cannot be written"), ("2", "the command line is wrong")),
)


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, names = parse(PAGE.options, words)
        if values.help:
            return _print(help_text(PAGE))
        return _pages(values, names)
    except UsageError as error:
        say(f"probee man: {error}\nTry 'probee man --help'.")
        return 2


def _pages(values: Values, names: Sequence[str]) -> int:
    for name in names:
        if name not in NAMES:
            raise UsageError(f"there is no tool or command {name!r}{nearest(name, NAMES)}")
    from probee import __version__
    from probee.cli.pages import all_pages
    from probee.frame.man import file_name as file_of, man_page

    everything = all_pages()
    chosen = [page for page in everything if page.name.replace(" ", "-") in (names or [""])]
    day = _day()
    if values.output is None:
        return _print("".join(man_page(p, day, __version__, everything) for p in chosen))
    for page in chosen if names else everything:
        with Output(f"{values.output}/{file_of(page)}") as output:
            output.write(man_page(page, day, __version__, everything).encode())
    return 0


def _day() -> str:
    """Today, or the day that whoever builds a package wants every time."""
    from os import environ
    from time import gmtime, strftime

    epoch = environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return strftime("%Y-%m-%d")
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 12):
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch!r}: seconds since 1970 are wanted")
    return strftime("%Y-%m-%d", gmtime(int(epoch)))


def _print(text: str) -> int:
    with Output(None) as output:
        output.write(text.encode())
    return 0
