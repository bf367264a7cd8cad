"""Command lines of bpftool's grammar, right and wrong: verbs, selectors, options, and words amiss.

In: nothing. Out: `lines()`, each a string of words; `{prog}`, `{map}`, `{link}`, `{btf}` are ids,
`{tag}` a program's tag, `{pins}` a folder with pins of the same names.
"""

from __future__ import annotations

from itertools import product

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_SUCH = ("id 99999999", "id x", "id 1x", "id", "x y", "x", "pinned /no/such", "pinned {pins}")
# What selects an object of a command, and what does not.
SELECTORS = {
    "prog": (
        "id {prog}", "i {prog}", "tag {tag}", "name hunted", "n hunted", "pinned {pins}/prog",
        "p {pins}/prog", *_NO_SUCH, "tag x", "tag 12", "tag 0123456789abcdef", "name nobody",
        "name", "tag", "pinned", "pinned {pins}/map", "pinned {pins}/link", "id {prog} x",
        "id {prog} id {prog}", "pinned /etc/passwd", "pinned /tmp", "id 0", "id 4294967295",
    ),
    "map": (
        "id {map}", "i {map}", "name hunted", "n hunted", "pinned {pins}/map", *_NO_SUCH,
        "name nobody", "name an_overlong_name", "name", "pinned {pins}/prog", "id {map} x",
    ),
    "link": (
        "id {link}", "i {link}", "pinned {pins}/link", "p {pins}/link", *_NO_SUCH,
        "pinned {pins}/prog", "id {link} x", "name x",
    ),
    "btf": ("id {btf}", "i {btf}", "id 99999999", "id x", "id", "x y", "x", "id {btf} x"),
    "struct_ops": ("id {map}", "id 99999999", "id x", "id 0", "id", "x", "name nobody", "name"),
}  # fmt: skip

_FORMS = ("", "format c", "format raw", "f c", "unsorted", "format", "format x", "x", "format c u")
_SOURCES = (
    "id {btf}", "i {btf}", "file /sys/kernel/btf/no_such", "file /etc", "file", "file /no/such",
    "id x", "id 99999999", "x y", "", "id", "prog id {prog}", "map id {map}", "map id {map} key",
    "prog id 99999999", "map x y", "prog id", "map",
)  # fmt: skip
_KEYS = (
    "key 0 0 0 0", "k 1 0 0 0", "key hex 1 0 0 0", "key 0x1 00 0 0", "key 256 0 0 0", "key 9 0 0 0",
    "", "key", "key x", "key 0", "key 0 0 0 0 0", "key 0 0 0 0 key 0", "key 0 0 0 0 value 0", "x",
    "key 0 0 0 0 any", "value 0", "any", "key hex",
)  # fmt: skip
_OTHERS = (
    "perf show", "perf", "perf l", "perf x", "net show", "net", "net show dev lo", "net l d lo",
    "net show dev no_such", "net show x", "net show x y", "net show dev", "net show dev lo x",
    "net x", "cgroup show", "cgroup show /tmp", "cgroup show /no/such", "cgroup show /tmp x",
    "cgroup show /tmp effective effective", "cgroup tree /tmp", "cgroup tree /no/such",
    "cgroup tree /tmp x", "cgroup tree /tmp effective effective", "cgroup x",
    "feature probe dev no_such", "feature probe x", "feature probe kernel kernel",
    "feature probe kernel dev lo", "feature probe dev", "feature probe prefix x",
    "feature probe macros prefix", "feature probe macros prefix A prefix B",
    "feature probe macros macros", "feature x", "feature list_builtins", "feature list_builtins x",
    "feature list_builtins prog_types", "feature l map", "feature l a", "feature l l",
    "feature list_builtins helpers", "prog x", "prog dump", "prog dump x", "map x", "link x",
    "btf x", "struct_ops", "struct_ops x", "struct_ops dump", "map event_pipe",
    "map event_pipe id {map}", "map event_pipe id {map} cpu", "map event_pipe id {map} x",
    "batch", "batch file", "batch file /no/such", "batch file /etc/passwd x",
)  # fmt: skip
_WITH_OPTIONS = ("prog show id {prog}", "map dump id {map}", "btf show id {btf}")
_OPTIONS = (
    "-p", "-jp", "-pj", "-jj", "-f", "-n", "-m", "-L", "-jfnmL", "--json", "--pre", "--bpffs",
    "--use-loader", "-B /sys/kernel/btf/vmlinux", "--base-btf /sys/kernel/btf/vmlinux",
    "--base-btf=/sys/kernel/btf/vmlinux", "-B /no/such", "-x", "--no-such", "-S", "-j -x", "-x -j",
    "-l", "--",
)  # fmt: skip


def lines() -> Iterator[str]:
    """All of them, as text; with `-j` before them wherever they say nothing of it."""
    for form in ("", "-j "):
        for line in _plain():
            yield form + line
    for line, option in product(_WITH_OPTIONS, _OPTIONS):
        words = line.split()
        for at in range(len(words) + 1):
            if option != "--" or at in (0, len(words)):
                yield " ".join((*words[:at], option, *words[at:]))


def _plain() -> Iterator[str]:
    for command, selectors in SELECTORS.items():
        for verb in "show", "list", "s":
            yield from (f"{command} {verb} {selector}" for selector in selectors)
    for selector in SELECTORS["prog"]:
        yield f"prog dump xlated {selector}"
    for words in "o", "linum", "visual", "opcodes linum", "visual opcodes", "x", "file /no/such/x":
        yield f"prog d x id {{prog}} {words}"
    yield "prog dump xlated id {prog} file"
    yield "prog dump xlated id {prog} file /dev/null"
    yield "prog dump xlated id {prog} file /dev/null opcodes"
    for selector in SELECTORS["map"]:
        yield f"map dump {selector}"
        yield f"map getnext {selector}"
        yield f"map lookup {selector} key 1 0 0 0"
    for verb, key in product(("lookup", "l", "getnext", "peek"), _KEYS):
        if verb != "peek" or "key" not in key:
            yield f"map {verb} id {{map}} {key}".rstrip()
    for selector in SELECTORS["struct_ops"]:
        yield f"struct_ops dump {selector}"
    for source in _SOURCES:
        yield f"btf dump {source}".rstrip()
    for form in _FORMS:
        yield f"btf dump id {{btf}} {form}".rstrip()
    yield from _OTHERS
