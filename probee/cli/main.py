"""`probee WORD …`: finds the tool or command, and gives it the rest of the words.

In: the command line. Out: the exit status; see frame/run.py. Imports only what that word needs.
"""

from __future__ import annotations

import sys

from probee.cli.commands import COMMANDS, NOT_BUILT_COMMANDS, NOT_BUILT_TOOLS, OBJECTS, TOOLS
from probee.frame.output import Closed, Output, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probee.frame.tool import Tool
    from probee.runtime.known import Start

OK, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None, start: Start | None = None) -> int:
    """Runs the command line `argv`, without the program's name. Never raises.

    `start`: of a process that runs nothing else.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    word = words[0] if words else ""
    if any(word == name for name, _ in TOOLS):
        from probee.frame.run import run_tool

        return run_tool(word, lambda: _tool(word), words[1:], start)
    if any(word == name for name, _ in COMMANDS):
        return _run_command(word, words[1:])
    if word in ("--help", "-h", "help"):
        return _print(help_text())
    if word in ("--version", "-V"):
        from probee import __version__

        return _print(f"probee {__version__}\n")
    at, name = _object(words)
    if any(name == command for command, _ in COMMANDS):
        return _run_command(name, [*words[:at], *words[at + 1 :]])
    if name == "version" or at == len(words) > 0:
        from probee.cli.grammar import only_options

        status = only_options(words)
        if status is not None:
            return status
    return _unknown(name or (words[at] if at < len(words) else word))


def _object(words: Sequence[str]) -> tuple[int, str]:
    """`-j pro show` as (1, "prog"): where the command stands, and what it is in bpftool's grammar.

    No name where it is none of that grammar.
    """
    at = 0
    while at < len(words) and words[at].startswith("-") and len(words[at]) > 1:
        at += 2 if _takes_the_next(words[at]) else 1
    word = words[at] if at < len(words) else ""
    if not word or word in NOT_BUILT_TOOLS or word in NOT_BUILT_COMMANDS:
        return min(at, len(words)), word
    return at, next((name for name in OBJECTS if name.startswith(word)), "")


def _takes_the_next(option: str) -> bool:
    """Whether the word behind is an argument: of `-B`, `-jB`, `--base-btf`, `--ba`."""
    if option.startswith("--"):
        return len(option) > len("--b") and "--base-btf".startswith(option)
    return option.find("B") == len(option) - 1


def _run_command(name: str, words: Sequence[str]) -> int:
    from probee.frame.guard import guarded

    return guarded(name, words, lambda: _command(name)(words))


def _tool(name: str) -> Tool:
    module = __import__(f"probee.tools.{name}", fromlist=["TOOL"])
    tool: Tool = module.TOOL
    return tool


def _command(name: str) -> Callable[[Sequence[str]], int]:
    module = __import__(f"probee.cli.{name}", fromlist=["run"])
    run: Callable[[Sequence[str]], int] = module.run
    return run


def _unknown(word: str) -> int:
    from probee.frame.options import nearest

    if not word:
        say("probee: a tool is missing, such as: probee opensnoop")
    elif word in NOT_BUILT_TOOLS or word in NOT_BUILT_COMMANDS:
        say(f"probee: {word} is not built yet")
    elif word.startswith("-"):
        say(f"probee: unknown option {repr(word)[1:-1]}; options of a tool follow its name")
    else:
        near = nearest(word, [name for name, _ in (*TOOLS, *COMMANDS)])
        say(f"probee: there is no tool or command {word!r}{near}")
    say("Try 'probee --help'.")
    return USAGE


def help_text() -> str:
    """What there is, and what is planned."""
    from probee.cli.pages import overview
    from probee.frame import help as help_

    later = ", ".join((*NOT_BUILT_COMMANDS, *NOT_BUILT_TOOLS))
    indented = "\n".join(f"  {line}" for line in help_.wrap(later, help_.WIDTH - 2))
    return f"{help_.help_text(overview())}\nNot built yet:\n{indented}\n"


def _print(text: str) -> int:
    from probee.errors import ProbeeError

    try:
        with Output(None) as output:
            output.write(text.encode())
    except Closed:
        return OK
    except ProbeeError as error:
        say(f"probee: {error}")
        return FAILED
    return OK
