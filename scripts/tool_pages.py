"""The parts of docs/tools/NAME.md that the tool's own rows say: its command line and its options.

In: the tools' pages. Out: what stands between the two marks in each file, written anew:

    python -m scripts.tool_pages
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from probee.cli.commands import TOOLS
from probee.cli.pages import page_of
from probee.frame.help import option_help
from probee.frame.page import Page, spelling, synopsis

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tools"
COMMAND = "python -m scripts.tool_pages"
BEGIN = f"<!-- options: begin; written by {COMMAND} -->"
END = "<!-- options: end -->"


def options_part(page: Page) -> str:
    """The command line, a table of options for each group, the examples."""
    lines = ["```", synopsis(page), "```", ""]
    for group, options in page.by_group:
        lines += [f"| {group} | |", "|---|---|"]
        lines += [f"| `{spelling(o)}` | {_cell(option_help(o))} |" for o in options]
        lines += [""]
    width = max((len(command) for command, _ in page.examples), default=0) + 2
    lines += ["```"]
    lines += [f"probee {command:<{width}}{what}".rstrip() for command, what in page.examples]
    return "\n".join([*lines, "```"]) + "\n"


def _cell(text: str) -> str:
    """Prose in a cell of a table: a bar would end it, a star or a bracket be obeyed."""
    return re.sub(r"([|*_<>\[\]\\])", r"\\\1", text)


def rewritten(name: str) -> str:
    """The text that docs/tools/NAME.md should have."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"docs/tools/{name}.md lacks the marks:\n{BEGIN}\n{END}")
    return f"{head}{BEGIN}\n\n{options_part(page_of(name))}\n{END}{tail}"


if __name__ == "__main__":
    for each, _ in TOOLS:
        (FOLDER / f"{each}.md").write_text(rewritten(each), encoding="utf-8")
