"""One BTF object as `bpftool btf show` prints it.

In: a row, and who uses it. Out: text, or a JSON object.
"""

from __future__ import annotations

from probee.introspect.bpftool.shared import Multi, one_line, owners_json, owners_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.btfs import LoadedBtf
    from probee.introspect.loaded.owners import Owners


class Forms:
    """`programs`, `maps`: their ids by the id of their BTF."""

    __slots__ = ("_maps", "_programs")

    def __init__(self, programs: Multi, maps: Multi) -> None:
        self._programs, self._maps = programs, maps

    def text(self, row: LoadedBtf, owners: Owners, _pins: Multi) -> str:
        """The lines of one object, ends included."""
        name = one_line(row.name)
        shown = f"[{name}]" if row.kernel else name or "<anon>"
        out = f"{row.id}: name {shown}  size {row.size}B"
        for word, ids in (
            ("prog_ids", self._programs.get(row.id)),
            ("map_ids", self._maps.get(row.id)),
        ):
            out += f"  {word} {','.join(map(str, ids))}" if ids else ""
        return f"{out}{owners_text(owners, row.id)}\n"

    def json(self, writer: JsonWriter, row: LoadedBtf, owners: Owners, _pins: Multi) -> None:
        """The same as an object."""
        writer.begin_object()
        writer.field("id", row.id)
        writer.field("size", row.size)
        for word, ids in (
            ("prog_ids", self._programs.get(row.id)),
            ("map_ids", self._maps.get(row.id)),
        ):
            writer.name(word)
            writer.begin_array()
            for id in ids:
                writer.raw(str(id))
            writer.end()
        owners_json(writer, owners, row.id)
        writer.field("kernel", row.kernel)
        if row.name:
            writer.field("name", row.name)
        writer.end()
