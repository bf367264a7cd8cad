"""Where programs are attached without a link of the kernel's, as all were before Linux 5.7.

In: programs for which no link was found. Out: `Attachment`s by the program's id. Places are looked
at only where one of these programs can be in such a place: cgroups for types that cgroups take,
interfaces for those of the network. What may not be asked is left out.
"""

from __future__ import annotations

from os import close

from probee.errors import ProbeeError
from probee.host.bpf import ids, map_get_next_key, map_lookup, open_by_id
from probee.host.info import MAP, name_in, read
from probee.host.queries import attached
from probee.introspect.running.attached import Attachment, cgroup_hook
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from probee.introspect.loaded.programs import Program

    Found: TypeAlias = Iterator[tuple[int, Attachment]]

_MOST = 1024  # slots of a table of programs that are looked at
_CGROUP = frozenset({
    "cgroup_skb", "cgroup_sock", "cgroup_device", "cgroup_sock_addr", "cgroup_sysctl",
    "cgroup_sockopt", "sock_ops", "lsm",
})  # fmt: skip
_NETWORK = frozenset({"xdp", "sched_cls", "sched_act", "flow_dissector"})
_SOCKETS = frozenset({"sk_skb", "sk_msg"})
_SOCKET_HOOKS = (
    (uapi.BPF_SK_SKB_STREAM_PARSER, "stream_parser"),
    (uapi.BPF_SK_SKB_STREAM_VERDICT, "stream_verdict"),
    (uapi.BPF_SK_SKB_VERDICT, "verdict"),
    (uapi.BPF_SK_MSG_VERDICT, "msg_verdict"),
)
_SOCKET_MAPS = (uapi.BPF_MAP_TYPE_SOCKMAP, uapi.BPF_MAP_TYPE_SOCKHASH)
_REDIRECTS = (
    uapi.BPF_MAP_TYPE_DEVMAP, uapi.BPF_MAP_TYPE_DEVMAP_HASH, uapi.BPF_MAP_TYPE_CPUMAP,
)  # fmt: skip


def unlinked(programs: Iterable[Program]) -> dict[int, list[Attachment]]:
    """All of them that can be found."""
    types = {program.id: program.type_name for program in programs}
    if not types:
        return {}
    there = set(types.values())
    ops = {id for id, name in types.items() if name == "struct_ops"}
    looks: list[Callable[[], Found]] = [lambda: _in_maps(ops, sockets=bool(there & _SOCKETS))]
    looks += [_in_cgroups] if there & _CGROUP else []
    looks += [_at_interfaces] if there & _NETWORK else []
    found: dict[int, list[Attachment]] = {}
    for look in looks:
        try:
            for id, one in look():
                if id in types and one not in found.setdefault(id, []):
                    found[id].append(one)
        except ProbeeError:  # no such place here, or no right to look
            continue
    return found


def _in_cgroups() -> Found:
    from probee.introspect.loaded.cgroups import mounted, walk

    root = mounted()
    for path, _, programs in walk(root):
        shown = path.removeprefix(root.rstrip("/")) or "/"
        for program in programs:
            yield program.id, Attachment("cgroup", shown, cgroup_hook(program.hook), "cgroup")


def _at_interfaces() -> Found:
    from probee.introspect.loaded.net import Filter, network

    found = network()
    for xdp in found.xdp:
        for how, program in xdp.programs:
            yield program, Attachment("xdp", xdp.interface.name, how, "netlink")
    for row in found.traffic:
        name = row.interface.name
        if isinstance(row, Filter):
            if row.program is not None:
                yield row.program, Attachment("tc", name, row.where, "netlink")
            for _, action in row.actions or ():
                if action is not None:
                    yield action, Attachment("tc action", name, row.where, "netlink")
        elif not row.attached.link:
            kind, _, way = row.where.partition("/")
            yield row.attached.program, Attachment(kind, name, way, "interface")
    if found.dissector:
        where = "in this network namespace"
        yield found.dissector, Attachment("flow_dissector", where, "", "namespace")


def _in_maps(ops: set[int], *, sockets: bool) -> Found:
    for id in ids("MAP"):
        fd = open_by_id("MAP", id)
        if fd is None:
            continue
        try:
            yield from _in_map(fd, id, ops, sockets=sockets)
        except ProbeeError:  # gone, or not to be read
            continue
        finally:
            close(fd)


def _in_map(fd: int, id: int, ops: set[int], *, sockets: bool) -> Found:
    info, buffer = read(fd, MAP)
    type_, room = info["type"], info["max_entries"]
    name = name_in(buffer, MAP).decode("utf-8", "surrogateescape") or f"map {id}"
    if type_ == uapi.BPF_MAP_TYPE_PROG_ARRAY:
        for value in _values(fd, room, 4):
            yield int.from_bytes(value, "little"), Attachment("tail call", name, "", "map")
    elif type_ in _REDIRECTS and info["value_size"] == 8:  # where to, and the program's id
        for value in _values(fd, room, 8):
            program = int.from_bytes(value[4:], "little")
            if program:
                yield program, Attachment("xdp", f"entry of {name}", "", "map")
    elif type_ == uapi.BPF_MAP_TYPE_STRUCT_OPS and ops:
        found = map_lookup(fd, bytes(4), info["value_size"]) or b""
        for program in ops.intersection(memoryview(found[: len(found) & ~7]).cast("Q")):
            yield program, Attachment("struct_ops", name, "", "map")
    elif type_ in _SOCKET_MAPS and sockets:
        for number, hook in _SOCKET_HOOKS:
            for row in attached(fd, number).programs:
                yield row.program, Attachment("sockmap", name, hook, "map")


def _values(fd: int, room: int, size: int) -> Iterator[bytes]:
    """The values of a map with keys of 4 bytes."""
    key: bytes | None = None
    for _ in range(min(room, _MOST)):
        key = map_get_next_key(fd, key, 4)
        if key is None:
            return
        value = map_lookup(fd, key, size)
        if value is not None:
            yield value
