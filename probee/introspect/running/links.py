"""Where links hang: rows of links in, `Attachment`s out.

One function a type of link, in `WORDS`. What the numbers mean: include/uapi/linux/bpf.h, and the
fill_link_info function of each type in kernel/bpf, kernel/trace/bpf_trace.c and net/.
"""

from __future__ import annotations

from probee.introspect.running.attached import (
    Attachment,
    cgroup_hook,
    count,
    interface,
    place,
    tracing_hook,
    user_place,
)
from probee.tables.programs import ATTACH_TYPES
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from probee.introspect.loaded.links import Link
    from probee.introspect.running.names import Names

    # kind, target, way
    Words: TypeAlias = tuple[str, str, str]

_ATTACH = {row.number: row.name for row in ATTACH_TYPES}
_NAMED = 3  # functions that are told by name; of more, the number


def attachment(link: Link, names: Names) -> Attachment:
    """Where a link hangs."""
    if link.lacking:  # an iterator tells its type alone
        return Attachment("link", link.type_name or f"{link.type}", link=link.id)
    kind, target, way = WORDS.get(link.type, _unknown)(link, names)
    return Attachment(kind, target, way, "link", link.id)


def _unknown(link: Link, _: Names) -> Words:
    return "link", f"{link.type}", ""


def _raw_tracepoint(link: Link, names: Names) -> Words:
    typed = names.is_typed(link.prog_id)
    return "tp_btf" if typed else "raw_tracepoint", link.name, ""


def _tracing(link: Link, names: Names) -> Words:
    replaces = link.prog_type == uapi.BPF_PROG_TYPE_EXT
    found = _ATTACH.get(link.details["attach_type"], "")
    hook = "freplace" if replaces else tracing_hook(found)
    target = names.target(
        link.prog_id, link.details["target_obj_id"], link.details["target_btf_id"]
    )
    return hook, target, ""


def _cgroup(link: Link, names: Names) -> Words:
    hook = _ATTACH.get(link.details["attach_type"], "")
    path = names.cgroup(link.details["cgroup_id"])
    if hook == "LSM_CGROUP":
        return "lsm", names.attach_target(link.prog_id), f"in cgroup {path}"
    return "cgroup", path, cgroup_hook(hook)


def _iter(link: Link, names: Names) -> Words:
    if link.name in ("bpf_map_elem", "bpf_sk_storage_map", "sockmap"):
        return "iter", link.name, names.map(link.details["map.map_id"])
    return "iter", link.name, ""


def _netns(link: Link, names: Names) -> Words:
    hook = _ATTACH.get(link.details["attach_type"], "").lower()
    hook = hook if hook in ("flow_dissector", "sk_lookup") else "netns"
    return hook, names.network(link.details["netns_ino"]), ""


def _xdp(link: Link, _: Names) -> Words:
    return "xdp", interface(link.details["ifindex"]), ""


def _tcx(link: Link, _: Names) -> Words:
    way = "ingress" if link.details["attach_type"] == uapi.BPF_TCX_INGRESS else "egress"
    return "tcx", interface(link.details["ifindex"]), way


def _netkit(link: Link, _: Names) -> Words:
    way = "primary" if link.details["attach_type"] == uapi.BPF_NETKIT_PRIMARY else "peer"
    return "netkit", interface(link.details["ifindex"]), way


def _perf_event(link: Link, names: Names) -> Words:
    match link.details["type_of_event"]:
        case uapi.BPF_PERF_EVENT_TRACEPOINT:
            return "tracepoint", names.tracepoint(link.name), ""
        case uapi.BPF_PERF_EVENT_KPROBE | uapi.BPF_PERF_EVENT_KRETPROBE as kind:
            name, offset = link.name, link.details["offset"]
            if not name:
                name, offset = names.function(link.details["addr"]), 0
            returns = kind == uapi.BPF_PERF_EVENT_KRETPROBE
            return "kretprobe" if returns else "kprobe", place(name, offset), ""
        case uapi.BPF_PERF_EVENT_UPROBE | uapi.BPF_PERF_EVENT_URETPROBE as kind:
            offset = link.details["offset"]
            where = user_place(link.name, offset, names.user(link.name, offset))
            return "uretprobe" if kind == uapi.BPF_PERF_EVENT_URETPROBE else "uprobe", where, ""
        case uapi.BPF_PERF_EVENT_EVENT:
            return (
                "perf_event",
                names.event(link.details["type"], link.details["config"]),
                "",
            )
        case _:  # Linux before 6.6 does not say which
            return "perf_event", "", ""


def _kprobe_multi(link: Link, names: Names) -> Words:
    number = link.details["count"]
    kind = "kretprobe.multi" if link.details["flags"] & 1 else "kprobe.multi"
    if number > _NAMED:
        return kind, count(number, "function"), ""
    return kind, ",".join(names.function(address) for address, *_ in link.rows), ""


def _uprobe_multi(link: Link, names: Names) -> Words:
    number, path = link.details["count"], link.name
    kind = "uretprobe.multi" if link.details["flags"] & 1 else "uprobe.multi"
    if number > _NAMED:
        return kind, f"{path}:{count(number, 'place')}", ""
    places = (names.user(path, offset) or hex(offset) for offset, *_ in link.rows)
    return kind, f"{path}:{','.join(places)}", ""


def _struct_ops(link: Link, names: Names) -> Words:
    return "struct_ops", names.map(link.details["map_id"]), ""


# include/uapi/linux/netfilter.h: families and the hooks of inet, ip and ip6
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


def _netfilter(link: Link, _: Names) -> Words:
    family, hook = link.details["pf"], link.details["hooknum"]
    known = family in (1, 2, 7, 10) and hook < len(_HOOKS)
    return (
        "netfilter",
        _FAMILIES.get(family, f"family {family}"),
        _HOOKS[hook] if known else f"hook {hook}",
    )


def _sockmap(link: Link, names: Names) -> Words:
    hook = _ATTACH.get(link.details["attach_type"], "").lower().removeprefix("sk_")
    return "sockmap", names.map(link.details["map_id"]), hook.removeprefix("skb_")


WORDS: dict[int, Callable[[Link, Names], Words]] = {
    uapi.BPF_LINK_TYPE_RAW_TRACEPOINT: _raw_tracepoint,
    uapi.BPF_LINK_TYPE_TRACING: _tracing,
    uapi.BPF_LINK_TYPE_CGROUP: _cgroup,
    uapi.BPF_LINK_TYPE_ITER: _iter,
    uapi.BPF_LINK_TYPE_NETNS: _netns,
    uapi.BPF_LINK_TYPE_XDP: _xdp,
    uapi.BPF_LINK_TYPE_PERF_EVENT: _perf_event,
    uapi.BPF_LINK_TYPE_KPROBE_MULTI: _kprobe_multi,
    uapi.BPF_LINK_TYPE_STRUCT_OPS: _struct_ops,
    uapi.BPF_LINK_TYPE_NETFILTER: _netfilter,
    uapi.BPF_LINK_TYPE_TCX: _tcx,
    uapi.BPF_LINK_TYPE_UPROBE_MULTI: _uprobe_multi,
    uapi.BPF_LINK_TYPE_NETKIT: _netkit,
    uapi.BPF_LINK_TYPE_SOCKMAP: _sockmap,
}
