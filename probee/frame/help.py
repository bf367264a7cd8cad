"""The text of `--help`, from the same rows that read the command line.

In: a tool's name, summary, options and examples. Out: text of at most 80 columns.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.options import Option

WIDTH = 80
INDENT = 25
GROUPS = ("Filters", "Columns", "Options", "Ending", "Output", "When it goes wrong", "Help")

EXIT_STATUS = """\
EXIT STATUS
  0  ended as asked: --duration or --count reached, Ctrl-C, SIGTERM, or the
     reader of its output went away
  1  could not trace, or could not write its output
  2  the command line is wrong
"""


def help_text(
    name: str,
    summary: str,
    description: str,
    options: Sequence[Option],
    examples: Sequence[tuple[str, str]],
    operands: str = "",
    exit_status: str = EXIT_STATUS,
) -> str:
    """Usage, what it does, options by group, examples, exit status."""
    usage = f"Usage: probee {name} [OPTION]... {operands}".rstrip()
    parts = [f"{usage}\n{summary}\n"]
    if description:
        parts.append("\n".join(wrap(description, WIDTH)) + "\n")
    used = dict.fromkeys(option.group for option in options)
    for group in sorted(used, key=GROUPS.index):
        rows = [row for option in options if option.group == group for row in _rows(option)]
        parts.append(f"{group}:\n" + "\n".join(rows) + "\n")
    if examples:
        width = max(len(command) for command, _ in examples) + 2
        rows = [f"  probee {command:<{width}}{what}".rstrip() for command, what in examples]
        parts.append("EXAMPLES\n" + "\n".join(rows) + "\n")
    parts.append(exit_status)
    return "\n".join(parts)


def _rows(option: Option) -> list[str]:
    letter = f"-{option.letter}, " if option.letter else "    "
    argument = f"={option.metavar}" if option.metavar else ""
    more = "[,...]" if option.many else ""
    left = f"  {letter}--{option.name}{argument}{more}"
    lines = wrap(option.help, WIDTH - INDENT)
    if len(left) + 2 > INDENT:
        return [left, *(" " * INDENT + line for line in lines)]
    return [f"{left:<{INDENT}}{lines[0]}", *(" " * INDENT + line for line in lines[1:])]


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
