"""What stands around an instruction in a listing: lines of source before it, relocations behind.

In: an `ElfFile`. Out: lines for a place in a section. Lines of source and CO-RE records come from
.BTF and .BTF.ext, relocations from the sections for them.
"""

from __future__ import annotations

from probee.btf.core_text import core_text
from probee.btf.ext import CoreRelo, LineInfo, read_ext
from probee.btf.reader import Btf
from probee.introspect.readelf.reloc_names import BPF as RELOCATIONS
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.elf.read import ElfFile, Relocation, Section

_TABLES = (uapi.SHT_REL, uapi.SHT_RELA)


class Notes:
    """For one file, section after section: `enter` one, then ask from its start to its end."""

    __slots__ = (
        "_btf", "_core", "_core_here", "_file", "_lines", "_lines_here", "_next", "_old",
        "_relocations", "_show_lines", "_show_relocations", "_show_source", "_start",
    )  # fmt: skip

    def __init__(self, file: ElfFile, *, source: bool, lines: bool, relocations: bool) -> None:
        self._file = file
        self._show_source, self._show_lines, self._show_relocations = source, lines, relocations
        self._btf: Btf | None = None
        self._lines: dict[str, dict[int, LineInfo]] = {}
        self._core: dict[str, dict[int, CoreRelo]] = {}
        if source or lines or relocations:
            self._read()
        self._lines_here: dict[int, LineInfo] = {}
        self._core_here: dict[int, CoreRelo] = {}
        self._relocations: list[Relocation] = []
        self._next, self._start = 0, 0
        self._old: tuple[int, int] | None = None  # file and line of the last instruction

    def _read(self) -> None:
        btf, ext = self._file.section(".BTF"), self._file.section(".BTF.ext")
        if btf is None or ext is None:
            return
        self._btf = Btf(btf.data)
        records = read_ext(ext.data)
        for section in records.line_info:
            lines = self._lines.setdefault(self._btf.string(section.name), {})
            for line in section.records:
                assert isinstance(line, LineInfo)
                lines.setdefault(line.insn_off, line)
        for section in records.core_relo:
            core = self._core.setdefault(self._btf.string(section.name), {})
            for relo in section.records:
                assert isinstance(relo, CoreRelo)
                core.setdefault(relo.insn_off, relo)

    def enter(self, section: Section) -> None:
        """From now on the places are in `section`."""
        self._lines_here = self._lines.get(section.name, {})
        self._core_here = self._core.get(section.name, {})
        self._start = section.addr
        self._next = 0
        self._relocations = []
        if self._show_relocations:
            for table in self._file.sections:
                if table.type in _TABLES and table.info == section.index:
                    self._relocations += self._file.relocations(table)
            self._relocations.sort(key=lambda row: row.offset)

    def skip_to(self, at: int) -> None:
        """Leaves out the relocations before `at`: they are in bytes that are not shown."""
        while self._next < len(self._relocations) and self._relocations[self._next].offset < at:
            self._next += 1

    def next_relocation(self, at: int, end: int) -> int:
        """Where the next one is, or `end`: bytes before it may be left out."""
        if self._next < len(self._relocations):
            return min(max(self._relocations[self._next].offset, at), end)
        return end

    def before(self, at: int) -> Iterator[str]:
        """Where the instruction at `at` comes from, if it is another line than the last one's."""
        line = self._lines_here.get(at)
        place = None if line is None else (line.file, line.line)
        if line is not None and place != self._old and line.line and self._btf is not None:
            if self._show_lines:
                yield f"; {self._btf.string(line.file)}:{line.line}\n"
            text = self._btf.string(line.text) if self._show_source else ""
            if text:
                yield f"; {text}\n"
        self._old = place

    def behind(self, at: int, size: int, *, addresses: bool) -> Iterator[str]:
        """The CO-RE record of the instruction, and the relocations within it."""
        if not self._show_relocations:
            return
        relo = self._core_here.get(at)
        if relo is not None and self._btf is not None:
            place = f"{at:016x}:  " if addresses else ""
            yield f"\t\t{place}CO-RE {core_text(self._btf, relo)}\n"
        self.skip_to(at)
        while self._next < len(self._relocations):
            row = self._relocations[self._next]
            if row.offset >= at + size:
                break
            place = f"{self._start + row.offset:016x}:  " if addresses else ""
            yield f"\t\t{place}{RELOCATIONS.get(row.type, 'Unknown')}\t{self._value(row)}\n"
            self._next += 1

    def _value(self, row: Relocation) -> str:
        """What a relocation is about: a symbol or a section, and what is added."""
        text = "*ABS*"
        if row.symbol:
            symbol = self._file.symbols[row.symbol]
            text = symbol.name
            if symbol.type == uapi.STT_SECTION and symbol.section < len(self._file.sections):
                text = self._file.sections[symbol.section].name
        if row.addend:
            text += f"{'-' if row.addend < 0 else '+'}{abs(row.addend):#x}"
        return text
