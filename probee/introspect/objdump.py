"""`probee objdump -d`: the code of BPF objects, as llvm-objdump 19 prints it.

In: an `ElfFile` for BPF and what to show. Out: pieces of text. Sections with code in their order;
in each, from symbol to symbol, an instruction a line, with the lines of its source before it and
the relocations at it behind it. Source: what llvm-objdump 19 prints, and disassembleObject in its
llvm-objdump.cpp.

One thing differs: lines of source come from .BTF.ext alone, in which an object brings them along.
llvm-objdump looks into DWARF first, where there is some.
"""

from __future__ import annotations

from probee.asm.decode import decode_one
from probee.asm.disasm import jump_distance, llvm_text, symbolic
from probee.errors import NotSupportedError, UsageError
from probee.frozen import Frozen
from probee.introspect.objdump_notes import Notes
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.elf.read import ElfFile, Section

_ZEROES = 8  # so many in a row are left out


class Shown(Frozen):
    """`sections` by name, empty for all with code. `alu32`: LLVM's feature, see asm.disasm."""

    source: bool = False
    lines: bool = False
    relocations: bool = False
    raw: bool = True
    addresses: bool = True
    zeroes: bool = False
    alu32: bool = False
    sections: tuple[str, ...] = ()


class _Symbol(Frozen):
    address: int
    name: str
    data: bool


def listing(name: str, file: ElfFile, shown: Shown) -> Iterator[str]:
    """The whole listing of the file `name`. Raises FormatError, before or within it."""
    if file.header.machine != uapi.EM_BPF:
        raise NotSupportedError(
            f"{name} is not for BPF but for machine {file.header.machine}",
            hint="only BPF is disassembled; `probee readelf` shows other objects",
        )
    yield f"\n{name}:\tfile format elf64-bpf\n"
    notes = Notes(file, source=shown.source, lines=shown.lines, relocations=shown.relocations)
    for section in file.sections:
        if _wanted(section, shown) and section.size:
            yield from _section(file, section, shown, notes)


def _wanted(section: Section, shown: Shown) -> bool:
    if shown.sections:
        return section.name in shown.sections
    return bool(section.flags & uapi.SHF_EXECINSTR) and section.type != uapi.SHT_NOBITS


def _symbols(file: ElfFile, section: Section) -> list[_Symbol]:
    """The symbols in a section, by address and name; one at its start, if need be its own name."""
    rows = [
        (symbol.value, symbol.name, symbol.type)
        for symbol in file.symbols
        if symbol.section == section.index
        and symbol.name
        and symbol.type not in (uapi.STT_FILE, uapi.STT_SECTION)
    ]
    if not any(value == section.addr for value, _, _ in rows):
        code = section.flags & uapi.SHF_EXECINSTR
        rows.append((section.addr, section.name, uapi.STT_FUNC if code else uapi.STT_OBJECT))
    rows.sort()
    data = (uapi.STT_OBJECT, uapi.STT_COMMON)
    return [_Symbol(value, name, type_ in data) for value, name, type_ in rows]


def _section(file: ElfFile, section: Section, shown: Shown, notes: Notes) -> Iterator[str]:
    notes.enter(section)
    symbols = _symbols(file, section)
    places = {symbol.address: symbol.name for symbol in symbols}
    chunk = _Chunk(section, shown, notes, places, big_endian=file.big_endian)
    code = bool(section.flags & uapi.SHF_EXECINSTR)
    header = f"\nDisassembly of section {section.name}:\n"
    stop = section.addr + section.size
    for start, following in zip(sorted(places), [*sorted(places)[1:], stop], strict=True):
        here = [symbol for symbol in symbols if symbol.address == start]
        if not section.addr <= start < min(following, stop):
            continue
        # Code goes before data, where both are said to be here.
        as_code = [symbol for symbol in here if not symbol.data] if code else []
        label = (as_code or here)[-1].name
        address = f"{start:016x} " if shown.addresses else ""
        yield f"{header}\n{address}<{label}>:\n"
        header = ""
        span = start - section.addr, min(following, stop) - section.addr
        if not section.data:  # which has none in the file, whatever size it says
            yield "...\n"
        elif code and not as_code:
            yield from _data(section, *span)
        else:
            yield from chunk.lines(*span)


def _data(section: Section, start: int, end: int) -> Iterator[str]:
    """Bytes in the midst of code, eight a line."""
    for at in range(start, end, 8):
        part = bytes(section.data[at : min(at + 8, end)])
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        numbers = "".join(f" {byte:02x}" for byte in part)
        yield f"{section.addr + at:8x}:{numbers:24}         {text}\n"


class _Chunk:
    """What is the same for all instructions of a section."""

    __slots__ = ("_address", "_bytes", "_names", "_notes", "_order", "_places", "_shown")

    def __init__(
        self,
        section: Section,
        shown: Shown,
        notes: Notes,
        names: dict[int, str],
        *,
        big_endian: bool,
    ) -> None:
        self._bytes = bytes(section.data)
        self._address = section.addr
        self._shown, self._notes, self._names = shown, notes, names
        self._places = sorted(names)
        self._order = "big" if big_endian else "little"

    def lines(self, at: int, end: int) -> Iterator[str]:
        """The instructions from byte `at` to `end` of the section."""
        notes, shown = self._notes, self._shown
        notes.skip_to(at)
        while at < end:
            zeroes = 0 if shown.zeroes else self._zeroes(at, notes.next_relocation(at, end))
            if zeroes:
                yield "\t\t...\n"
                at += zeroes
                continue
            text, size = self._instruction(at)
            raw = self._bytes[at : at + size].hex(" ")
            yield from notes.before(at)
            address = f"{(self._address + at) // 8:8d}:" if shown.addresses else ""
            yield f"{address}{chr(9) + raw if shown.raw else ''}\t{text}\n"
            yield from notes.behind(at, size, addresses=shown.addresses)
            at += size

    def _zeroes(self, at: int, end: int) -> int:
        part = self._bytes[at:end]
        count = len(part) - len(part.lstrip(b"\0"))
        return count & ~3 if count >= _ZEROES else 0

    def _instruction(self, at: int) -> tuple[str, int]:
        """The text, and how many bytes it is for."""
        insn = decode_one(self._bytes, at, self._order)
        if insn is None:  # the end of the section: too few bytes, or half a load of 64 bits
            return "<unknown>", 1
        try:
            target = ""
            distance = jump_distance(insn, loose=True)
            if distance is not None:
                place = self._address + at + 8 * (1 + distance)
                target = symbolic(place, self._places, self._names)
            text = llvm_text(insn, alu32=self._shown.alu32, target=target, loose=True)
            return text, 8 * insn.slots
        except UsageError:
            return "<unknown>", 8
