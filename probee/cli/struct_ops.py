"""`probee struct_ops`: tables of programs in place of kernel functions, in bpftool's form."""

from __future__ import annotations

from itertools import chain

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.cli.listing import write_rows
from probee.errors import ProbeeError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.cli.grammar import Call
    from probee.introspect.loaded.struct_ops import StructOps, Tables

VERBS = (
    Verb("show", "[MAP]", "which tables there are, and of which functions",
         "probee.cli.struct_ops:show"),
    Verb("list", "[MAP]", "the same", "probee.cli.struct_ops:show"),
    Verb("register"),
    Verb("unregister"),
    Verb("dump", "[MAP]", "what they hold: the map's info, its value, each program by name and id",
         "probee.cli.struct_ops:dump"),
    Verb("help", "", "this text"),
)  # fmt: skip
PAGE = grammar.page(
    "struct_ops",
    "Show programs in place of kernel functions, in bpftool's form.",
    "MAP is id ID or name NAME, of a map of type struct_ops; without it, all of them. Needs a "
    "kernel that tells its types. Without CAP_SYS_ADMIN dump reads only what is pinned, or held by "
    "a process that may be traced.",
    VERBS,
    (
        ("struct_ops", "all of them"),
        ("struct_ops dump name my_cubic", "what the maps named so hold"),
        ("-jp struct_ops show id 12", "one, as indented JSON"),
    ),
    keywords=("id", "name"),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool.struct_ops import row_json, row_text

    rows = _selected(_tables(), call.words)
    write_rows(call, (row for row, _ in rows), row_text, row_json)


def dump(call: Call) -> None:
    """`dump`. Its text is JSON too, of another kind."""
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.struct_ops import Dump
    from probee.introspect.loaded.types import Types

    tables = _tables()
    plain = call.json is None
    json = call.json or JsonWriter(call.write, pretty=True)
    pretty = plain or call.values.pretty
    writer = Dump(json, tables.types, Types(), plain=plain, pretty=pretty)
    try:
        rows = _selected(tables, call.words)
        json.begin_array()
        for row, fd in rows:
            writer.write(tables.values(row, fd))
        json.end()
    except UsageError:
        raise
    except ProbeeError:
        if plain:  # the end of JSON that never began
            call.write("\n")
        raise
    if plain:
        call.write("\n")


def _tables() -> Tables:
    from probee.host.btf import open_kernel_btf
    from probee.introspect.loaded.struct_ops import Tables

    return Tables(open_kernel_btf())


def _selected(tables: Tables, words: Sequence[str]) -> Iterator[tuple[StructOps, int]]:
    """The tables that the words name, at least one if they name any."""
    if not words:
        return tables.all()
    keyword = next((k for k in ("id", "name") if k.startswith(words[0])), "")
    if not keyword or len(words) != 2:
        raise UsageError("expected 'id ID' or 'name NAME'")
    if keyword == "name":
        return _some(tables.all(words[1]), f"no struct_ops found for {words[1]}")
    from probee.introspect.loaded.numbers import strtoul

    id, rest = strtoul(words[1], 0)
    if rest or not 0 < id < 1 << 32:
        raise UsageError(f"invalid id {words[1]}")
    return _some(tables.one(id), "")


def _some(rows: Iterator[tuple[StructOps, int]], why: str) -> Iterator[tuple[StructOps, int]]:
    """The rows, of which the first is there. ProbeeError if there is none."""
    first = next(rows, None)
    if first is None:
        raise ProbeeError(why)
    return chain((first,), rows)
