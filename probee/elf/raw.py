"""The tables of ELF64 as records, and records as bytes, of both byte orders, without judgement.

In: bytes. Out: `Header`, `SectionHeader`, `SymbolRow`, `RelocRow`, `SegmentHeader` with the numbers
that stand there, whatever they are; and the way back. Only too few bytes are an error
(`struct.error`): a reader says first how many it has. Layouts: Elf64_Ehdr, Elf64_Shdr, Elf64_Sym,
Elf64_Rel, Elf64_Rela, Elf64_Phdr in include/uapi/linux/elf.h.
"""

from __future__ import annotations

from struct import Struct

from probee.frozen import Frozen
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer

MAGIC = b"\x7fELF"
HEADER_SIZE, SECTION_SIZE, SEGMENT_SIZE = 64, 64, 56
SYMBOL_SIZE, REL_SIZE, RELA_SIZE = 24, 16, 24


def _both(form: str) -> tuple[Struct, Struct]:
    """The layout in little and in big endian, to be chosen by a bool."""
    return Struct("<" + form), Struct(">" + form)


_HEADER = _both("16sHHIQQQIHHHHHH")
_SECTION = _both("IIQQQQIIQQ")
_SEGMENT = _both("IIQQQQQQ")
_SYMBOL = _both("IBBHQQ")
_REL = _both("QQ")
_RELA = _both("QQq")


class Header(Frozen):
    """The file's header. `ident` is its first 16 bytes; the rest are e_type, e_machine, ..."""

    ident: bytes
    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int

    @property
    def big_endian(self) -> bool:
        """What EI_DATA says; anything but ELFDATA2MSB counts as little endian."""
        return self.ident[uapi.EI_DATA] == uapi.ELFDATA2MSB


class SectionHeader(Frozen):
    """A row of the section table. `name` is an offset in the section names."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int


class SegmentHeader(Frozen):
    """A program header."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int


class SymbolRow(Frozen):
    """A row of a symbol table. `name` is an offset in the strings that go with it."""

    name: int
    info: int
    other: int
    shndx: int
    value: int
    size: int

    @property
    def bind(self) -> int:
        """STB_*."""
        return self.info >> 4

    @property
    def type(self) -> int:
        """STT_*."""
        return self.info & 15

    @property
    def visibility(self) -> int:
        """STV_*."""
        return self.other & 3


class RelocRow(Frozen):
    """A relocation: `info` is symbol << 32 | type. `addend` is 0 in a table without addends."""

    offset: int
    info: int
    addend: int = 0

    @property
    def symbol(self) -> int:
        """The number of its symbol."""
        return self.info >> 32

    @property
    def type(self) -> int:
        """R_*."""
        return self.info & 0xFFFFFFFF


def is_big_endian(data: ReadableBuffer) -> bool:
    """Of a file that has at least 6 bytes."""
    return memoryview(data).cast("B")[uapi.EI_DATA] == uapi.ELFDATA2MSB


def header(data: ReadableBuffer) -> Header:
    """The first 64 bytes, in the byte order that they say they are in."""
    return Header(*_HEADER[is_big_endian(data)].unpack_from(data))


def header_bytes(row: Header) -> bytes:
    """The inverse of `header`."""
    return _HEADER[row.big_endian].pack(*(getattr(row, name) for name in Header.__match_args__))


def section_headers(data: ReadableBuffer, *, big_endian: bool) -> list[SectionHeader]:
    """A table of 64 bytes a row; what is left over at its end is not read."""
    return [SectionHeader(*row) for row in _rows(_SECTION[big_endian], data)]


def section_header_bytes(row: SectionHeader, *, big_endian: bool) -> bytes:
    """One row of such a table."""
    return _SECTION[big_endian].pack(*(getattr(row, name) for name in SectionHeader.__match_args__))


def segment_headers(data: ReadableBuffer, *, big_endian: bool) -> list[SegmentHeader]:
    """A table of 56 bytes a row, likewise."""
    return [SegmentHeader(*row) for row in _rows(_SEGMENT[big_endian], data)]


def symbols(data: ReadableBuffer, *, big_endian: bool) -> list[SymbolRow]:
    """A table of 24 bytes a row, likewise."""
    return [SymbolRow(*row) for row in _rows(_SYMBOL[big_endian], data)]


def symbol_bytes(row: SymbolRow, *, big_endian: bool) -> bytes:
    """One row of such a table."""
    return _SYMBOL[big_endian].pack(row.name, row.info, row.other, row.shndx, row.value, row.size)


def relocations(data: ReadableBuffer, *, big_endian: bool, addends: bool) -> list[RelocRow]:
    """A table of 16 bytes a row, or of 24 with addends, likewise."""
    rows = relocation_rows(data, big_endian=big_endian, addends=addends)
    return [RelocRow(*row) for row in rows]


def relocation_rows(
    data: ReadableBuffer, *, big_endian: bool, addends: bool
) -> list[tuple[int, int, int]]:
    """The same as (offset, info, addend)."""
    if addends:
        return [(at, info, more) for at, info, more in _rows(_RELA[big_endian], data)]
    return [(at, info, 0) for at, info in _rows(_REL[big_endian], data)]


def relocation_bytes(rows: Iterable[RelocRow], *, big_endian: bool) -> bytes:
    """A whole table without addends."""
    pack = _REL[big_endian].pack
    return b"".join(pack(row.offset, row.info) for row in rows)


def _rows(form: Struct, data: ReadableBuffer) -> Iterable[tuple[int, ...]]:
    view = memoryview(data).cast("B")
    return form.iter_unpack(view[: len(view) - len(view) % form.size])
