"""A BPF ELF object taken apart: which section is what, the symbols of each, the types.

In: the file's bytes. Out: `ObjectFile`, which the readers of maps, externs and programs share. What
each section is for is libbpf's convention (bpf_object__elf_collect in libbpf.c, 1.1 to 1.7).
"""

from __future__ import annotations

from probee.btf.reader import Btf
from probee.elf.raw import SECTION_SIZE
from probee.elf.read import ElfFile
from probee.errors import FormatError, NotSupportedError
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from _typeshed import ReadableBuffer

    from probee.btf.types import Type
    from probee.elf.read import Section, Symbol

TEXT = ".text"
MAPS = ".maps"
LEGACY_MAPS = "maps"
ARENA = ".addr_space.1"  # what lies in the arena of the object; LLVM names it by the address space
STRUCT_OPS = (".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link")
JUMP_TABLES = ".jumptables"
_FILLED = (".BTF", ".BTF.ext", MAPS, JUMP_TABLES, "license", "version")
_SINGLE = (*_FILLED, ARENA, *STRUCT_OPS)
_MACHINES = (0, uapi.EM_BPF)  # clang before 4.0 gave no machine
MAX_ZEROES = 1 << 28  # bytes of .bss in one object; the file need not hold them


class Types(Btf):
    """The types of an object; each is decoded once, however often it is asked for."""

    __slots__ = ("_decoded",)

    def __init__(self, data: ReadableBuffer) -> None:
        super().__init__(data)
        self._decoded: dict[int, Type] = {}

    def type(self, id: int) -> Type:
        """As `Btf.type`."""
        found = self._decoded.get(id)
        if found is None:
            found = self._decoded[id] = super().type(id)
        return found


class ObjectFile:
    """`text`: the number of `.text`, 0 if there is none. `code`: all sections with instructions.

    `data`: `.data`, `.rodata`, `.bss` and their namesakes, in the order of the file. `types`: None
    in an object without BTF. `by_section`: the symbols of each section by its number.
    """

    def __init__(self, data: ReadableBuffer) -> None:
        self.elf = ElfFile(data)
        header = self.elf.header
        if header.type != uapi.ET_REL or header.machine not in _MACHINES:
            raise FormatError(
                f"this is no BPF object: expected type {uapi.ET_REL} and machine {uapi.EM_BPF},"
                f" not {header.type} and {header.machine}",
                offset=16,
            )
        self.big_endian = self.elf.big_endian
        self.order = ">" if self.big_endian else "<"
        self.endian: Literal["little", "big"] = "big" if self.big_endian else "little"
        self.sections = self.elf.sections
        self.symbols = self.elf.symbols
        if not self.symbols:
            raise FormatError("this BPF object has no symbol table", offset=40)
        self.named: dict[str, Section] = {}
        for section in self.sections[1:]:
            if self.named.setdefault(section.name, section) is not section:
                self._demand_first(section)
            if section.name in _FILLED and section.type in (uapi.SHT_NOBITS, uapi.SHT_NULL):
                raise FormatError(
                    f"section {section.name} has no bytes in the file",
                    offset=self.header_of(section),
                )
        self._refuse()
        self.code = [s for s in self.sections[1:] if _is_code(s)]
        self.text = next((s.index for s in self.code if s.name == TEXT), 0)
        self.data = [s for s in self.sections[1:] if _is_data(s)]
        if sum(s.size for s in self.data if s.type == uapi.SHT_NOBITS) > MAX_ZEROES:
            raise FormatError(
                f"its .bss sections have more than {MAX_ZEROES} bytes", offset=header.shoff
            )
        self.by_section: dict[int, list[Symbol]] = {}
        for symbol in self.symbols[1:]:
            self.by_section.setdefault(symbol.section, []).append(symbol)
        self.types = self._types()
        self._tables: dict[int, list[Section]] = {}
        for section in self.sections[1:]:
            if section.type in (uapi.SHT_REL, uapi.SHT_RELA):
                self._tables.setdefault(section.info, []).append(section)

    def header_of(self, section: Section) -> int:
        """Where in the file a section's header stands: what has no bytes may say any offset."""
        return self.elf.header.shoff + SECTION_SIZE * section.index

    def _demand_first(self, section: Section) -> None:
        if section.name in _SINGLE:
            raise FormatError(f"a second section {section.name}", offset=self.header_of(section))

    def _refuse(self) -> None:
        """What is well-formed and still not taken."""
        if LEGACY_MAPS in self.named:
            raise NotSupportedError(
                "this object declares maps in a section `maps`, as before BTF",
                hint="declare them in `.maps`: libbpf has refused the old form since 1.0",
            )

    def _types(self) -> Types | None:
        section = self.named.get(".BTF")
        if section is None:
            return None
        try:
            types = Types(section.data)
        except FormatError as error:
            raise moved(error, section) from None
        if types.big_endian != self.big_endian:
            raise FormatError("its BTF is in the other byte order", offset=section.offset)
        types.sections.within(section.offset)
        return types

    @property
    def license(self) -> str:
        """What the section `license` says, '' where there is none."""
        section = self.named.get("license")
        text = b"" if section is None else bytes(section.data).partition(b"\0")[0]
        return text.decode("utf-8", "surrogateescape")

    @property
    def version(self) -> int:
        """The kernel's version in the section `version`, 0 where there is none."""
        section = self.named.get("version")
        if section is None:
            return 0
        if len(section.data) != 4:
            raise FormatError(
                f"section version has 4 bytes, not {len(section.data)}", offset=section.offset
            )
        return int.from_bytes(section.data, self.endian)

    def contents(self, section: Section) -> bytes:
        """The bytes of a section in memory: zeroes for one without any in the file."""
        return bytes(section.size) if section.type == uapi.SHT_NOBITS else bytes(section.data)

    def relocations(self, target: Section) -> list[tuple[int, int, int, int]]:
        """All that are about section `target`: (offset, type, symbol, where in the file)."""
        found = []
        for table in self._tables.get(target.index, ()):
            if table.type == uapi.SHT_RELA:
                raise FormatError(
                    f"section {table.index}: expected relocations without addends",
                    offset=table.offset,
                )
            found += [
                (offset, type_, symbol, table.offset + 16 * number)
                for number, (offset, type_, symbol, _) in enumerate(self.elf.relocation_rows(table))
            ]
        return found

    def place(self, symbol: Symbol) -> int:
        """Where in the file a symbol stands."""
        table = next(s for s in self.sections if s.type == uapi.SHT_SYMTAB)
        return table.offset + 24 * symbol.index

    def demand_types(self, why: str) -> Types:
        """The types of an object that cannot be read without any."""
        if self.types is None:
            raise FormatError(
                f"this object has no BTF, which {why}",
                offset=self.elf.header.shoff,
                hint="compile it with -g",
            )
        return self.types


def moved(error: FormatError, section: Section) -> FormatError:
    """An error within a section as one of the whole file."""
    message = error.message.rpartition(" (at byte ")[0] if error.offset >= 0 else error.message
    offset = section.offset + max(error.offset, 0)
    return FormatError(f"section {section.index}: {message}", offset=offset)


def _is_code(section: Section) -> bool:
    return (
        section.type == uapi.SHT_PROGBITS
        and bool(section.flags & uapi.SHF_EXECINSTR)
        and section.size > 0
    )


def _is_data(section: Section) -> bool:
    """Whether it becomes a map of one value. An empty one becomes none."""
    if not section.size or section.flags & uapi.SHF_EXECINSTR:
        return False
    names = (".bss",) if section.type == uapi.SHT_NOBITS else (".data", ".rodata")
    known = section.type in (uapi.SHT_NOBITS, uapi.SHT_PROGBITS)
    return known and any(
        section.name == name or section.name.startswith(f"{name}.") for name in names
    )
