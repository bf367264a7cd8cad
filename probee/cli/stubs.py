"""`probee stubs`: classes of typed contexts, written from the running kernel.

In: patterns of events. Out: a Python module on standard output or in a file.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, file_name, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Page(
    "stubs",
    "Write classes with the fields of tracepoints, for type checkers.",
    "EVENT is category:name, as in tracefs; *, ? and [...] match as in file names. Without any, "
    "all tracepoints of this kernel. Annotate a program's parameter with a class of the module: "
    "def enter(ctx: SysEnterOpenat). A misspelt field is then an error in the editor, and a field "
    "that another kernel has in another type an error of the compiler.",
    (
        Option("raw", "r", help="arguments of raw tracepoints, by their names without category"),
        Option("output", "o", "FILE", "write the module to FILE", file_name, group="Output",
               takes="file"),
        DEBUG,
        HELP,
    ),
    (
        ("stubs 'syscalls:sys_enter_*' -o calls.py", "entries of all system calls"),
        ("stubs sched:sched_switch", "one class, printed"),
        ("stubs --raw sched_switch", "for @raw_tracepoint, @tp_btf"),
    ),
    "[EVENT]...",
    exit_status=(
        ("0", "the module is written"),
        ("1", "an event is not there, or cannot be read, or the output not written"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, patterns = parse(PAGE.options, words)
        text = help_text(PAGE) if values.help else _module(patterns, raw=values.raw)
    except UsageError as error:
        say(f"probee stubs: {error}\nTry 'probee stubs --help'.")
        return 2
    with Output(values.output) as output:
        output.write(text.encode())
    if values.output is not None:
        say(f"probee stubs: {text.count('(TypedContext):')} classes in {values.output}")
    return 0


def _module(patterns: Sequence[str], *, raw: bool) -> str:
    from probee.host.facts import RunningKernel
    from probee.introspect.stubs import module_text, raw_tracepoints, this_kernel, tracepoints

    with RunningKernel() as kernel:
        events = (raw_tracepoints if raw else tracepoints)(kernel, patterns)
    return module_text(events, this_kernel())
