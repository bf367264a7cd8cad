"""Sections of an object, one row each, and who made it.

In: the ELF file and the spec that was read of it. Out: `SectionRow`s, and the names of producers.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.introspect.inspect.report import SectionRow
from probee.spec.programs import VariableSpec
from probee.spec.types import CharArray
from probee.tables.hooks import section_words
from probee.tables.sections import by_section
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.elf.read import ElfFile, Section
    from probee.spec.programs import CollectionSpec

_PRODUCERS = (b"clang version ", b"GNU C", b"rustc version ", b"Ubuntu clang version ")
_LONGEST = 200
_MOST_TEXTS = 1000  # of one section: the rest is only counted in its size


def section_rows(elf: ElfFile, spec: CollectionSpec) -> tuple[SectionRow, ...]:
    """All sections but number 0, in their order."""
    homes: dict[str, list[str]] = {}
    for program in spec.programs:
        name = program.section if program.autoload else f"?{program.section}"
        homes.setdefault(name, []).append(program.name)
    return tuple(
        SectionRow(
            section.index,
            section.name,
            _kind(section),
            section.size,
            _about(elf, section, homes),
            tuple(homes.get(section.name, ())) if _is_code(section) else (),
        )
        for section in elf.sections[1:]
    )


def _kind(section: Section) -> str:
    if section.type in (uapi.SHT_REL, uapi.SHT_RELA):
        return "relocations"
    if _is_code(section):
        return "code"
    return "debugging" if section.name.startswith(".debug_") else "other"


def _is_code(section: Section) -> bool:
    return bool(section.flags & uapi.SHF_EXECINSTR)


def _about(elf: ElfFile, section: Section, homes: dict[str, list[str]]) -> str:
    if section.type in (uapi.SHT_REL, uapi.SHT_RELA):
        inside = 0 < section.info < len(elf.sections)
        target = elf.sections[section.info].name if inside else "no section"
        return f"relocations of {target}"
    if _is_code(section):
        if section.name in homes:
            count = len(homes[section.name])
            return "code of a program" if count == 1 else f"code of {count} programs"
        if section.name == ".text":
            return section_words(".text") if section.size else "code: none"
        return "functions" if _known(section.name) else "code, of no type that is known"
    return section_words(section.name) or "no loader knows this name"


def _known(name: str) -> bool:
    try:
        by_section(name.removeprefix("?"))
    except NotSupportedError:
        return False
    return True


def variables(elf: ElfFile, spec: CollectionSpec) -> tuple[VariableSpec, ...]:
    """The variables of the data sections: as the BTF has them, else as the symbols do."""
    told = {variable.section for variable in spec.variables}
    silent = {map_.name for map_ in spec.maps} - told
    found = [
        VariableSpec(symbol.name, name, symbol.value, CharArray(symbol.size))
        for symbol in elf.symbols
        if symbol.type == uapi.STT_OBJECT and symbol.section < len(elf.sections)
        if (name := elf.sections[symbol.section].name) in silent
    ]
    for section in elf.sections:
        if section.name in silent and section.flags & uapi.SHF_STRINGS and section.entsize == 1:
            found += _texts(section.name, section.data.tobytes())
    return (*spec.variables, *sorted(found, key=lambda v: (v.section, v.offset, v.name)))


def _texts(name: str, data: bytes) -> Iterator[VariableSpec]:
    """The texts of a section of such, which have no names: `.rodata.str1.1+40`."""
    start = 0
    for text in data.split(b"\0", _MOST_TEXTS)[:-1]:
        size = len(text) + 1
        yield VariableSpec(f"{name}+{start}", name, start, CharArray(size))
        start += size


def producers(elf: ElfFile, spec: CollectionSpec) -> tuple[str, ...]:
    """Who made the object, as far as it says: compilers, and probee."""
    found: dict[str, None] = {}
    for name in (".debug_str", ".comment"):
        section = elf.section(name)
        data = section.data.tobytes() if section is not None else b""
        for wanted in _PRODUCERS:
            at = data.find(wanted)
            if at >= 0:
                start = data.rfind(b"\0", 0, at) + 1
                text = data[max(start, at - 40) : at + _LONGEST].split(b"\0")[0]
                found[text.decode("utf-8", "surrogateescape")] = None
    if b"\0probee:1:" in spec.btf:
        found["probee"] = None
    if not found and elf.section(".llvm_addrsig") is not None:
        found["LLVM, of a version that it does not say"] = None
    return tuple(found)
