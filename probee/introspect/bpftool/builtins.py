"""`feature list_builtins`: names that bpftool 7.5 knows, whatever the running kernel does.

In: a group. Out: names in the order of the kernel's numbers, up to the last that bpftool 7.5 has.
"""

from __future__ import annotations

from probee.tables.links import LINK_TYPES
from probee.tables.maps import MAP_TYPES
from probee.tables.programs import ATTACH_TYPES, PROGRAM_TYPES
from probee.uapi import bpf_func

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NONE = "unspec"  # the name of number 0, where that is no type

# The last of each that bpftool 7.5 knows.
LAST_PROGRAM, LAST_MAP, LAST_HELPER = "netfilter", "arena", "cgrp_storage_delete"
_LAST_ATTACH, _LAST_LINK = "trace_kprobe_session", "sockmap"

GROUPS = ("prog_types", "map_types", "attach_types", "link_types", "helpers")


def names(group: str) -> list[str]:
    """The names of a group; KeyError for one that is not in GROUPS."""
    if group == "attach_types":
        return list(until((row.name.lower() for row in ATTACH_TYPES), _LAST_ATTACH))
    if group == "helpers":
        return [f"bpf_{_NONE}", *helpers()]
    rows: dict[str, tuple[Iterable[str], str]] = {
        "prog_types": ((row.name for row in PROGRAM_TYPES), LAST_PROGRAM),
        "map_types": ((row.name for row in MAP_TYPES), LAST_MAP),
        "link_types": ((row.name for row in LINK_TYPES), _LAST_LINK),
    }
    return [_NONE, *until(*rows[group])]


def helpers() -> dict[str, int]:
    """The helpers that bpftool 7.5 knows, with their numbers, which are without a gap."""
    prefix = "BPF_FUNC_"
    rows = {n.removeprefix(prefix): v for n, v in vars(bpf_func).items() if n.startswith(prefix)}
    known = sorted(rows, key=rows.__getitem__)
    return {f"bpf_{name}": rows[name] for name in until(known, LAST_HELPER) if name != _NONE}


def until(names: Iterable[str], last: str) -> Iterator[str]:
    """The names up to `last`."""
    for name in names:
        yield name
        if name == last:
            return
