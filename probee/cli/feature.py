"""`probee feature`: what this kernel can do with programs, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import ProbeeError, UsageError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("probe", "[kernel|dev NAME] [full] [unprivileged] [macros [prefix P]]",
         "settings, program and map types, helpers, abilities of the verifier",
         "probee.cli.feature:probe"),
    Verb("list_builtins", "GROUP", "names that bpftool 7.5 knows: prog_types, map_types, "
         "attach_types, link_types or helpers", "probee.cli.feature:list_builtins"),
    Verb("help", "", "this text"),
)  # fmt: skip
PAGE = grammar.page(
    "feature",
    "Tell what this kernel can do with programs, in bpftool's form.",
    "The kernel is asked by loading small programs and making small maps, which are let go at "
    "once. kernel: the running one, as without the word. dev: the hardware of an interface. full: "
    "also helpers of which the kernel writes a warning into its log. unprivileged: what it does "
    "for a process without rights. macros: as #define lines of C, their names behind a prefix.",
    VERBS,
    (
        ("feature", "all that is asked for"),
        ("feature probe macros prefix HAS_", "for a C header"),
        ("-jp feature probe full", "everything, as indented JSON"),
    ),
    keywords=(
        *("kernel", "dev", "full", "unprivileged", "macros", "prefix"),
        *("prog_types", "map_types", "attach_types", "link_types", "helpers"),
    ),
)


class _Wanted(Frozen):
    interface: int = 0
    full: bool = False
    unprivileged: bool = False
    prefix: str | None = None


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def probe(call: Call) -> None:
    """`probe`."""
    from probee.host.memlock import raise_limit
    from probee.host.rights import missing, without
    from probee.introspect.bpftool.feature import report_json, report_macros, report_text
    from probee.introspect.loaded.features import RIGHTS, report

    wanted = _wanted(call.words)
    raise_limit()
    if wanted.unprivileged:
        with without(RIGHTS):
            found = report(interface=wanted.interface, full=wanted.full)
    elif lacking := missing(RIGHTS):
        raise ProbeeError(
            f"this process lacks {', '.join(lacking)}, which it takes to ask for everything",
            hint="run it as root, or say 'unprivileged'",
        )
    else:
        found = report(interface=wanted.interface, full=wanted.full)
    if found.config is not None and found.config.why:
        call.warn(f"skipping kernel config, {found.config.why}")
    if call.json is not None:
        report_json(call.json, found)
        return
    texts = report_text(found) if wanted.prefix is None else report_macros(found, wanted.prefix)
    for text in texts:
        call.write(text)


def list_builtins(call: Call) -> None:
    """`list_builtins`."""
    from probee.introspect.bpftool.builtins import GROUPS, names

    word = call.words[0] if call.words else ""
    group = next((group for group in GROUPS if call.words and group.startswith(word)), "")
    if group and len(call.words) > 1:
        raise UsageError(f"{call.words[1]!r} is one word too many")
    if not group:
        *most, last = GROUPS
        wanted = "', '".join(most)
        raise UsageError(f"expected '{wanted}' or '{last}', got: {word}")
    if call.json is None:
        call.write("".join(f"{name}\n" for name in names(group)))
        return
    call.json.begin_array()
    for name in names(group):
        call.json.string(name)
    call.json.end()


def _wanted(words: Sequence[str]) -> _Wanted:
    """What the words ask for, each cut to any beginning."""
    rest = list(words)
    component, prefix = "", None
    interface, full, unprivileged = 0, False, False
    while rest:
        word = rest.pop(0)
        part = next((part for part in ("kernel", "dev") if part.startswith(word)), "")
        if part:
            if component:
                raise UsageError("component to probe already specified")
            component = part
            if part == "dev":
                interface = _interface(_next(rest, "dev"))
        elif "full".startswith(word):
            full = True
        elif "macros".startswith(word) and prefix is None:
            prefix = ""
        elif "prefix".startswith(word):
            if prefix is None:
                raise UsageError("'prefix' argument can only be used after 'macros'")
            if prefix:
                raise UsageError("'prefix' already defined")
            prefix = _next(rest, "prefix")
        elif "unprivileged".startswith(word):
            unprivileged = True
        else:
            raise UsageError(
                "expected no more arguments, 'kernel', 'dev', 'full', 'unprivileged', 'macros' or "
                f"'prefix', got: '{word}'?"
            )
    return _Wanted(interface, full, unprivileged, prefix)


def _next(rest: list[str], word: str) -> str:
    grammar.needs(word, 1, rest)
    return rest.pop(0)


def _interface(name: str) -> int:
    from probee.cli.net import interface_index

    index = interface_index(name)
    if not index:
        raise ProbeeError(f"unrecognized netdevice '{name}': No such device")
    return index
