"""The text of `--help`, from the same rows that read the command line.

In: a tool's or command's page. Out: text of at most 80 columns.
"""

from __future__ import annotations

from probee.frame.page import long_spelling, synopsis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.options import Option
    from probee.frame.page import Page

WIDTH = 80
INDENT = 25


def help_text(page: Page) -> str:
    """Usage, what it does, options by group, lists, examples, exit status."""
    parts = [f"Usage: {synopsis(page)}\n{page.summary}\n"]
    if page.description:
        parts.append("\n".join(wrap(page.description, WIDTH)) + "\n")
    for heading, words in page.lists:
        parts.append(f"{heading}:\n" + _list(words, 2 + 12))
    for group, options in page.by_group:
        rows = [row for option in options for row in _rows(option)]
        parts.append(f"{group}:\n" + "\n".join(rows) + "\n")
    if page.examples:
        width = max(len(command) for command, _ in page.examples) + 2
        rows = [f"  probee {command:<{width}}{what}".rstrip() for command, what in page.examples]
        parts.append("EXAMPLES\n" + "\n".join(rows) + "\n")
    parts.append("EXIT STATUS\n" + _list(page.exit_status, 2 + 3))
    return "\n".join(parts)


def _rows(option: Option) -> list[str]:
    letter = f"-{option.letter}, " if option.letter else "    "
    return _row(f"  {letter}{long_spelling(option)}", option_help(option), INDENT)


def option_help(option: Option) -> str:
    """What an option does, and the words that it takes where these are few."""
    words = f": {', '.join(option.takes)}" if isinstance(option.takes, tuple) else ""
    return option.help + words


def _list(words: Sequence[tuple[str, str]], indent: int) -> str:
    rows = [row for word, what in words for row in _row(f"  {word}", what, indent)]
    return "\n".join(rows) + "\n"


def _row(left: str, text: str, indent: int) -> list[str]:
    lines = wrap(text, WIDTH - indent)
    if len(left) + 2 > indent:
        return [left, *(" " * indent + line for line in lines)]
    return [f"{left:<{indent}}{lines[0]}", *(" " * indent + line for line in lines[1:])]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` characters, broken at spaces; newlines are kept."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines
