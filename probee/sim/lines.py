"""Which line of the user's source an instruction came from.

In: a program's `line_info` and its collection's BTF blob, whose string section alone is read (the
header's layout: include/uapi/linux/btf.h, struct btf_header). Out: a Line for each slot that opens
one.
"""

from __future__ import annotations

from struct import Struct

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE = "4I"  # insn_off, file_name_off, line_off, line << 10 | column
_HEADER = "HBB5I"  # magic, version, flags, hdr_len, type_off, type_len, str_off, str_len


class Line(Frozen):
    """A place in the source: `line` from 1."""

    file: str
    line: int
    text: str


def lines_of(line_info: bytes, btf: bytes, endian: str) -> Mapping[int, Line]:
    """Lines by the slot at which their code begins; nothing where the program brings none."""
    if not line_info or not btf:
        return {}
    order = "<" if endian == "little" else ">"
    header = Struct(order + _HEADER).unpack_from(btf)
    start, size = header[3] + header[6], header[7]
    strings = btf[start : start + size]

    def string(offset: int) -> str:
        return strings[offset : strings.index(0, offset)].decode(errors="replace")

    return {
        slot: Line(string(file), place >> 10, string(text))
        for slot, file, text, place in Struct(order + _LINE).iter_unpack(line_info)
    }
