"""`net show`: rows of probee.introspect.loaded.net as text and as JSON."""

from __future__ import annotations

from probee.introspect.bpftool.netfilter import netfilter_json, netfilter_text
from probee.introspect.bpftool.shared import one_line
from probee.introspect.loaded.net import Filter, Hooked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.net import Interface, Network, Xdp


def net_text(network: Network) -> Iterator[str]:
    """Four sections, each with an empty line behind it."""
    yield "xdp:\n"
    yield from map(_xdp_text, network.xdp)
    yield "\ntc:\n"
    for row in network.traffic:
        yield _hooked_text(row) if isinstance(row, Hooked) else _filter_text(row)
    dissector = f"id {network.dissector}" if network.dissector else ""
    yield f"\nflow_dissector:\n{dissector}\n"
    yield "netfilter:\n"
    for link in network.netfilter:
        yield f"{netfilter_text(link)} prog_id {link.program}"
    yield "\n"


def _interface_text(interface: Interface) -> str:
    return f"{one_line(interface.name)}({interface.index})"


def _xdp_text(row: Xdp) -> str:
    programs = (f" {how} id {program}" for how, program in row.programs)
    return f"{_interface_text(row.interface)}{''.join(programs)}\n"


def _hooked_text(row: Hooked) -> str:
    found = row.attached
    name = "" if row.name is None else f" {one_line(row.name)}"
    text = f"{_interface_text(row.interface)} {row.where}{name} prog_id {found.program} "
    if found.flags:
        text += f"prog_flags {_bits_text(found.flags)}"
    if found.link:
        text += f"link_id {found.link} "
        if found.link_flags:
            text += f"link_flags {_bits_text(found.link_flags)}"
    return f"{text}\n"


def _bits(flags: int) -> list[int]:
    return [1 << bit for bit in range(32) if flags >> bit & 1]


def _bits_text(flags: int) -> str:
    return "".join(f"{bit} " for bit in _bits(flags))


def _filter_text(row: Filter) -> str:
    text = f"{_interface_text(row.interface)} {row.where}"
    text += "" if row.name is None else f" {one_line(row.name)}"
    text += "" if row.program is None else f" id {row.program}"
    if row.actions is not None:
        text += f" act [{''.join(_action_text(*action) for action in row.actions)}] "
    return f"{text}\n"


def _action_text(name: str | None, program: int | None) -> str:
    shown = "" if name is None else one_line(name)
    return f"{{{shown}{'' if program is None else f' id {program}'}}}"


def net_json(json: JsonWriter, network: Network) -> None:
    """An array of one object, with an array for each section."""
    json.begin_array()
    json.begin_object()
    json.name("xdp")
    json.begin_array()
    for row in network.xdp:
        _xdp_json(json, row)
    json.end()
    json.name("tc")
    json.begin_array()
    for found in network.traffic:
        _interface_json(json, found.interface)
        json.field("kind", found.where)
        if isinstance(found, Hooked):
            _hooked_json(json, found)
        else:
            _filter_json(json, found)
        json.end()
    json.end()
    json.name("flow_dissector")
    json.begin_array()
    if network.dissector:
        json.begin_object()
        json.field("id", network.dissector)
        json.end()
    json.end()
    json.name("netfilter")
    json.begin_array()
    for link in network.netfilter:
        json.begin_object()
        netfilter_json(json, link)
        json.field("id", link.program)
        json.end()
    json.close(json.depth - 3)


def _interface_json(json: JsonWriter, interface: Interface) -> None:
    json.begin_object()
    json.field("devname", interface.name)
    json.field("ifindex", interface.index)


def _xdp_json(json: JsonWriter, row: Xdp) -> None:
    _interface_json(json, row.interface)
    if row.several:
        json.name("multi_attachments")
        json.begin_array()
    for how, program in row.programs:
        if row.several:
            json.begin_object()
        json.field("mode", how)
        json.field("id", program)
        if row.several:
            json.end()
    if row.several:
        json.end()
    json.end()


def _hooked_json(json: JsonWriter, row: Hooked) -> None:
    if row.name is not None:
        json.field("name", row.name)
    json.field("prog_id", row.attached.program)
    _bits_json(json, "prog_flags", row.attached.flags)
    json.field("link_id", row.attached.link)
    _bits_json(json, "link_flags", row.attached.link_flags)


def _bits_json(json: JsonWriter, name: str, flags: int) -> None:
    json.name(name)
    json.begin_array()
    for bit in _bits(flags):
        json.raw(str(bit))
    json.end()


def _filter_json(json: JsonWriter, row: Filter) -> None:
    if row.name is not None:
        json.field("name", row.name)
    if row.program is not None:
        json.field("id", row.program)
    if row.actions is None:
        return
    json.name("act")
    json.begin_array()
    for name, program in row.actions:
        json.begin_object()
        if name is not None:
            json.field("name", name)
        if program is not None:
            json.field("id", program)
        json.end()
    json.end()
