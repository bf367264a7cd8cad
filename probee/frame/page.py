"""What a tool or command says of itself: one `Page` of rows.

In: rows. Out: a page, of which `help.py` makes the text of `--help`, `man.py` a manual page, and
`probee completion` the scripts for shells: none of these can say what another does not.
"""

from __future__ import annotations

from probee.frame.options import Option
from probee.frozen import Frozen

# The headings of options, in the order in which they stand.
GROUPS = (
    "Filters", "Events", "Columns", "Options", "Ending", "Output", "When it goes wrong", "Help",
)  # fmt: skip

EXIT_STATUS = (
    ("0", ("ended as asked: --duration or --count reached, Ctrl-C, SIGTERM, or the reader of its "
           "output went away")),
    ("1", "could not trace, or could not write its output"),
    ("2", "the command line is wrong"),
)  # fmt: skip
COMMAND_STATUS = (
    "N",
    "COMMAND ended first: its own status, or 128 and the number of the signal that ended it",
)
HELP = Option("help", "h", help="show this help", group="Help")
DEBUG = Option("debug", help="show where in probee an error arose", group="When it goes wrong")


class Page(Frozen):
    """`probee NAME [OPTION]... OPERANDS`; without a name, `probee` itself.

    `examples`: (command without `probee`, what it does). `takes`: what the operands are, as
    `Option.takes` says it. `lists`: (heading, rows of a word and what it is).
    """

    name: str
    summary: str
    description: str = ""
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    operands: str = ""
    takes: str | tuple[str, ...] = ""
    exit_status: tuple[tuple[str, str], ...] = EXIT_STATUS
    lists: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def title(self) -> str:
        """`probee opensnoop`."""
        return f"probee {self.name}".rstrip()

    @property
    def by_group(self) -> list[tuple[str, list[Option]]]:
        """The options under their headings."""
        used = dict.fromkeys(option.group for option in self.options)
        return [
            (group, [option for option in self.options if option.group == group])
            for group in sorted(used, key=GROUPS.index)
        ]


def synopsis(page: Page) -> str:
    """`probee opensnoop [OPTION]...`; of probee itself its operands, which are all there is."""
    options = "[OPTION]..." if page.name else ""
    return " ".join(word for word in (page.title, options, page.operands) if word)


def spelling(option: Option) -> str:
    """`-p, --pid=PID[,...]`."""
    letter = f"-{option.letter}, " if option.letter else ""
    return letter + long_spelling(option)


def long_spelling(option: Option) -> str:
    """`--pid=PID[,...]`."""
    argument = f"={option.metavar}" if option.metavar else ""
    return f"--{option.name}{argument}{'[,...]' if option.several else ''}"
