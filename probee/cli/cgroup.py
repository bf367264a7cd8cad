"""`probee cgroup`: programs attached to cgroups, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("show", "CGROUP [effective]", "programs attached to a cgroup, or those that run for it",
         "probee.cli.cgroup:show"),
    Verb("list", "CGROUP [effective]", "the same", "probee.cli.cgroup:show"),
    Verb("tree", "[CGROUP] [effective]", "a cgroup and all below it that have programs",
         "probee.cli.cgroup:tree"),
    Verb("attach"),
    Verb("detach"),
    Verb("help", "", "this text"),
)  # fmt: skip
PAGE = grammar.page(
    "cgroup",
    "Show programs attached to cgroups, in bpftool's form.",
    "CGROUP is the path of a folder on a cgroup2 file system; tree without one begins where the "
    "first is mounted. effective: what runs for a cgroup, its ancestors' programs among it. Needs "
    "CAP_NET_ADMIN and CAP_SYS_ADMIN.",
    VERBS,
    (
        ("cgroup tree", "all cgroups that have programs"),
        ("cgroup show /sys/fs/cgroup/a", "what is attached to one"),
        ("cgroup show /sys/fs/cgroup/a effective", "what runs for it"),
    ),
    keywords=("effective",),
)


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.introspect.bpftool.cgroup import head_text, program_json, program_text
    from probee.introspect.loaded.cgroups import KernelTypes, programs

    grammar.needs("show", 1, call.words)
    effective = _effective(call.words[1:])
    found = programs(call.words[0], effective=effective)
    types = KernelTypes()
    if call.json is not None:
        call.json.begin_array()
        for row in found:
            program_json(call.json, row, types, effective=effective)
        call.json.end()
    elif found:
        call.write(head_text(effective=effective))
        for row in found:
            call.write(program_text(row, types, effective=effective, indent=False))


def tree(call: Call) -> None:
    """`tree`."""
    from probee.frame.text import printable
    from probee.introspect.bpftool.cgroup import head_text, program_json, program_text
    from probee.introspect.loaded.cgroups import KernelTypes, mounted, walk

    root, words = _root(call.words)
    effective = _effective(words)
    rows = walk(root or mounted(), effective=effective)
    types = KernelTypes()
    if call.json is None:
        call.write(f"CgroupPath\n{head_text(effective=effective)}")
        for path, level, found in rows:
            call.write(f"{printable(path)}\n")
            for row in found:
                call.write(program_text(row, types, effective=effective, indent=level > 0))
        return
    call.json.begin_array()
    for path, _, found in rows:
        call.json.begin_object()
        call.json.field("cgroup", path)
        call.json.name("programs")
        call.json.begin_array()
        for row in found:
            program_json(call.json, row, types, effective=effective)
        call.json.end()
        call.json.end()
    call.json.end()


def _root(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The path to begin at, "" without one, and the words behind it."""
    from os.path import isdir

    if not words or (words == ["effective"] and not isdir(words[0])):
        return "", words
    return words[0], words[1:]


def _effective(words: Sequence[str]) -> bool:
    for word in words:
        if not "effective".startswith(word):
            raise UsageError(f"expected no more arguments, 'effective', got: '{word}'?")
    if len(words) > 1:
        raise UsageError(f"duplicated argument: {words[1]}")
    return bool(words)
