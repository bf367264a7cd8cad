"""An ELF64 file, read strictly: sections with their bytes, symbols, relocations.

In: the bytes of a file of either byte order (a view of them is kept). Out: `ElfFile`. Whatever does
not fit together is a `FormatError` that names the offset; nothing is guessed. Reading takes time
and memory in proportion to the file: no contents are copied, and names, which may all point into
one long text, may be only so long together.
"""

from __future__ import annotations

from os import fstat
from struct import unpack

from probee.elf import raw
from probee.errors import FormatError
from probee.frozen import Frozen
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader

    from _typeshed import ReadableBuffer, StrPath

LARGEST = 1 << 28  # bytes of an object
_PIECE = 1 << 20  # bytes that are read at once of a file that does not say its size
_EXTRA_NAMES = 1 << 16  # bytes of names that any file may have, beside four times its size
_TABLES = (uapi.SHT_REL, uapi.SHT_RELA)


class Section(Frozen):
    """`data` are its bytes in the file: none for SHT_NOBITS, whose `size` is in memory alone.

    `offset` is where they stand in the file; `link`, `info`, `entsize`, `align` as in its header.
    """

    index: int
    name: str
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entsize: int
    data: memoryview[int]


class Symbol(Frozen):
    """`section` is the number of its section, or SHN_UNDEF, SHN_ABS, SHN_COMMON, ...

    `bind` is STB_*, `type` STT_*, `visibility` STV_*. A section's symbol has no name of its own.
    """

    index: int
    name: str
    value: int
    size: int
    bind: int
    type: int
    visibility: int
    section: int


class Relocation(Frozen):
    """The place at byte `offset` of a section refers to symbol number `symbol` as `type` says."""

    offset: int
    type: int
    symbol: int
    addend: int


class ElfFile:
    """A whole file. `sections` are in their order, number 0 among them."""

    __slots__ = ("_budget", "_symbols", "big_endian", "data", "header", "sections")

    def __init__(self, data: ReadableBuffer) -> None:
        self.data = memoryview(data).cast("B").toreadonly()
        self.header = _header(self.data)
        self.big_endian = self.header.big_endian
        self._budget = 4 * len(self.data) + _EXTRA_NAMES
        self.sections = self._read_sections()
        self._symbols: tuple[Symbol, ...] | None = None

    def section(self, name: str) -> Section | None:
        """The first section of that name, or None."""
        return next((section for section in self.sections if section.name == name), None)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbol table (SHT_SYMTAB), number 0 among them; empty where there is none."""
        if self._symbols is None:
            tables = [s for s in self.sections if s.type == uapi.SHT_SYMTAB]
            if len(tables) > 1:
                raise FormatError(
                    f"section {tables[1].index} is a second symbol table; expected one",
                    offset=self._place(tables[1].index),
                )
            self._symbols = self._read_symbols(tables[0]) if tables else ()
        return self._symbols

    def relocations(self, table: Section) -> tuple[Relocation, ...]:
        """The rows of an SHT_REL or SHT_RELA section, which is about section `table.info`."""
        return tuple(Relocation(*row) for row in self.relocation_rows(table))

    def relocation_rows(self, table: Section) -> list[tuple[int, int, int, int]]:
        """The same as (offset, type, symbol, addend): thousands are read in half the time."""
        addends = table.type == uapi.SHT_RELA
        if table.type not in _TABLES:
            raise self._wrong(table, "expected a section of relocations")
        size = raw.RELA_SIZE if addends else raw.REL_SIZE
        self._rows(table, size)
        if not 0 < table.info < len(self.sections):
            raise self._wrong(table, f"its relocations are for section {table.info}, not there")
        rows = [
            (offset, info & 0xFFFFFFFF, info >> 32, addend)
            for offset, info, addend in raw.relocation_rows(
                table.data, big_endian=self.big_endian, addends=addends
            )
        ]
        count = max(len(self.symbols), 1)
        for number, row in enumerate(rows):
            if row[2] >= count:
                raise FormatError(
                    f"relocation {number} of section {table.index} is of symbol {row[2]};"
                    f" there are {count}",
                    offset=table.offset + number * size,
                )
        return rows

    def _place(self, index: int) -> int:
        """Where the header of a section stands."""
        return self.header.shoff + index * raw.SECTION_SIZE

    def _wrong(self, section: Section, message: str) -> FormatError:
        return FormatError(f"section {section.index}: {message}", offset=self._place(section.index))

    def _rows(self, section: Section, size: int) -> None:
        """Demands a table of rows of `size` bytes."""
        if section.entsize != size or section.size % size or len(section.data) != section.size:
            raise self._wrong(
                section,
                f"expected rows of {size} bytes, not {section.size} bytes in rows of"
                f" {section.entsize}",
            )

    def _read_sections(self) -> tuple[Section, ...]:
        rows = self._section_headers()
        if not rows:
            return ()
        at = self.header.shstrndx
        if at == uapi.SHN_XINDEX:
            at = rows[0].link
        if not 0 < at < len(rows) or rows[at].type != uapi.SHT_STRTAB:
            raise FormatError(f"section {at} has the names, but is no string table", offset=62)
        contents = [self._contents(number, row) for number, row in enumerate(rows)]
        strings = bytes(contents[at])
        return tuple(
            Section(
                number,
                self._name(strings, row.name, self._place(number)),
                row.type,
                row.flags,
                row.addr,
                row.offset,
                row.size,
                row.link,
                row.info,
                row.addralign,
                row.entsize,
                data,
            )
            for number, (row, data) in enumerate(zip(rows, contents, strict=True))
        )

    def _section_headers(self) -> list[raw.SectionHeader]:
        header, length = self.header, len(self.data)
        if not header.shoff:
            return []
        if header.shentsize != raw.SECTION_SIZE:
            raise FormatError(f"section headers have 64 bytes, not {header.shentsize}", offset=58)
        if header.shoff + raw.SECTION_SIZE > length:
            raise FormatError(f"no section header at {header.shoff:#x}: {length} bytes", offset=40)
        count = header.shnum
        if not count:  # the first header says how many, where they are 65,280 or more
            first = self.data[header.shoff : header.shoff + raw.SECTION_SIZE]
            count = raw.section_headers(first, big_endian=self.big_endian)[0].size
        end = header.shoff + count * raw.SECTION_SIZE
        if not count or end > length:
            raise FormatError(
                f"{count} section headers at {header.shoff:#x} do not fit {length} bytes", offset=60
            )
        return raw.section_headers(self.data[header.shoff : end], big_endian=self.big_endian)

    def _contents(self, number: int, row: raw.SectionHeader) -> memoryview[int]:
        if number == 0 or row.type in (uapi.SHT_NOBITS, uapi.SHT_NULL):
            return self.data[:0]
        if row.offset + row.size > len(self.data):
            raise FormatError(
                f"section {number} at {row.offset:#x} with {row.size} bytes ends behind the file,"
                f" which has {len(self.data)}",
                offset=self._place(number) + 24,
            )
        return self.data[row.offset : row.offset + row.size]

    def _name(self, strings: bytes, start: int, place: int) -> str:
        """The text at `start` of a string table. `place` is where the file asks for it."""
        if start == 0 and not strings:
            return ""
        end = strings.find(b"\0", start)
        if start >= len(strings) or end < 0:
            raise FormatError(
                f"no name at {start} of a string table of {len(strings)} bytes", offset=place
            )
        self._budget -= end - start
        if self._budget < 0:
            raise FormatError("its names are longer than the file allows for", offset=place)
        return strings[start:end].decode("utf-8", "surrogateescape")

    def _read_symbols(self, table: Section) -> tuple[Symbol, ...]:
        self._rows(table, raw.SYMBOL_SIZE)
        if not 0 < table.link < len(self.sections):
            raise self._wrong(table, f"its names are in section {table.link}, not there")
        strings = bytes(self.sections[table.link].data)
        indices = self._extended_indices(table)
        found = []
        names: dict[int, str] = {}
        rows = raw.symbols(table.data, big_endian=self.big_endian)
        for number, row in enumerate(rows):
            place = table.offset + number * raw.SYMBOL_SIZE
            if row.name not in names:
                names[row.name] = self._name(strings, row.name, place)
            section = row.shndx
            if section == uapi.SHN_XINDEX:
                section = indices[number] if number < len(indices) else len(self.sections)
            if section >= len(self.sections) and not (
                uapi.SHN_LORESERVE <= section < uapi.SHN_XINDEX and section == row.shndx
            ):
                raise FormatError(
                    f"symbol {number} is in section {section}, not there", offset=place
                )
            found.append(
                Symbol(
                    number, names[row.name], row.value, row.size, row.info >> 4, row.info & 15,
                    row.other & 3, section,
                )
            )  # fmt: skip
        return tuple(found)

    def _extended_indices(self, table: Section) -> tuple[int, ...]:
        """Section numbers of symbols that do not fit 16 bits: SHT_SYMTAB_SHNDX."""
        for section in self.sections:
            if section.type == uapi.SHT_SYMTAB_SHNDX and section.link == table.index:
                if len(section.data) % 4:
                    raise self._wrong(section, "expected numbers of 4 bytes")
                form = f"{'>' if self.big_endian else '<'}{len(section.data) // 4}I"
                return unpack(form, section.data)
        return ()


def file_bytes(path: StrPath, largest: int = LARGEST, others: tuple[bytes, ...] = ()) -> bytes:
    """What the file holds. FormatError, before all of it is read, if it begins neither as ELF files
    do nor as one of `others`; and for more than `largest` bytes: a file may be without end.
    """
    with open(path, "rb") as file:
        try:
            start = file.peek(len(raw.MAGIC))  # of a pipe it may be less than that
            if len(start) >= len(raw.MAGIC) and not start.startswith((raw.MAGIC, *others)):
                raise _no_elf()
            data = _read(file, largest + 1)
        except OSError as error:
            error.filename = path
            raise
    if len(data) > largest:
        raise FormatError(f"it has more than {largest >> 20} MiB: no object of programs has")
    return data


def _read(file: BufferedReader, most: int) -> bytes:
    """So many bytes or all. Memory is asked for as there are some: of what the file says that it
    has, then piece by piece.
    """
    asked = min(fstat(file.fileno()).st_size + 1, most)
    pieces = [file.read(asked)]
    while len(pieces[-1]) == asked and most > asked:
        most -= asked
        asked = min(_PIECE, most)
        pieces.append(file.read(asked))
    return b"".join(pieces)


def _no_elf() -> FormatError:
    return FormatError("an ELF file starts with 7f 45 4c 46", offset=0)


def _header(data: memoryview[int]) -> raw.Header:
    if bytes(data[:4]) != raw.MAGIC:
        raise _no_elf()
    if len(data) < raw.HEADER_SIZE:
        raise FormatError(f"an ELF header has 64 bytes; there are {len(data)}", offset=len(data))
    if data[uapi.EI_CLASS] != uapi.ELFCLASS64:
        raise FormatError(f"expected ELF64 (class 2), not class {data[4]}", offset=4)
    if data[uapi.EI_DATA] not in (uapi.ELFDATA2LSB, uapi.ELFDATA2MSB):
        raise FormatError(f"expected a byte order of 1 or 2, not {data[5]}", offset=5)
    if data[uapi.EI_VERSION] != uapi.EV_CURRENT:
        raise FormatError(f"expected ELF version 1, not {data[6]}", offset=6)
    header = raw.header(data)
    if header.version != uapi.EV_CURRENT:
        raise FormatError(f"expected ELF version 1, not {header.version}", offset=20)
    return header
