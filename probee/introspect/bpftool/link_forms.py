"""One link as `bpftool link show` prints it. In: a row. Out: text, or a JSON object."""

from __future__ import annotations

from probee.introspect.bpftool import link_details as details
from probee.introspect.bpftool.shared import (
    lacking_json,
    lacking_text,
    owners_json,
    owners_text,
    pins_json,
    pins_text,
)
from probee.uapi.bpf import BPF_LINK_TYPE_STRUCT_OPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.links import Link
    from probee.introspect.loaded.owners import Owners


def text(row: Link, owners: Owners, pins: Multi) -> str:
    """The lines of one link, ends included."""
    out = f"{row.id}: {row.type_name or f'type {row.type}'}  "
    if row.type == BPF_LINK_TYPE_STRUCT_OPS and row.details:
        out += f"map {row.details['map_id']}  "
    else:
        out += f"prog {row.prog_id}  "
    form = details.TEXT.get(row.type_name)
    out += form(row) if form and not row.lacking else ""
    return (
        f"{out}{pins_text(pins, row.id)}{owners_text(owners, row.id)}{lacking_text(row.lacking)}\n"
    )


def json(writer: JsonWriter, row: Link, owners: Owners, pins: Multi) -> None:
    """The same as an object."""
    writer.begin_object()
    writer.field("id", row.id)
    writer.field("type", row.type_name or row.type)
    writer.field("prog_id", row.prog_id)
    form = details.JSON.get(row.type_name)
    if form and not row.lacking:
        form(writer, row)
    pins_json(writer, pins, row.id)
    owners_json(writer, owners, row.id)
    lacking_json(writer, row.lacking)
    writer.end()
