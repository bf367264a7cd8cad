"""Link types: what holds a program at its hook, one row a member of enum bpf_link_type.

Out: `LINK_TYPES` and look-ups. `details` is the member of struct bpf_link_info that describes the
type, "" where it has none. Sources: include/uapi/linux/bpf.h; versions from its history.
"""

from __future__ import annotations

from probee.frozen import Frozen


class LinkType(Frozen):
    """One link type."""

    name: str
    number: int
    since: str
    details: str = ""


LINK_TYPES = (
    LinkType("raw_tracepoint", 1, "5.8", "raw_tracepoint"),
    LinkType("tracing", 2, "5.8", "tracing"),
    LinkType("cgroup", 3, "5.8", "cgroup"),
    LinkType("iter", 4, "5.8", "iter"),
    LinkType("netns", 5, "5.8", "netns"),
    LinkType("xdp", 6, "5.9", "xdp"),
    LinkType("perf_event", 7, "5.15", "perf_event"),
    LinkType("kprobe_multi", 8, "5.18", "kprobe_multi"),
    LinkType("struct_ops", 9, "6.0", "struct_ops"),
    LinkType("netfilter", 10, "6.4", "netfilter"),
    LinkType("tcx", 11, "6.6", "tcx"),
    LinkType("uprobe_multi", 12, "6.6", "uprobe_multi"),
    LinkType("netkit", 13, "6.7", "netkit"),
    LinkType("sockmap", 14, "6.10", "sockmap"),
    LinkType("tracing_multi", 15, "7.2", "tracing_multi"),
)

_BY_NUMBER = {row.number: row for row in LINK_TYPES}


def by_number(number: int) -> LinkType | None:
    """The row of a member of enum bpf_link_type, or None for one newer than this table."""
    return _BY_NUMBER.get(number)
