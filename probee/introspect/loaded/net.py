"""Programs at network hooks: those of interfaces, by netlink and queries, and netfilter's.

In: this process's network namespace, all of its interfaces or one. Out: rows.
"""

from __future__ import annotations

import os

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host import info, netlink as nl
from probee.host.bpf import ids, open_by_id
from probee.host.queries import Attached, attached
from probee.introspect.loaded.names import named
from probee.introspect.loaded.types import Types
from probee.tables.programs import attach_type
from probee.uapi.bpf import BPF_FLOW_DISSECTOR, BPF_LINK_TYPE_NETFILTER
from probee.uapi.bpf_info import BPF_LINK_INFO, BPF_LINK_INFO_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_EINVAL = 22
# No such hook: gone, not of this interface's kind, not in this kernel, the peer's end of a netkit.
_NO_HOOK = {2, 6, 13, 19, _EINVAL}  # ENOENT, ENXIO, EACCES, ENODEV

# How XDP programs run: what IFLA_XDP_ATTACHED says; the attribute that has the program's id where
# several run at once.
_XDP_MODES = {
    nl.XDP_ATTACHED_DRV: "driver",
    nl.XDP_ATTACHED_SKB: "generic",
    nl.XDP_ATTACHED_HW: "offload",
}
_XDP_SEVERAL = (
    ("generic", nl.IFLA_XDP_SKB_PROG_ID),
    ("driver", nl.IFLA_XDP_DRV_PROG_ID),
    ("offload", nl.IFLA_XDP_HW_PROG_ID),
)

# Hooks of an interface that bpf() itself tells of.
_HOOKS = (
    ("tcx/ingress", "TCX_INGRESS"),
    ("tcx/egress", "TCX_EGRESS"),
    ("netkit/primary", "NETKIT_PRIMARY"),
    ("netkit/peer", "NETKIT_PEER"),
)

# The two hooks of a clsact qdisc, with the handles that stand for them.
_CLSACT = (
    ("clsact/ingress", nl.TC_H_CLSACT & 0xFFFF0000 | nl.TC_H_MIN_INGRESS),
    ("clsact/egress", nl.TC_H_CLSACT & 0xFFFF0000 | nl.TC_H_MIN_EGRESS),
)


class Interface(Frozen):
    """A network interface."""

    index: int
    name: str


class Xdp(Frozen):
    """XDP programs of an interface: how each runs, its id. `several`: in several ways at once."""

    interface: Interface
    programs: tuple[tuple[str, int], ...]
    several: bool


class Hooked(Frozen):
    """A program at a tcx or netkit hook. `name` is None where it has none, or is gone."""

    interface: Interface
    where: str
    name: str | None
    attached: Attached


class Filter(Frozen):
    """A program as a filter of traffic control. What the kernel does not tell is None.

    `where`: clsact/ingress, clsact/egress, or the kind of qdisc or class it filters for.
    `actions`: name and id of each of its actions that is a program.
    """

    interface: Interface
    where: str
    name: str | None
    program: int | None
    actions: tuple[tuple[str | None, int | None], ...] | None


class Netfilter(Frozen):
    """A program at a hook of netfilter, by its link."""

    family: int
    hook: int
    priority: int
    flags: int
    program: int


class Network(Frozen):
    """All of it. `dissector`: the id of the namespace's flow dissector, 0 for none."""

    xdp: tuple[Xdp, ...]
    traffic: tuple[Hooked | Filter, ...]
    dissector: int
    netfilter: tuple[Netfilter, ...]


def network(only: int = 0) -> Network:
    """What is attached in this network namespace; `only`: of the interface with this index."""
    dissector = flow_dissector()
    with nl.Netlink() as asked:
        links = [
            (Interface(index, nl.text(attributes.get(nl.IFLA_IFNAME, b""))), attributes)
            for index, attributes in asked.links()
            if only in (0, index)
        ]
        traffic: list[Hooked | Filter] = []
        types = Types()
        for interface, _ in links:
            traffic += hooked(interface, types)
            traffic += filters(asked, interface)
    found = (xdp(interface, attributes.get(nl.IFLA_XDP, b"")) for interface, attributes in links)
    return Network(
        tuple(row for row in found if row is not None), tuple(traffic), dissector, netfilter()
    )


def flow_dissector() -> int:
    """The program that takes packets apart in this network namespace, 0 for none."""
    fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        programs = attached(fd, BPF_FLOW_DISSECTOR).programs
    except KernelError as error:
        if error.errno == _EINVAL:  # Linux before 5.9 does not tell
            return 0
        raise
    finally:
        os.close(fd)
    return programs[0].program if programs else 0


def xdp(interface: Interface, data: bytes) -> Xdp | None:
    """What the attribute IFLA_XDP of an interface says; None where nothing is attached."""
    about = nl.attributes(data)
    mode = nl.number(about.get(nl.IFLA_XDP_ATTACHED, b""))
    if not mode:
        return None
    several = mode == nl.XDP_ATTACHED_MULTI
    wanted = _XDP_SEVERAL if several else ((_XDP_MODES.get(mode, ""), nl.IFLA_XDP_PROG_ID),)
    programs = [(how, nl.number(about[place])) for how, place in wanted if how and place in about]
    return Xdp(interface, tuple(programs), several)


def hooked(interface: Interface, types: Types) -> Iterator[Hooked]:
    """The programs at an interface's tcx and netkit hooks, in the order in which they run."""
    for where, name in _HOOKS:
        try:
            found = attached(interface.index, attach_type(name).number, links=True).programs
        except KernelError as error:
            if error.errno in _NO_HOOK:
                continue
            raise
        for row in found:
            about = named(row.program, types)
            yield Hooked(interface, where, about.name or None if about else None, row)


def filters(asked: nl.Netlink, interface: Interface) -> Iterator[Filter]:
    """The programs that filter for an interface's classes and qdiscs."""
    places = [
        (_kind(attributes), handle)
        for index, handle, attributes in asked.traffic(nl.RTM_GETTCLASS, interface.index)
    ]
    # The kernel tells the qdiscs of all interfaces, whichever was asked for.
    qdiscs = [
        (_kind(attributes), handle)
        for index, handle, attributes in asked.traffic(nl.RTM_GETQDISC, interface.index)
        if index == interface.index
    ]
    places += [(kind, handle) for kind, handle in qdiscs if handle and kind != "clsact"]
    if any(kind == "clsact" for kind, _ in qdiscs):
        places += _CLSACT
    for where, handle in places:
        for _, _, attributes in asked.traffic(nl.RTM_GETTFILTER, interface.index, handle):
            if _kind(attributes) == "bpf" and nl.TCA_OPTIONS in attributes:
                yield filter_row(interface, where, attributes[nl.TCA_OPTIONS])


def filter_row(interface: Interface, where: str, data: bytes) -> Filter:
    """What the options of a filter of kind `bpf` say."""
    options = nl.attributes(data)
    actions = options.get(nl.TCA_BPF_ACT)
    return Filter(
        interface,
        where,
        _text(options.get(nl.TCA_BPF_NAME)),
        _number(options.get(nl.TCA_BPF_ID)),
        None if actions is None else tuple(_actions(actions)),
    )


def _actions(data: bytes) -> Iterator[tuple[str | None, int | None]]:
    for _, action in sorted(nl.attributes(data).items()):
        about = nl.attributes(action)
        if nl.text(about.get(nl.TCA_ACT_KIND, b"")) == "bpf":
            options = nl.attributes(about.get(nl.TCA_ACT_OPTIONS, b""))
            yield (
                _text(options.get(nl.TCA_ACT_BPF_NAME)),
                _number(options.get(nl.TCA_ACT_BPF_ID)),
            )


def _kind(attributes: dict[int, bytes]) -> str:
    return nl.text(attributes.get(nl.TCA_KIND, b"unknown"))


def _text(value: bytes | None) -> str | None:
    return None if value is None else nl.text(value)


def _number(value: bytes | None) -> int | None:
    return None if value is None else nl.number(value)


# The common part of struct bpf_link_info, and the alternative of netfilter links.
_NETFILTER = info.Layout(
    (*BPF_LINK_INFO[:3], *(row for row in BPF_LINK_INFO if row[0].startswith("netfilter."))),
    BPF_LINK_INFO_SIZE,
)


def netfilter() -> tuple[Netfilter, ...]:
    """The links to netfilter hooks, in the order of family, hook, priority and flags."""
    found = []
    for link in ids("LINK"):
        fd = open_by_id("LINK", link)
        if fd is None:
            continue
        try:
            about, _ = info.read(fd, _NETFILTER)
        finally:
            os.close(fd)
        if about["type"] == BPF_LINK_TYPE_NETFILTER:
            found.append(netfilter_row(about))
    return tuple(sorted(found, key=_order))


def netfilter_row(about: info.Info) -> Netfilter:
    """The row of what the kernel says of a link."""
    priority = about["netfilter.priority"]
    return Netfilter(
        about["netfilter.pf"],
        about["netfilter.hooknum"],
        priority - (1 << 32) if priority >> 31 else priority,
        about["netfilter.flags"],
        about["prog_id"],
    )


def _order(row: Netfilter) -> tuple[int, int, int, int]:
    return (row.family, row.hook, row.priority, row.flags)
