"""`probee map`: loaded maps and what they hold, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.cli.listing import show_all
from probee.frame.options import Option, count, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

MAP = "MAP is id ID, name NAME or pinned FILE."
DATA = "DATA is bytes: 1 0x2f 010, or hex 01 2f 08."
VERBS = (
    Verb("show", "[MAP]", "what is loaded: type, name, sizes, who holds it", "probee.cli.map:show"),
    Verb("list", "[MAP]", "the same", "probee.cli.map:show"),
    Verb("help", "", "this text"),
    Verb("dump", "MAP", "all elements", "probee.cli.map_elements:dump"),
    Verb("update"),
    Verb("lookup", "MAP [key DATA]", "the value under a key", "probee.cli.map_elements:lookup"),
    Verb("getnext", "MAP [key DATA]", "the key behind a key, or the first",
         "probee.cli.map_elements:getnext"),
    Verb("delete"),
    Verb("pin"),
    Verb("event_pipe", "MAP [cpu N index M]", "what programs send through a perf event array",
         "probee.cli.streams:event_pipe"),
    Verb("create"),
    Verb("peek", "MAP", "the next value of a queue or stack, which stays there",
         "probee.cli.map_elements:lookup"),
    Verb("push"),
    Verb("enqueue"),
    Verb("pop"),
    Verb("dequeue"),
    Verb("freeze"),
    Verb("watch", "MAP", "what changes in it, and how fast: see probee map watch --help",
         "probee.cli.map_watch:watch", ("interval", "count"), own_page=True),
)  # fmt: skip
# of watch alone
INTERVAL = Option(
    "interval", "i", "SECONDS", "watch: time between two looks (default: 1)", seconds, default=1.0
)
COUNT = Option("count", metavar="N", help="watch: end after N looks", parse=count, group="Ending")
PAGE = grammar.page(
    "map",
    "Show loaded maps and what they hold, in bpftool's form.",
    f"{MAP} Without one, all maps; dump takes all maps of a name.\n{DATA}",
    VERBS,
    (
        ("map", "all maps"),
        ("map dump name opens", "all elements of the maps named so"),
        ("map lookup id 5 key hex 2a 0 0 0", "one element"),
        ("map watch name counts -i 0.5", "what changes in it, and how fast"),
    ),
    (INTERVAL, COUNT),
    keywords=("id", "name", "pinned", "key", "hex", "cpu", "index"),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool import map_forms
    from probee.introspect.loaded.maps import Maps

    show_all(call, "MAP", Maps(), map_forms.text, map_forms.json)
