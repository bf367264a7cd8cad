"""`probee perf`: descriptors that trace with a program, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.cli.listing import write_rows
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("show", "", "which process traces what, with which program", "probee.cli.perf:show"),
    Verb("list", "", "the same", "probee.cli.perf:show"),
    Verb("help", "", "this text"),
)
PAGE = grammar.page(
    "perf",
    "Show which processes trace with programs, in bpftool's form.",
    "Descriptors of tracepoints, kprobes, uprobes and raw tracepoints that have a program, of all "
    "processes that /proc shows. Needs CAP_SYS_ADMIN.",
    VERBS,
    (
        ("perf", "all of them"),
        ("-jp perf show", "as indented JSON"),
    ),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool.perf import tracing_json, tracing_text
    from probee.introspect.loaded.perf_events import tracing

    if call.words:
        raise UsageError(f"{call.words[0]!r} is one word too many")
    write_rows(call, tracing(), tracing_text, tracing_json)
