"""A file as readelf sees it: bytes, and the tables that could be read of it so far.

In: the file's bytes. Out: `Image`: its header, its section headers, and pieces of it; None and a
message where they are not there.
"""

from __future__ import annotations

from probee.elf import raw
from probee.introspect.readelf.machines import MIPS
from probee.introspect.readelf.text import LONGEST, c_string, printable
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap
    from typing import Literal

    from probee.introspect.readelf.hashes import GnuHash
    from probee.introspect.readelf.shown import Shown
    from probee.introspect.readelf.transcript import Transcript

IDENT = 16
ELF32_HEADER = 52
GNU, FREEBSD, NONE = 3, 9, 0  # EI_OSABI
RESERVED = 0xFFFFFF00  # section numbers of symbols from here on are no sections
LARGE_COMMON = RESERVED + 2
SPECIAL_INDEXES = {0: "UND", RESERVED + 0xF1: "ABS", RESERVED + 0xF2: "COM"}


class NotShown(Exception):
    """Something in the file that readelf shows and this does not; the message says what."""


class Image:
    """`phnum`, `shnum` and `shstrndx` are those of the header until section 0 says otherwise.

    `sections` is None where they could not be read; `names` is the table of their names.
    """

    def __init__(self, name: str, data: bytes | mmap, shown: Shown, out: Transcript) -> None:
        self.name, self.data, self.size = name, data, len(data)
        self.shown, self.out = shown, out
        self.header = raw.header(data[: raw.HEADER_SIZE])
        self.big_endian = self.header.big_endian
        self.osabi = self.header.ident[uapi.EI_OSABI]
        self.machine = self.header.machine
        self.phnum, self.shnum = self.header.phnum, self.header.shnum
        self.shstrndx = self.header.shstrndx
        self.sections: list[raw.SectionHeader] | None = None
        self.names: bytes | None = None
        self.segments: list[raw.SegmentHeader] | None = None
        self.index_tables: list[raw.SectionHeader] = []
        self.dynamic_symbols: list[raw.SymbolRow] | None = None
        self.dynamic_strings: bytes | None = None
        self._symbols_of: raw.SectionHeader | None = None  # the table that was read last
        self._symbols: list[raw.SymbolRow] = []
        self.dynamic_at = self.dynamic_size = 0
        self.dynamic_rows: list[tuple[int, int]] | None = None
        self.dynamic: dict[int, int] = {}  # values by tag, as far as they are needed later
        self.dynsym_section: raw.SectionHeader | None = None
        self.dynstr_section: raw.SectionHeader | None = None
        self.interpreter: bytes | None = None
        self.hash_table: tuple[list[int], list[int]] | None = None
        self.gnu_hash_table: GnuHash | None = None

    def number(self, data: bytes | bytearray) -> int:
        """An unsigned number of as many bytes as there are, in the file's order."""
        return int.from_bytes(data, "big" if self.big_endian else "little")

    def read(self, offset: int, count: int, what: str, size: int = 1) -> bytes | None:
        """`count` times `size` bytes of the file. `what` is for the message if they are not there;
        without it none is given.
        """
        if not size or not count:
            return None
        amount = size * count
        if amount >= (1 << 64) - 1:
            if what:
                self.out.error(
                    f"Size overflow prevents reading {count} elements of size {size} for {what}\n"
                )
            return None
        if offset > self.size or amount > self.size - offset:
            if what:
                self.out.error(f"Reading {amount} bytes extends past end of file for {what}\n")
            return None
        return self.data[offset : offset + amount]

    @property
    def rows(self) -> list[raw.SectionHeader]:
        """The section headers, none if they could not be read."""
        return self.sections or []

    def is_named(self, section: raw.SectionHeader, name: bytes) -> bool:
        """Whether that is the section's name."""
        if self.names is None or section.name >= len(self.names):
            return False
        # The table may end without a zero; readelf adds one.
        rest = name + b"\0"
        return self.names.startswith(rest, section.name) or (
            self.names[section.name : section.name + len(rest)] == name
        )

    def name_bytes(self, section: raw.SectionHeader) -> bytes | None:
        """The name of a section; None where there is none."""
        if self.names is None or section.name >= len(self.names):
            return None
        return c_string(self.names, section.name)

    def section_name(self, section: raw.SectionHeader) -> str:
        """The same for printing."""
        if self.names is None:
            return "<no-strings>"
        if section.name >= len(self.names):
            return "<corrupt>"
        end = self.names.find(b"\0", section.name, section.name + LONGEST + 1)
        return printable(self.names[section.name : end if end >= 0 else section.name + LONGEST + 1])

    def find(self, name: bytes) -> raw.SectionHeader | None:
        """The first section of that name."""
        return next((row for row in self.rows if self.is_named(row, name)), None)

    def index_name(self, index: int) -> tuple[str, bool]:
        """A section's name by a symbol's section number, and whether that is a special one."""
        if name := SPECIAL_INDEXES.get(index):
            return name, True
        if index == LARGE_COMMON and self.machine == uapi.EM_X86_64:
            return "LARGE_COM", True
        if index >= RESERVED and self.machine == MIPS:
            from probee.introspect.readelf.others import INDEXES

            if name := INDEXES[MIPS].get(index):
                return name, True
        if self.sections is not None and index < self.shnum:
            name = self.section_name(self.sections[index])
            return name, name.startswith("<")
        short = index & 0xFFFF
        if RESERVED <= index < RESERVED + 0x20:
            return f"PRC[0x{short:04x}]", True
        if RESERVED + 0x20 <= index < RESERVED + 0x40:
            return f"OS [0x{short:04x}]", True
        if index >= RESERVED:
            return f"RSV[0x{short:04x}]", True
        if self.shnum and index >= self.shnum:
            return f"BAD[0x{index:x}]", True
        return f"<section 0x{index:x}>", True

    def symbols(self, section: raw.SectionHeader) -> list[raw.SymbolRow] | None:
        """The rows of a symbol table; None, mostly with a message, where there are none.

        Reserved section numbers have their upper half set, so that no real one looks like them.
        """
        if not section.size:
            return None
        if self._symbols_of is not section:
            found = self._read_symbols(section)
            if found is None:
                return None
            self._symbols_of, self._symbols = section, found
        return self._symbols

    def _read_symbols(self, section: raw.SectionHeader) -> list[raw.SymbolRow] | None:
        name = self.section_name(section)
        problem = ""
        if not section.entsize or section.entsize > section.size:
            problem = f"Section {name} has an invalid sh_entsize of {alternate(section.entsize)}"
        elif section.size > self.size:
            problem = f"Section {name} has an invalid sh_size of {alternate(section.size)}"
        elif section.size // section.entsize * raw.SYMBOL_SIZE > section.size + 1:
            problem = (
                f"Size ({alternate(section.size)}) of section {name} is not a multiple of its "
                f"sh_entsize ({alternate(section.entsize)})"
            )
        if problem:
            self.out.error(problem + "\n")
            return None
        data = self.read(section.offset, section.size, "symbols")
        if data is None:
            return None
        count = section.size // section.entsize
        indexes = self._indexes(section, count)
        if indexes is False:
            return None
        table = raw.symbols(data, big_endian=self.big_endian)[:count]
        return [
            row if row.shndx < 0xFF00 else self._reserved(row, at, indexes)
            for at, row in enumerate(table)
        ]

    def _reserved(self, row: raw.SymbolRow, at: int, indexes: bytes) -> raw.SymbolRow:
        index = row.shndx | 0xFFFF0000
        if row.shndx == 0xFFFF and indexes:
            index = self.number(indexes[4 * at : 4 * at + 4])
        return raw.SymbolRow(row.name, row.info, row.other, index, row.value, row.size)

    def _indexes(self, section: raw.SectionHeader, count: int) -> bytes | Literal[False]:
        """The table of long section numbers that goes with a symbol table; False if damaged."""
        found = b""
        for table in self.index_tables:
            if table.link >= len(self.rows) or self.rows[table.link] is not section:
                continue
            if found:
                self.out.error(
                    "Multiple symbol table index sections associated with the same symbol section\n"
                )
            data = self.read(table.offset, table.size, "symbol table section indices")
            if data is None:
                return False
            if table.size // 4 < count:
                self.out.error(
                    f"Index section {self.section_name(table)} has an sh_size of "
                    f"{alternate(table.size)} - expected {alternate(section.size)}\n"
                )
                return False
            found = data
        return found


def alternate(number: int) -> str:
    """What C's %#x makes of a number."""
    return f"{number:#x}" if number else "0"
