"""What links say of where they hang: the kernel's struct bpf_link_info in, `Attachment`s out.

One function a type of link, in `WORDS`. Layout and meaning: include/uapi/linux/bpf.h, and the
fill_link_info function of each type in kernel/bpf, kernel/trace/bpf_trace.c and net/.
"""

from __future__ import annotations

from probee.frozen import Frozen
from probee.host.info import LINK, Layout, read
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
from probee.uapi.bpf_info import BPF_LINK_INFO, BPF_LINK_INFO_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.introspect.running.names import Names

_ATTACH = {row.number: row.name for row in ATTACH_TYPES}
_PLACES = {name: (offset, size) for name, offset, size in BPF_LINK_INFO}
_LONGEST = 4096
_NAMED = 3  # functions that are told by name; of more, the number
# where the address of a string goes, and its room, by the type of link
_STRINGS = {
    uapi.BPF_LINK_TYPE_RAW_TRACEPOINT: ("raw_tracepoint.tp_name", "raw_tracepoint.tp_name_len"),
    uapi.BPF_LINK_TYPE_ITER: ("iter.target_name", "iter.target_name_len"),
    # function, file, tracepoint: all in one place
    uapi.BPF_LINK_TYPE_PERF_EVENT: ("perf_event.kprobe.func_name", "perf_event.kprobe.name_len"),
    uapi.BPF_LINK_TYPE_UPROBE_MULTI: ("uprobe_multi.path", "uprobe_multi.path_size"),
}


class Linked(Frozen):
    """A link: the program that it calls, 0 for none, and where."""

    id: int
    program: int
    attachment: Attachment


class Link:
    """What the kernel says of one link, as `WORDS` take it."""

    __slots__ = ("_buffer", "fd", "id", "names", "program", "text", "type")

    def __init__(self, fd: int, names: Names) -> None:
        about, self._buffer = read(fd, LINK)
        self.fd, self.names = fd, names
        self.id, self.type, self.program = about["id"], about["type"], about["prog_id"]
        self.text = ""
        if self.type in _STRINGS:
            where, room = _STRINGS[self.type]
            text = bytearray(_LONGEST)
            layout = Layout((*BPF_LINK_INFO[:3], _row(where), _row(room)), BPF_LINK_INFO_SIZE)
            asked: dict[str, int | bytearray] = {where: text, room: len(text)}
            _, self._buffer = read(fd, layout, **asked)
            self.text = text.partition(b"\0")[0].decode("utf-8", "surrogateescape")

    def __getitem__(self, name: str) -> int:
        """A number, by its name in struct bpf_link_info."""
        offset, size = _PLACES[name]
        return int.from_bytes(self._buffer[offset : offset + size], "little")

    def numbers(self, where: str, how_many: str, width: int) -> list[int]:
        """An array of `width`-byte numbers that the kernel writes elsewhere."""
        room = self[how_many]
        data = bytearray(room * width)
        layout = Layout((*BPF_LINK_INFO[:3], _row(where), _row(how_many)), BPF_LINK_INFO_SIZE)
        asked: dict[str, int | bytearray] = {where: data, how_many: room}
        read(self.fd, layout, **asked)
        return memoryview(data).cast("Q" if width == 8 else "I").tolist()


def _row(name: str) -> tuple[str, int, int]:
    return (name, *_PLACES[name])


def linked(fd: int, names: Names) -> Linked:
    """The link behind a descriptor. Raises KernelError."""
    link = Link(fd, names)
    words = WORDS.get(link.type, _unknown)
    kind, target, way = words(link)
    return Linked(link.id, link.program, Attachment(kind, target, way, "link", link.id))


def _unknown(link: Link) -> tuple[str, str, str]:
    return f"link of type {link.type}", "", ""


def _raw_tracepoint(link: Link) -> tuple[str, str, str]:
    typed = link.names.is_typed(link.program)
    return "tp_btf" if typed else "raw_tracepoint", link.text, ""


def _tracing(link: Link) -> tuple[str, str, str]:
    hook = tracing_hook(_ATTACH.get(link["tracing.attach_type"], "tracing"))
    target = link.names.target(
        link.program, link["tracing.target_obj_id"], link["tracing.target_btf_id"]
    )
    return hook, target, ""


def _cgroup(link: Link) -> tuple[str, str, str]:
    hook = _ATTACH.get(link["cgroup.attach_type"], "")
    path = link.names.cgroup(link["cgroup.cgroup_id"])
    if hook == "LSM_CGROUP":
        return "lsm", link.names.attach_target(link.program), f"in cgroup {path}"
    return "cgroup", path, cgroup_hook(hook)


def _iter(link: Link) -> tuple[str, str, str]:
    if link.text in ("bpf_map_elem", "bpf_sk_storage_map", "sockmap"):
        return "iter", link.text, link.names.map(link["iter.map.map_id"])
    return "iter", link.text, ""


def _netns(link: Link) -> tuple[str, str, str]:
    hook = _ATTACH.get(link["netns.attach_type"], "netns").lower()
    return hook, link.names.network(link["netns.netns_ino"]), ""


def _xdp(link: Link) -> tuple[str, str, str]:
    return "xdp", interface(link["xdp.ifindex"]), ""


def _tcx(link: Link) -> tuple[str, str, str]:
    way = "ingress" if link["tcx.attach_type"] == uapi.BPF_TCX_INGRESS else "egress"
    return "tcx", interface(link["tcx.ifindex"]), way


def _netkit(link: Link) -> tuple[str, str, str]:
    way = "primary" if link["netkit.attach_type"] == uapi.BPF_NETKIT_PRIMARY else "peer"
    return "netkit", interface(link["netkit.ifindex"]), way


def _perf_event(link: Link) -> tuple[str, str, str]:
    match link["perf_event.type"]:
        case uapi.BPF_PERF_EVENT_TRACEPOINT:
            return "tracepoint", link.names.tracepoint(link.text), ""
        case uapi.BPF_PERF_EVENT_KPROBE | uapi.BPF_PERF_EVENT_KRETPROBE as kind:
            name, offset = link.text, link["perf_event.kprobe.offset"]
            if not name:
                name, offset = link.names.function(link["perf_event.kprobe.addr"]), 0
            returns = kind == uapi.BPF_PERF_EVENT_KRETPROBE
            return "kretprobe" if returns else "kprobe", place(name, offset), ""
        case uapi.BPF_PERF_EVENT_UPROBE | uapi.BPF_PERF_EVENT_URETPROBE as kind:
            offset = link["perf_event.uprobe.offset"]
            where = user_place(link.text, offset, link.names.user(link.text, offset))
            return "uretprobe" if kind == uapi.BPF_PERF_EVENT_URETPROBE else "uprobe", where, ""
        case uapi.BPF_PERF_EVENT_EVENT:
            return (
                "perf_event",
                link.names.event(link["perf_event.event.type"], link["perf_event.event.config"]),
                "",
            )
        case _:  # Linux before 6.6 does not say which
            return "perf event", "", ""


def _kprobe_multi(link: Link) -> tuple[str, str, str]:
    number = link["kprobe_multi.count"]
    kind = "kretprobe.multi" if link["kprobe_multi.flags"] & 1 else "kprobe.multi"
    if number > _NAMED:
        return kind, count(number, "function"), ""
    addresses = link.numbers("kprobe_multi.addrs", "kprobe_multi.count", 8)
    return kind, ",".join(map(link.names.function, addresses)), ""


def _uprobe_multi(link: Link) -> tuple[str, str, str]:
    number, path = link["uprobe_multi.count"], link.text
    kind = "uretprobe.multi" if link["uprobe_multi.flags"] & 1 else "uprobe.multi"
    if number > _NAMED:
        return kind, f"{path}:{count(number, 'place')}", ""
    offsets = link.numbers("uprobe_multi.offsets", "uprobe_multi.count", 8)
    places = (link.names.user(path, offset) or hex(offset) for offset in offsets)
    return kind, f"{path}:{','.join(places)}", ""


def _struct_ops(link: Link) -> tuple[str, str, str]:
    return "struct_ops", link.names.map(link["struct_ops.map_id"]), ""


# include/uapi/linux/netfilter.h: families and the hooks of inet, ip and ip6
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


def _netfilter(link: Link) -> tuple[str, str, str]:
    family, hook = link["netfilter.pf"], link["netfilter.hooknum"]
    known = family in (1, 2, 7, 10) and hook < len(_HOOKS)
    return (
        "netfilter",
        _FAMILIES.get(family, f"family {family}"),
        _HOOKS[hook] if known else f"hook {hook}",
    )


def _sockmap(link: Link) -> tuple[str, str, str]:
    hook = _ATTACH.get(link["sockmap.attach_type"], "sockmap").lower()
    return hook, link.names.map(link["sockmap.map_id"]), ""


WORDS: dict[int, Callable[[Link], tuple[str, str, str]]] = {
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
