"""`probee prog`: loaded programs, in bpftool's grammar and form."""

from __future__ import annotations

from os import close

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

PROG = "PROG is id ID, tag TAG, name NAME or pinned FILE."
VERBS = (
    Verb("show", "[PROG]", "what is loaded: type, name, tag, size, maps, who holds it",
         "probee.cli.prog:show"),
    Verb("list", "[PROG]", "the same", "probee.cli.prog:show"),
    Verb("help", "", "this text"),
    Verb("dump"),
    Verb("pin"),
    Verb("load"),
    Verb("loadall"),
    Verb("attach"),
    Verb("detach"),
    Verb("tracelog"),
    Verb("run"),
    Verb("profile"),
)  # fmt: skip
PAGE = grammar.page(
    "prog",
    "Show loaded programs, in bpftool's form.",
    f"{PROG} Without one, all programs. Needs CAP_SYS_ADMIN to find them by id.",
    VERBS,
    (
        ("prog", "all programs"),
        ("prog show name enter", "those of this name, which may be long"),
        ("-jp prog show id 12", "one, as indented JSON"),
    ),
    keywords=("id", "tag", "name", "pinned"),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool.program_forms import json, text
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.owners import owners
    from probee.introspect.loaded.pinned import pins
    from probee.introspect.loaded.programs import Programs

    if len(call.words) not in (0, 2):
        raise UsageError(f"what is '{call.words[0]}'?")
    found = _selected(call.words)
    pinned = Multi(pins("PROG") if call.values.bpffs else ())
    held = owners("PROG")
    programs = Programs()
    array = call.json is not None and (found is None or len(found) > 1)
    if call.json is not None and array:
        call.json.begin_array()
    try:
        rows = programs.all() if found is None else (programs.row(fd) for fd in found)
        for row in rows:
            if call.json is None:
                call.write(text(row, held, pinned))
            else:
                json(call.json, row, held, pinned)
    finally:
        for fd in found or ():
            close(fd)
    if call.json is not None and array:
        call.json.end()


def _selected(words: Sequence[str]) -> list[int] | None:
    if not words:
        return None
    from probee.introspect.loaded.select import several

    return several("PROG", words)[0]
