"""`probee completion`: a script with which a shell completes probee's words.

In: the shell's name. Out: the script on standard output, or in a file. It holds what the pages said
when it was made, so completing starts no program.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, file_name, nearest, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = ("bash", "zsh", "fish")
PAGE = Page(
    "completion",
    "Print a script with which a shell completes probee's words.",
    "SHELL is bash, zsh or fish. Tools, commands, options and, where they can be known, arguments "
    "are completed: processes, users, files, errors, flags.",
    (
        Option(
            "output", "o", "FILE", "write the script to FILE", file_name, group="Output",
            takes="file",
        ),
        DEBUG,
        HELP,
    ),
    (
        ("completion bash -o /etc/bash_completion.d/probee", ""),
        ("completion zsh -o /usr/local/share/zsh/site-functions/_probee", ""),
        ("completion fish -o /etc/fish/completions/probee.fish", ""),
    ),
    "SHELL",
    SHELLS,
    (("0", "done"), ("1", "a file cannot be written"), ("2", "the command line is wrong")),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, shells = parse(PAGE.options, words)
        text = help_text(PAGE) if values.help else script(_one(shells))
    except UsageError as error:
        say(f"probee completion: {error}\nTry 'probee completion --help'.")
        return 2
    with Output(values.output) as output:
        output.write(text.encode())
    return 0


def _one(shells: Sequence[str]) -> str:
    if len(shells) != 1:
        raise UsageError(f"one shell is wanted: {', '.join(SHELLS)}")
    if shells[0] not in SHELLS:
        raise UsageError(f"there is no script for {shells[0]!r}{nearest(shells[0], SHELLS)}")
    return shells[0]


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    from probee.cli.pages import all_pages

    module = __import__(f"probee.cli.completion_{shell}", fromlist=["script"])
    text: str = module.script(all_pages())
    return text
