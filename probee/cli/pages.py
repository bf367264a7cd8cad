"""What there is to explain: the page of `probee` itself, and of each tool and command.

In: a word of the command line. Out: its `Page`, for `--help`, manual pages and completion.
"""

from __future__ import annotations

from probee.cli.commands import COMMAND_GROUPS, COMMANDS, TOOLS, VERB_PAGES
from probee.frame.options import Option
from probee.frame.page import HELP, Page

OPTIONS = (HELP, Option("version", "V", help="show the version", group="Help"))
EXAMPLES = (
    ("opensnoop", "all opens of the machine"),
    ("opensnoop -p 181", "those of process 181"),
    ("opensnoop --help", "its options"),
)
EXIT_STATUS = (
    ("0", "done"),
    ("1", "could not do it; the message says why"),
    ("2", "the command line is wrong"),
)


def overview() -> Page:
    """`probee` itself."""
    return Page(
        "",
        "eBPF in pure Python: tools that trace the running system.",
        options=OPTIONS,
        examples=EXAMPLES,
        operands="TOOL|COMMAND [OPTION]...",
        takes=tuple(name for name, _ in (*TOOLS, *COMMANDS)),
        exit_status=EXIT_STATUS,
        lists=(("Tools", TOOLS), *COMMAND_GROUPS),
    )


def page_of(name: str) -> Page:
    """The page of a tool, a command or a verb, as `map watch`; KeyError where there is none."""
    page: Page
    if any(name == tool for tool, _ in TOOLS):
        page = __import__(f"probee.tools.{name}", fromlist=["TOOL"]).TOOL.page
    elif name in VERB_PAGES or any(name == command for command, _ in COMMANDS):
        module = name.replace(" ", "_")
        page = __import__(f"probee.cli.{module}", fromlist=["PAGE"]).PAGE
    else:
        raise KeyError(name)
    return page


def all_pages() -> list[Page]:
    """The overview, then tools, then commands, then verbs."""
    names = [name for name, _ in (*TOOLS, *COMMANDS)]
    return [overview(), *map(page_of, (*names, *VERB_PAGES))]
