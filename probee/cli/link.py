"""`probee link`: loaded links, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.cli.listing import show_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("show", "[LINK]", "what is attached: type, program, hook, who holds it",
         "probee.cli.link:show"),
    Verb("list", "[LINK]", "the same", "probee.cli.link:show"),
    Verb("help", "", "this text"),
    Verb("pin"),
    Verb("detach"),
)  # fmt: skip
PAGE = grammar.page(
    "link",
    "Show what holds programs at their hooks, in bpftool's form.",
    "LINK is id ID or pinned FILE. Without one, all links. Programs attached in older ways, as "
    "with netlink, ioctl() or BPF_PROG_ATTACH, have no link.",
    VERBS,
    (
        ("link", "all links"),
        ("link show id 7", "one"),
        ("-p link show pinned /sys/fs/bpf/l", "one that is pinned, as JSON"),
    ),
    keywords=("id", "pinned"),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool import link_forms
    from probee.introspect.loaded.links import Links

    show_all(call, "LINK", Links(), link_forms.text, link_forms.json)
