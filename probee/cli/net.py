"""`probee net`: programs at network hooks, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import ProbeeError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("show", "[dev NAME]", "programs at hooks of the network: XDP, tc, tcx, netkit, netfilter",
         "probee.cli.net:show"),
    Verb("list", "[dev NAME]", "the same", "probee.cli.net:show"),
    Verb("attach"),
    Verb("detach"),
    Verb("help", "", "this text"),
)  # fmt: skip
PAGE = grammar.page(
    "net",
    "Show programs at network hooks, in bpftool's form.",
    "All interfaces of this network namespace, or one; its flow dissector, and the links to "
    "netfilter hooks. Programs of cgroups: probee cgroup. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN.",
    VERBS,
    (
        ("net", "all of this network namespace"),
        ("net show dev eth0", "what is attached to one interface"),
        ("-jp net", "as indented JSON"),
    ),
    keywords=("dev",),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool.net import net_json, net_text
    from probee.introspect.loaded.net import network

    found = network(_interface(call.words))
    if call.json is not None:
        net_json(call.json, found)
    else:
        for text in net_text(found):
            call.write(text)


def _interface(words: Sequence[str]) -> int:
    """The index of the interface that `dev NAME` means, 0 without those words."""
    if not words:
        return 0
    if not "dev".startswith(words[0]):
        raise UsageError(f"expected 'dev', got: '{words[0]}'?")
    if len(words) != 2:
        raise UsageError("'dev' needs the name of an interface, and nothing behind it")
    index = interface_index(words[1])
    if not index:
        raise ProbeeError(f"invalid devname {words[1]}")
    return index


def interface_index(name: str) -> int:
    """The index of an interface, 0 where there is none of that name in this network namespace."""
    from _socket import if_nametoindex

    try:
        return if_nametoindex(name)
    except (OSError, ValueError):
        return 0
