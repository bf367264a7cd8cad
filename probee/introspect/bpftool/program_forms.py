"""One program as `bpftool prog show` prints it. In: a row. Out: text, or a JSON object."""

from __future__ import annotations

from time import localtime, strftime

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
    wall_clock,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.owners import Owners
    from probee.introspect.loaded.programs import Program


def text(row: Program, owners: Owners, pins: Multi) -> str:
    """The lines of one program, ends included."""
    out = head_text(row)
    if row.load_time:
        loaded = strftime("%FT%T%z", localtime(wall_clock(row.load_time)))
        out += f"\n\tloaded_at {loaded}  uid {row.uid}"
    out += f"\n\txlated {row.xlated}B"
    out += f"  jited {row.jited}B" if row.jited else "  not jited"
    out += f"  memlock {row.memlock}B" if row.memlock else ""
    out += "  orphaned" if row.orphaned else ""
    out += f"  map_ids {','.join(map(str, row.map_ids))}" if row.map_ids else ""
    out += pins_text(pins, row.id)
    out += f"\n\tbtf_id {row.btf_id}" if row.btf_id else ""
    return f"{out}{owners_text(owners, row.id)}{lacking_text(row.lacking)}\n{_metadata_text(row)}"


def head_text(row: Program) -> str:
    """The first line, without its end."""
    kind = row.type_name or f"type {row.type}"
    name = f"name {one_line(row.name)}  " if row.name else ""
    out = f"{row.id}: {kind}  {name}tag {row.tag}"
    out += device_text(row.ifindex, row.netns_dev, row.netns_ino) + ("  gpl" if row.gpl else "")
    if row.run_time_ns:
        out += f" run_time_ns {row.run_time_ns} run_cnt {row.run_cnt}"
    if row.recursion_misses:
        out += f" recursion_misses {row.recursion_misses}"
    return out


def json(writer: JsonWriter, row: Program, owners: Owners, pins: Multi) -> None:
    """The same as an object."""
    field = writer.field
    writer.begin_object()
    head_json(writer, row)
    device_json(writer, row.ifindex, row.netns_dev, row.netns_ino)
    if row.load_time:
        field("loaded_at", wall_clock(row.load_time))
        field("uid", row.uid)
    field("orphaned", row.orphaned)
    field("bytes_xlated", row.xlated)
    field("jited", row.jited > 0)
    if row.jited:
        field("bytes_jited", row.jited)
    if row.memlock:
        field("bytes_memlock", int(row.memlock))
    if row.map_ids:
        writer.name("map_ids")
        writer.begin_array()
        for id in row.map_ids:
            writer.raw(str(id))
        writer.end()
    if row.btf_id:
        field("btf_id", row.btf_id)
    pins_json(writer, pins, row.id)
    owners_json(writer, owners, row.id)
    lacking_json(writer, row.lacking)
    if row.metadata:
        writer.name("metadata")
        writer.begin_object()
        for name, value in _metadata(row, plain=False, writer=writer):
            writer.name(name)
            writer.raw(value)
        writer.end()
    writer.end()


def head_json(writer: JsonWriter, row: Program) -> None:
    """The fields with which an object begins."""
    field = writer.field
    field("id", row.id)
    field("type", row.type_name or row.type)
    if row.name:
        field("name", row.name)
    field("tag", row.tag)
    field("gpl_compatible", row.gpl)
    if row.run_time_ns:
        field("run_time_ns", row.run_time_ns)
        field("run_cnt", row.run_cnt)
    if row.recursion_misses:
        field("recursion_misses", row.recursion_misses)


def _metadata_text(row: Program) -> str:
    if not row.metadata:
        return ""
    rows = ((one_line(name), value) for name, value in _metadata(row, plain=True, writer=None))
    return "\tmetadata:" + "".join(f"\n\t\t{name} = {value}" for name, value in rows) + "\n"


def _metadata(row: Program, *, plain: bool, writer: JsonWriter | None) -> Iterator[tuple[str, str]]:
    from probee.introspect.bpftool.values import Values

    depth, pretty = (writer.depth, writer.pretty) if writer is not None else (0, False)
    for item in row.metadata:
        values = Values(item.types, plain=plain, pretty=pretty)
        yield item.name, values.form(item.type, depth)(item.value, 0)
