"""`probee prog`: loaded programs, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.cli.listing import show_all

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
    Verb("dump", "xlated PROG [file FILE | opcodes | linum | visual]",
         "code as the verifier left it, with source lines; or jited PROG, the machine code",
         "probee.cli.prog_dump:dump"),
    Verb("pin"),
    Verb("load"),
    Verb("loadall"),
    Verb("attach"),
    Verb("detach"),
    Verb("tracelog", "", "what programs print, line by line", "probee.cli.streams:tracelog"),
    Verb("run"),
    Verb("profile"),
)  # fmt: skip
PAGE = grammar.page(
    "prog",
    "Show loaded programs, in bpftool's form.",
    f"{PROG} Without one, all programs. Without CAP_SYS_ADMIN they are found through an iterator.",
    VERBS,
    (
        ("prog", "all programs"),
        ("prog show name enter", "those of this name, which may be long"),
        ("-jp prog show id 12", "one, as indented JSON"),
        ("prog dump xlated name enter", "its instructions and source lines"),
    ),
    keywords=(
        "id",
        "tag",
        "name",
        "pinned",
        "xlated",
        "jited",
        "file",
        "opcodes",
        "linum",
        "visual",
    ),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool import program_forms
    from probee.introspect.loaded.programs import Programs

    show_all(call, "PROG", Programs(), program_forms.text, program_forms.json)
