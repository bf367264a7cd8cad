"""One map as `bpftool map show` prints it. In: a row. Out: text, or a JSON object."""

from __future__ import annotations

from probee.introspect.bpftool.shared import (
    device_json,
    device_text,
    lacking_json,
    lacking_text,
    one_line,
    owners_json,
    owners_text,
    pins_json,
    pins_text,
)
from probee.tables.programs import by_number
from probee.uapi.bpf import BPF_MAP_TYPE_PROG_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.owners import Owners


def header_text(row: Map) -> str:
    """The first line."""
    kind = row.type_name or f"type {row.type}"
    name = f"name {one_line(row.name)}  " if row.name else ""
    where = device_text(row.ifindex, row.netns_dev, row.netns_ino)
    return f"{row.id}: {kind}  {name}flags {row.flags:#x}{where}\n"


def header_json(writer: JsonWriter, row: Map) -> None:
    """The first fields of an object that is open."""
    writer.field("id", row.id)
    writer.field("type", row.type_name or row.type)
    if row.name:
        writer.field("name", row.name)
    writer.field("flags", row.flags - ((row.flags >> 31) << 32))


def text(row: Map, owners: Owners, pins: Multi) -> str:
    """The lines of one map, ends included."""
    out = header_text(row)
    out += f"\tkey {row.key_size}B  value {row.value_size}B  max_entries {row.max_entries}"
    out += f"  memlock {row.memlock}B" if row.memlock else ""
    if row.type == BPF_MAP_TYPE_PROG_ARRAY and (row.owner_type or row.owner_jited):
        out += "\n\t"
        out += f"owner_prog_type {_program_type(row)}  " if row.owner_type else ""
        out += f"owner{'' if int(row.owner_jited) else ' not'} jited" if row.owner_jited else ""
    out += pins_text(pins, row.id)
    if row.btf_id or row.frozen:
        btf = f"btf_id {row.btf_id}" if row.btf_id else ""
        out += f"\n\t{btf}{'  ' if btf and row.frozen else ''}{'frozen' if row.frozen else ''}"
    return f"{out}{owners_text(owners, row.id)}{lacking_text(row.lacking)}\n"


def json(writer: JsonWriter, row: Map, owners: Owners, pins: Multi) -> None:
    """The same as an object."""
    writer.begin_object()
    header_json(writer, row)
    device_json(writer, row.ifindex, row.netns_dev, row.netns_ino)
    writer.field("bytes_key", row.key_size)
    writer.field("bytes_value", row.value_size)
    writer.field("max_entries", row.max_entries)
    if row.memlock:
        writer.field("bytes_memlock", int(row.memlock))
    if row.type == BPF_MAP_TYPE_PROG_ARRAY:
        if row.owner_type:
            writer.field("owner_prog_type", _program_type(row))
        if row.owner_jited:
            writer.field("owner_jited", bool(int(row.owner_jited)))
    writer.field("frozen", int(row.frozen))
    if row.btf_id:
        writer.field("btf_id", row.btf_id)
    pins_json(writer, pins, row.id)
    owners_json(writer, owners, row.id)
    lacking_json(writer, row.lacking)
    writer.end()


def _program_type(row: Map) -> str | int:
    type_ = by_number(int(row.owner_type))
    return type_.name if type_ else int(row.owner_type)
