"""Relocations applied to a copy of a section: option -R, and notes.

In: a section's bytes. Out: the bytes with the relocations applied that readelf knows how to apply,
which are those that debug sections have; warnings about the others.
"""

from __future__ import annotations

from probee.introspect.readelf.apply_others import (
    KNOWN as OTHERS,
    RELATIVE,
    SET,
    apply_uleb128,
    changed,
)
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.machines import LOONGARCH
from probee.introspect.readelf.names import symbol_type
from probee.introspect.readelf.relocations import read_relocations, reloc_type
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

# machine: type: how many bytes, and what is done to them.
# Of BPF's readelf knows one only, which the assembler of binutils had before 2.41.
KNOWN = {
    uapi.EM_X86_64: {1: (8, SET), 2: (4, RELATIVE), 10: (4, SET), 24: (8, RELATIVE)},
    uapi.EM_AARCH64: {
        1: (4, SET), 257: (8, SET), 258: (4, SET), 260: (8, RELATIVE), 261: (4, RELATIVE),
    },
    uapi.EM_BPF: {11: (4, SET)},
    **OTHERS,
}  # fmt: skip
# R_X86_64_NONE and its like; R_BPF_NONE and R_LARCH_NONE are not among them
NOTHING = {
    (uapi.EM_AARCH64, 256),
    *((machine, 0) for machine in KNOWN if machine not in (uapi.EM_BPF, LOONGARCH)),
}


def relocate(image: Image, section: raw.SectionHeader, data: bytes) -> bytes | None:
    """The changed bytes, or the same; None if the relocations cannot be read."""
    if image.header.type != uapi.ET_REL:
        return data
    kinds = (uapi.SHT_RELA, uapi.SHT_REL)
    for table in image.rows:
        if (
            table.type in kinds
            and table.info < image.shnum
            and image.rows[table.info] is section
            and table.size
            and table.link < image.shnum
        ):
            return _apply(image, section, table, bytearray(data))
    return data


def _apply(
    image: Image, section: raw.SectionHeader, table: raw.SectionHeader, data: bytearray
) -> bytes | None:
    of_symbols = image.rows[table.link]
    if of_symbols.type not in (uapi.SHT_SYMTAB, uapi.SHT_DYNSYM):
        return None
    addends = table.type == uapi.SHT_RELA
    rows = read_relocations(image, table.offset, table.size, addends=addends)
    if rows is None:
        return None
    symbols = image.symbols(of_symbols) or []
    inside = f"in section {image.section_name(section)}\n"
    for at, row in enumerate(rows):
        if apply_uleb128(image, row, symbols, data):
            continue
        how = _how(image, section, row)
        if how is None:
            continue
        size, way = how
        if row.offset + size > len(data):
            image.out.warn(f"skipping invalid relocation offset {alternate(row.offset)} {inside}")
            continue
        if row.symbol >= len(symbols):
            number = alternate(row.symbol)
            image.out.warn(f"skipping invalid relocation symbol index {number} {inside}")
            continue
        symbol = symbols[row.symbol]
        if row.symbol and symbol.type > uapi.STT_SECTION and symbol.type != uapi.STT_COMMON:
            image.out.warn(
                f"skipping unexpected symbol type {symbol_type(image, symbol.type)} in section "
                f"{image.section_name(table)} relocation {at}\n"
            )
            continue
        place = slice(row.offset, row.offset + size)
        old = image.number(data[place])
        value = changed(way, old, symbol.value, row.addend, addends=addends)
        if way == RELATIVE:
            value -= row.offset
        data[place] = (value & (1 << 8 * size) - 1).to_bytes(
            size, "big" if image.big_endian else "little"
        )
    return bytes(data)


def _how(image: Image, section: raw.SectionHeader, row: raw.RelocRow) -> tuple[int, int] | None:
    """None for one that changes nothing, and after a warning for one that readelf cannot apply."""
    number, memory = reloc_type(image, row.info), image.shown.memory
    if (image.machine, number) in NOTHING:
        return None
    if image.machine not in KNOWN and image.machine != memory.unknown_machine:
        image.out.error(
            "Missing knowledge of 32-bit reloc types used in DWARF sections of machine number "
            f"{image.machine}\n"
        )
        memory.unknown_machine = image.machine
    how = KNOWN.get(image.machine, {}).get(number)
    if how is None:
        if number != memory.last_reloc_type:
            signed = number - (1 << 32) if number >> 31 else number
            image.out.warn(
                f"unable to apply unsupported reloc type {signed} to section "
                f"{image.section_name(section)}\n"
            )
        memory.last_reloc_type = number
        return None
    return how
