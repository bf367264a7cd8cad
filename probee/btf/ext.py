"""func_info, line_info and CO-RE records: for BPF_PROG_LOAD, and as the section `.BTF.ext`.

    FuncInfo    8 bytes   u32 insn_off, type_id (a FUNC)
    LineInfo   16 bytes   u32 insn_off, file_name_off, line_off, line << 10 | column
    CoreRelo   16 bytes   u32 insn_off, type_id, access_str_off, kind

`insn_off` counts instruction slots of 8 bytes for the kernel, and bytes within the ELF section in
`.BTF.ext`: it says so here by where a record stands. String offsets belong to the `.BTF` beside
it. Sources: struct bpf_func_info, bpf_line_info, bpf_core_relo in include/uapi/linux/bpf.h;
btf_ext_setup_info in libbpf's btf.c.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct, calcsize, iter_unpack, pack, unpack_from

from probee.btf.raw import MAGIC, VERSION
from probee.errors import FormatError, UsageError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer

MAX_LINE = 0x3FFFFF
MAX_COLUMN = 0x3FF


class FuncInfo(Frozen):
    """The function that starts at `insn_off` is the FUNC `type`."""

    insn_off: int
    type: int


class LineInfo(Frozen):
    """From `insn_off` on, code of this file and line; `text` is the offset of the line's text.

    `line` counts from 1 to MAX_LINE; `column` is at most MAX_COLUMN, 0 for none.
    """

    insn_off: int
    file: int
    text: int
    line: int
    column: int = 0


class CoreRelo(Frozen):
    """The instruction at `insn_off` follows `type` by the access string at `access`.

    `relo_kind` is a number of enum bpf_core_relo_kind.
    """

    insn_off: int
    type: int
    access: int
    relo_kind: int


class ExtSection(Frozen):
    """The records of one ELF section, whose name is at offset `name` of the BTF strings."""

    name: int
    records: tuple[FuncInfo | LineInfo | CoreRelo, ...]


class BtfExt(Frozen):
    """A whole `.BTF.ext`: sections with FuncInfo, with LineInfo and with CoreRelo records."""

    func_info: tuple[ExtSection, ...] = ()
    line_info: tuple[ExtSection, ...] = ()
    core_relo: tuple[ExtSection, ...] = ()


_PARTS = ("func_info", "line_info", "core_relo")
_FORMATS = {"func_info": "2I", "line_info": "4I", "core_relo": "4I"}
_SIZES = {"func_info": 8, "line_info": 16, "core_relo": 16}
_SHORT_HEADER = 24  # without core_relo
_HEADER = 32


def func_info_bytes(records: Iterable[FuncInfo], *, big_endian: bool = False) -> bytes:
    """The array for BPF_PROG_LOAD, func_info_rec_size 8; `insn_off` in slots, ascending."""
    return _pack("func_info", records, ">" if big_endian else "<", 1)


def line_info_bytes(records: Iterable[LineInfo], *, big_endian: bool = False) -> bytes:
    """The array for BPF_PROG_LOAD, line_info_rec_size 16; `insn_off` in slots, ascending."""
    return _pack("line_info", records, ">" if big_endian else "<", 1)


def read_func_info(data: bytes, *, big_endian: bool = False) -> tuple[FuncInfo, ...]:
    """The inverse of `func_info_bytes`."""
    return tuple(FuncInfo(*row) for row in _rows("func_info", data, big_endian))


def read_line_info(data: bytes, *, big_endian: bool = False) -> tuple[LineInfo, ...]:
    """The inverse of `line_info_bytes`."""
    return tuple(_line(row) for row in _rows("line_info", data, big_endian))


def write_ext(ext: BtfExt, *, big_endian: bool = False) -> bytes:
    """The section. Offsets are in bytes, within each section ascending."""
    order = ">" if big_endian else "<"
    bodies = []
    for part in _PARTS:
        sections: tuple[ExtSection, ...] = getattr(ext, part)
        body = pack(order + "I", _SIZES[part]) if sections else b""
        for section in sections:
            if not section.records:
                raise UsageError(f".BTF.ext has no place for a section without {part} records")
            body += pack(order + "2I", section.name, len(section.records))
            body += _pack(part, section.records, order, 8)
        bodies.append(body)
    fields: list[int] = []
    for body in bodies:
        fields += (sum(fields[1::2]), len(body))
    return pack(order + "HBBI6I", MAGIC, VERSION, 0, _HEADER, *fields) + b"".join(bodies)


class ExtTable(Frozen):
    """Records of one ELF section, as bytes: `data`, `size` bytes a record, at byte `at` of the
    `.BTF.ext`. `name`: as in ExtSection.
    """

    name: int
    size: int
    at: int
    data: memoryview[int]

    def rows(self, part: str, *, big_endian: bool) -> list[tuple[int, ...]]:
        """Each record as numbers, `insn_off` first; what a longer one has more is left out."""
        layout = Struct((">" if big_endian else "<") + _FORMATS[part])
        if self.size == layout.size:
            return list(layout.iter_unpack(self.data))
        return [layout.unpack_from(self.data, at) for at in range(0, len(self.data), self.size)]


def ext_is_big_endian(data: ReadableBuffer) -> bool:
    """Of a `.BTF.ext` whose header is in order. Raises FormatError."""
    return _read_header(memoryview(data).cast("B"))[0] == ">"


def ext_tables(data: ReadableBuffer) -> dict[str, tuple[ExtTable, ...]]:
    """A `.BTF.ext` of either byte order by part, its records still bytes. Raises FormatError."""
    view = memoryview(data).cast("B")
    order, header, fields = _read_header(view)
    parts: dict[str, tuple[ExtTable, ...]] = {}
    for number, part in enumerate(_PARTS):
        offset, length = fields[number * 2 : number * 2 + 2]
        at = header + offset
        if offset & 3 or at + length > len(view):
            raise FormatError(
                f".BTF.ext {part} at {at:#x}..{at + length:#x} is not aligned within "
                f"{len(view):#x} bytes",
                offset=8 + number * 8,
            )
        parts[part] = _read_part(part, view[at : at + length], at, order) if length else ()
    return parts


def read_ext(data: ReadableBuffer) -> BtfExt:
    """A `.BTF.ext` of either byte order. Raises FormatError. Longer records lose their tails."""
    big_endian = ext_is_big_endian(data)
    parts = {}
    for part, tables in ext_tables(data).items():
        parts[part] = tuple(
            ExtSection(
                table.name,
                tuple(_record(part, row) for row in table.rows(part, big_endian=big_endian)),
            )
            for table in tables
        )
    return BtfExt(**parts)


def _read_header(view: memoryview[int]) -> tuple[str, int, list[int]]:
    if len(view) < _SHORT_HEADER:
        raise FormatError(f".BTF.ext needs a header of {_SHORT_HEADER} bytes", offset=0)
    order = {pack("<H", MAGIC): "<", pack(">H", MAGIC): ">"}.get(view[:2].tobytes())
    if order is None:
        raise FormatError(f".BTF.ext starts with {MAGIC:#x}", offset=0)
    version, flags, header = unpack_from(order + "BBI", view, 2)
    if version != VERSION or flags:
        raise FormatError(
            f".BTF.ext has version {VERSION} and flags 0, not {version} and {flags}", offset=2
        )
    if not _SHORT_HEADER <= header <= len(view) or header & 3:
        raise FormatError(
            f".BTF.ext header length {header} is not in {_SHORT_HEADER}..{len(view)}", offset=4
        )
    if any(view[_HEADER:header]):
        raise FormatError(".BTF.ext header has unknown fields that are not zero", offset=_HEADER)
    count = 6 if header >= _HEADER else 4
    return order, header, [*unpack_from(f"{order}{count}I", view, 8), 0, 0][:6]


def _read_part(part: str, view: memoryview[int], at: int, order: str) -> tuple[ExtTable, ...]:
    """`view` is the part, at byte `at` of the section."""
    if len(view) < 4:
        raise FormatError(f".BTF.ext {part} is too short for its record size", offset=at)
    (size,) = unpack_from(order + "I", view)
    least = _SIZES[part]
    if size < least or size & 3:
        raise FormatError(
            f".BTF.ext {part} records have {least} bytes or more, not {size}", offset=at
        )
    tables = []
    position = 4
    while position < len(view):
        if position + 8 > len(view):
            raise FormatError(f".BTF.ext {part} ends within a section", offset=at + position)
        name, count = unpack_from(order + "2I", view, position)
        end = position + 8 + count * size
        if not count or end > len(view):
            raise FormatError(
                f".BTF.ext {part} section with {count} records does not fit", offset=at + position
            )
        body = view[position + 8 : end]
        low = 0 if order == "<" else 3  # the byte of insn_off with its last bits
        if any(first & 7 for first in body[low::size].tobytes()):
            raise FormatError(
                f".BTF.ext {part} has an offset that is no instruction's", offset=at + position
            )
        tables.append(ExtTable(name, size, at + position + 8, body))
        position = end
    return tuple(tables)


def _record(part: str, row: tuple[int, ...]) -> FuncInfo | LineInfo | CoreRelo:
    match part:
        case "func_info":
            return FuncInfo(*row)
        case "line_info":
            return _line(row)
        case _:
            return CoreRelo(*row)


def _line(row: tuple[int, ...]) -> LineInfo:
    return LineInfo(row[0], row[1], row[2], row[3] >> 10, row[3] & MAX_COLUMN)


def _rows(part: str, data: bytes, big_endian: bool) -> list[tuple[int, ...]]:
    layout = (">" if big_endian else "<") + _FORMATS[part]
    if len(data) % calcsize(layout):
        raise FormatError(f"{part} is not made of records of {calcsize(layout)} bytes", offset=0)
    return list(iter_unpack(layout, data))


def _pack(part: str, records: Iterable[object], order: str, step: int) -> bytes:
    """The records of one part; each `insn_off` is a multiple of `step`."""
    rows: list[tuple[int, ...]] = []
    for record in records:
        row: tuple[int, ...]
        match part, record:
            case "func_info", FuncInfo():
                row = (record.insn_off, record.type)
            case "line_info", LineInfo():
                if not (0 <= record.line <= MAX_LINE and 0 <= record.column <= MAX_COLUMN):
                    raise UsageError(
                        f"line_info holds lines to {MAX_LINE} and columns to {MAX_COLUMN}, not "
                        f"{record.line}:{record.column}"
                    )
                place = record.line << 10 | record.column
                row = (record.insn_off, record.file, record.text, place)
            case "core_relo", CoreRelo():
                row = (record.insn_off, record.type, record.access, record.relo_kind)
            case _:
                raise UsageError(f"{type(record).__name__} is no record of {part}")
        if any(not 0 <= word <= 0xFFFFFFFF for word in row) or row[0] % step:
            raise UsageError(f"{part} cannot hold {record!r}")
        rows.append(row)
    # CO-RE may patch one instruction twice in no order; the other two are searched by offset.
    if part != "core_relo" and any(a[0] >= b[0] for a, b in pairwise(rows)):
        raise UsageError(f"{part} records must ascend by insn_off")
    layout = order + _FORMATS[part]
    return b"".join(pack(layout, *row) for row in rows)
