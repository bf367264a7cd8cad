"""Makes a relocatable ELF64 file.

In: sections, symbols and relocations, each of which gets a number to refer to it by. Out: `build`,
the file. Its order is clang's: the string table, then the sections as they were added, each with
its relocations behind it, then the symbol table, with local symbols before the others. The same
calls give the same bytes.
"""

from __future__ import annotations

from probee.elf import raw
from probee.errors import UsageError
from probee.frozen import Frozen
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE_ALIGN = 8


class _Section(Frozen):
    name: str
    type: int
    flags: int
    data: bytes
    align: int
    entsize: int
    size: int


class _Symbol(Frozen):
    """`section`: a number given by `section()`, or None for `index`."""

    name: str
    section: int | None
    index: int
    value: int
    size: int
    info: int
    other: int


class _Placed(Frozen):
    """A section as it goes into the table; `offset` and numbers are final but for its place."""

    name: str
    header: raw.SectionHeader
    data: bytes


class ElfWriter:
    """Collects the parts of one file for `machine` (EM_*)."""

    def __init__(self, machine: int, *, big_endian: bool = False) -> None:
        self.machine, self.big_endian = machine, big_endian
        self._sections: list[_Section] = []
        self._symbols: list[_Symbol] = []
        self._relocs: dict[int, list[tuple[int, int, int]]] = {}

    def section(
        self,
        name: str,
        type: int,
        data: bytes = b"",
        *,
        flags: int = 0,
        align: int = 1,
        entsize: int = 0,
        size: int | None = None,
    ) -> int:
        """A section; its number is for `symbol` and `relocate`. `size` alone for SHT_NOBITS."""
        length = len(data) if size is None else size
        self._sections.append(_Section(name, type, flags, data, align, entsize, length))
        return len(self._sections) - 1

    def symbol(
        self,
        name: str,
        section: int | None,
        *,
        value: int = 0,
        size: int = 0,
        bind: int = uapi.STB_LOCAL,
        type: int = uapi.STT_NOTYPE,
        visibility: int = uapi.STV_DEFAULT,
        index: int = uapi.SHN_UNDEF,
    ) -> int:
        """A symbol in `section`, or with None in SHN_UNDEF or `index`; its number."""
        info = bind << 4 | type
        self._symbols.append(_Symbol(name, section, index, value, size, info, visibility))
        return len(self._symbols) - 1

    def relocate(self, section: int, rows: Iterable[tuple[int, int, int]]) -> None:
        """Adds relocations without addends: (offset in the section, symbol, type)."""
        self._relocs.setdefault(section, []).extend(rows)

    def build(self) -> bytes:
        """The file."""
        order = self._symbol_order()
        strings = _Strings()
        numbers, names = self._numbers()
        symtab = len(names) - 1
        table = self._symbol_table(order, numbers, strings)
        locals_ = 1 + sum(self._symbols[n].info >> 4 == uapi.STB_LOCAL for n in order)
        places = {number: at for at, number in enumerate(order, 1)}
        placed = [_Placed("", raw.SectionHeader(*(0,) * 10), b"")]
        placed.append(self._place(".strtab", uapi.SHT_STRTAB, b""))
        for number, section in enumerate(self._sections):
            placed.append(
                self._place(
                    section.name, section.type, section.data, flags=section.flags,
                    align=section.align, entsize=section.entsize, size=section.size,
                )
            )  # fmt: skip
            if number in self._relocs:
                placed.append(self._rel(number, numbers[number], symtab, places))
        placed.append(
            self._place(
                ".symtab", uapi.SHT_SYMTAB, table, align=_TABLE_ALIGN, link=1, info=locals_,
                entsize=raw.SYMBOL_SIZE,
            )
        )  # fmt: skip
        offsets = [strings.add(name) for name in names]
        placed[1] = self._place(".strtab", uapi.SHT_STRTAB, bytes(strings))
        return self._file(placed, offsets)

    def _numbers(self) -> tuple[dict[int, int], list[str]]:
        """The final number of each added section; the names of all."""
        numbers, names = {}, ["", ".strtab"]
        for number, section in enumerate(self._sections):
            numbers[number] = len(names)
            names.append(section.name)
            if number in self._relocs:
                names.append(f".rel{section.name}")
        if len(names) >= uapi.SHN_LORESERVE:
            raise UsageError(f"{len(names)} sections: an object file here has at most 65,279")
        return numbers, [*names, ".symtab"]

    def _symbol_order(self) -> list[int]:
        """Local ones first, else as they were added."""
        local = [n for n, s in enumerate(self._symbols) if s.info >> 4 == uapi.STB_LOCAL]
        return local + [n for n, s in enumerate(self._symbols) if s.info >> 4 != uapi.STB_LOCAL]

    def _symbol_table(self, order: list[int], numbers: dict[int, int], strings: _Strings) -> bytes:
        rows = [raw.SymbolRow(0, 0, 0, 0, 0, 0)]
        for number in order:
            symbol = self._symbols[number]
            index = symbol.index if symbol.section is None else numbers[symbol.section]
            rows.append(
                raw.SymbolRow(
                    strings.add(symbol.name), symbol.info, symbol.other, index, symbol.value,
                    symbol.size,
                )
            )  # fmt: skip
        return b"".join(raw.symbol_bytes(row, big_endian=self.big_endian) for row in rows)

    def _rel(self, number: int, target: int, symtab: int, places: dict[int, int]) -> _Placed:
        rows = [
            raw.RelocRow(offset, places[symbol] << 32 | type_)
            for offset, symbol, type_ in self._relocs[number]
        ]
        data = raw.relocation_bytes(rows, big_endian=self.big_endian)
        return self._place(
            f".rel{self._sections[number].name}", uapi.SHT_REL, data, flags=uapi.SHF_INFO_LINK,
            align=_TABLE_ALIGN, link=symtab, info=target, entsize=raw.REL_SIZE,
        )  # fmt: skip

    @staticmethod
    def _place(
        name: str,
        type_: int,
        data: bytes,
        *,
        flags: int = 0,
        align: int = 1,
        link: int = 0,
        info: int = 0,
        entsize: int = 0,
        size: int | None = None,
    ) -> _Placed:
        length = len(data) if size is None else size
        header = raw.SectionHeader(0, type_, flags, 0, 0, length, link, info, align, entsize)
        return _Placed(name, header, data)

    def _file(self, placed: list[_Placed], names: list[int]) -> bytes:
        """Header, contents in their order with the strings last, section table."""
        body = bytearray(raw.HEADER_SIZE)
        offsets = [0] * len(placed)
        for at in (*range(2, len(placed)), 1):
            body += bytes(-len(body) % max(placed[at].header.addralign, 1))
            offsets[at] = len(body)
            body += placed[at].data
        body += bytes(-len(body) % _TABLE_ALIGN)
        start = len(body)
        for item, name, offset in zip(placed, names, offsets, strict=True):
            h = item.header
            row = raw.SectionHeader(
                name, h.type, h.flags, 0, offset, h.size, h.link, h.info, h.addralign, h.entsize
            )
            body += raw.section_header_bytes(row, big_endian=self.big_endian)
        body[: raw.HEADER_SIZE] = self._header(start, len(placed))
        return bytes(body)

    def _header(self, start: int, count: int) -> bytes:
        order = uapi.ELFDATA2MSB if self.big_endian else uapi.ELFDATA2LSB
        ident = raw.MAGIC + bytes((uapi.ELFCLASS64, order, uapi.EV_CURRENT)) + bytes(9)
        return raw.header_bytes(
            raw.Header(
                ident, uapi.ET_REL, self.machine, uapi.EV_CURRENT, 0, 0, start, 0,
                raw.HEADER_SIZE, 0, 0, raw.SECTION_SIZE, count, 1,
            )
        )  # fmt: skip


class _Strings:
    """A string table: each text once."""

    def __init__(self) -> None:
        self._offsets = {"": 0}
        self._parts = bytearray(b"\0")

    def __bytes__(self) -> bytes:
        return bytes(self._parts)

    def add(self, text: str) -> int:
        """The offset of `text`."""
        if text not in self._offsets:
            data = text.encode("utf-8", "surrogateescape")
            if b"\0" in data:
                raise UsageError(f"names in an ELF file end at a NUL, and there is one in {text!r}")
            self._offsets[text] = len(self._parts)
            self._parts += data + b"\0"
        return self._offsets[text]
