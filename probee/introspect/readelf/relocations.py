"""Relocations: option -r.

In: an image whose sections and dynamic section have been read. Out: lines, a relocation each.
"""

from __future__ import annotations

from probee.elf import raw
from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.dynamic_names import PLTRELSZ, RELASZ, RELRSZ, RELSZ
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.machines import MIPS, SPARCV9
from probee.introspect.readelf.names import plural
from probee.introspect.readelf.reloc_names import reloc_name
from probee.introspect.readelf.text import name_at, symbol_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image
    from probee.introspect.readelf.versions import Finder

WIDE = "    Offset             Info             Type               Symbol's Value  Symbol's Name"
NARROW = "  Offset          Info           Type           Sym. Value    Sym. Name"
OLO10 = 33  # R_SPARC_OLO10
NAME_WIDTH, IFUNC_WIDTH = 22, 14


class Symbols:
    """The symbols and strings that relocations speak of; None where they could not be read."""

    __slots__ = ("dynamic", "rows", "strings")

    def __init__(
        self, rows: list[raw.SymbolRow] | None, strings: bytes | None, *, dynamic: bool
    ) -> None:
        self.rows, self.strings, self.dynamic = rows, strings, dynamic


def show_relocations(image: Image) -> None:
    """All sections of relocations, or with -D what the dynamic section names."""
    shown, out = image.shown, image.out
    if not shown.relocations:
        return
    if shown.use_dynamic:
        from probee.introspect.readelf.dynamic_relocations import show_dynamic_relocations

        show_dynamic_relocations(image)
        return
    found = False
    for section in image.rows:
        found |= show_section(image, section)
    if found:
        return
    if any(image.dynamic.get(size) for size in (RELSZ, RELASZ, RELRSZ, PLTRELSZ)):
        out.put("\nThere are no static relocations in this file.")
        out.put("\nTo see the dynamic relocations add --use-dynamic to the command line.\n")
    else:
        out.put("\nThere are no relocations in this file.\n")


def show_section(image: Image, section: raw.SectionHeader) -> bool:
    """One section of relocations; whether all was well with it."""
    kinds = (uapi.SHT_RELA, uapi.SHT_REL, uapi.SHT_RELR)
    if section.type not in kinds or not section.size:
        return False
    put = image.out.put
    name = str(section.name) if image.names is None else f"'{image.section_name(section)}'"
    put(f"\nRelocation section {name}")
    count = section.size // section.entsize
    start = f" at offset {alternate(section.offset)} contains {count} "
    packed = section.type == uapi.SHT_RELR
    if packed and not image.shown.old:
        from probee.introspect.readelf.relr import count_relr

        put(start + plural(count, "entry which relocates", "entries which relocate"))
        places = count_relr(image, section)
        put(f" {places} {plural(places, 'location', 'locations')}:\n")
    else:
        put(f"{start}{plural(count, 'entry', 'entries')}:\n")
    symbols = _symbols_of(image, section)
    if symbols is None:
        return False
    if packed:
        from probee.introspect.readelf.relr import show_relr

        return show_relr(image, section, symbols)
    addends = section.type == uapi.SHT_RELA
    well = show_table(image, section.offset, section.size, symbols, addends=addends)
    return well or image.shown.old  # 2.40 does not look


def _symbols_of(image: Image, section: raw.SectionHeader) -> Symbols | None:
    """None, with or without a message, if they are there and cannot be read."""
    if not section.link or section.link >= image.shnum:
        if image.shown.old:
            return Symbols(None, None, dynamic=False)
        table = image.find(b".symtab") if image.names else None
    else:
        table = image.rows[section.link]
        if table.type not in (uapi.SHT_SYMTAB, uapi.SHT_DYNSYM):
            return None
    if table is None:
        return Symbols(None, None, dynamic=False)
    return read_symbols(image, table)


def read_symbols(image: Image, table: raw.SectionHeader) -> Symbols | None:
    """A symbol table and its strings; None if either cannot be read."""
    rows = image.symbols(table)
    if rows is None:
        return None
    strings: bytes | None = None
    if table.link:
        if table.link >= image.shnum:
            image.out.error("Bad sh_link in symbol table section\n")
            return None
        section = image.rows[table.link]
        strings = image.read(section.offset, section.size, "string table")
        if strings is None:
            return None
    return Symbols(rows, strings, dynamic=table.type == uapi.SHT_DYNSYM)


def read_relocations(
    image: Image, offset: int, size: int, *, addends: bool
) -> list[raw.RelocRow] | None:
    """A table of relocations, whether or not its size is a multiple of theirs."""
    data = image.read(offset, size, "64-bit relocation data")
    if data is None:
        return None
    rows = raw.relocations(data, big_endian=image.big_endian, addends=addends)
    if image.machine == MIPS and not image.big_endian:
        return [raw.RelocRow(row.offset, _mips_info(row.info), row.addend) for row in rows]
    return rows


def _mips_info(info: int) -> int:
    """As a number: little-endian MIPS has a symbol of 4 bytes there, and four bytes behind it."""
    low, high = info & 0xFFFFFFFF, info >> 32
    return low << 32 | int.from_bytes(high.to_bytes(4, "little"), "big")


def reloc_type(image: Image, info: int) -> int:
    """The type of a relocation; some machines keep more beside it."""
    return info & (0xFF if image.machine in (MIPS, SPARCV9) else 0xFFFFFFFF)


def show_table(image: Image, offset: int, size: int, symbols: Symbols, *, addends: bool) -> bool:
    """The heading and a line for each relocation; whether all was well."""
    rows = read_relocations(image, offset, size, addends=addends)
    if rows is None:
        return False
    shown, put = image.shown, image.out.put
    put(f"{WIDE if shown.wide else NARROW}{' + Addend' if addends else ''}\n")
    versions = None
    if symbols.dynamic:
        from probee.introspect.readelf.versions import finder

        versions = finder(image, symbols.strings)
    well = True
    known: dict[int, str | None] = {}
    for row in rows:
        number = reloc_type(image, row.info)
        if number not in known:
            known[number] = reloc_name(image.machine, number, old=shown.old)
        name = known[number]
        if name is None:
            name = f"unrecognized: {number:<7x}"
        else:
            name = f"{name:<22}" if shown.wide else f"{name[:17]:<17}"
        if shown.wide:
            put(f"{row.offset:016x}  {row.info:016x} {name}")
        else:
            put(f"{row.offset:012x}  {row.info:012x} {name}")
        if row.symbol:
            well &= _show_symbol(image, row, symbols, versions, addends=addends)
        elif addends:
            put(f"{'':20}{'-' if row.addend < 0 else ''}{abs(row.addend):x}")
        put(f"{_more(image, number, row.info)}\n")
    return well


def _more(image: Image, number: int, info: int) -> str:
    """What else stands beside the type: a number for R_SPARC_OLO10; two more types for MIPS."""
    if image.machine == SPARCV9 and number == OLO10:
        data = (info >> 8 & 0xFFFFFF ^ 0x800000) - 0x800000
        return f" + {data & (1 << 64) - 1:x}"
    if image.machine != MIPS:
        return ""
    lines = []
    for at in (2, 3):
        type_ = info >> 8 * (at - 1) & 0xFF
        name = reloc_name(MIPS, type_, old=False)
        text = f"{name[:17]:<17}" if name else f"unrecognized: {type_:<7x}"
        lines.append(f"\n{'':20}Type{at}: {text}")
    return "".join(lines)


def _show_symbol(
    image: Image,
    row: raw.RelocRow,
    symbols: Symbols,
    versions: Finder | None,
    *,
    addends: bool,
) -> bool:
    put = image.out.put
    if symbols.rows is None or row.symbol >= len(symbols.rows):
        image.out.error(f" bad symbol index: {row.symbol:08x} in reloc\n")
        return False
    symbol, strings = symbols.rows[row.symbol], symbols.strings
    version = versions.of(row.symbol, symbol) if versions else None
    suffix = version.short if version else ""
    well = True
    if symbol.type == uapi.STT_GNU_IFUNC:
        name = b"??"
        if strings is not None and 0 < symbol.name < len(strings):
            name = name_at(image.shown, strings, symbol.name, IFUNC_WIDTH)
        text, count = symbol_name(image.shown, IFUNC_WIDTH, name)
        put(f" {text}{suffix}()")
        put(" " * (IFUNC_WIDTH + 1 - count if count <= IFUNC_WIDTH else 1))
    else:
        put(f" {symbol.value:016x} ")
    if not symbol.name:
        name = b"<null>"
        if symbol.type == uapi.STT_SECTION:
            name = _section_name(image, symbol.shndx)
        put(symbol_name(image.shown, NAME_WIDTH, name)[0])
    elif strings is None:
        put(f"<string table index: {symbol.name:3}>")
    elif symbol.name >= len(strings):
        image.out.error(f"<corrupt string table index: {symbol.name:3}>\n")
        well = False
    else:
        name = name_at(image.shown, strings, symbol.name, NAME_WIDTH)
        put(symbol_name(image.shown, NAME_WIDTH, name)[0] + suffix)
    if addends:
        put(f" {'-' if row.addend < 0 else '+'} {abs(row.addend):x}")
    return well


def _section_name(image: Image, index: int) -> bytes:
    if image.shown.old:
        return release_2_40.section_in_relocation(image, index)
    return image.index_name(index)[0].encode("latin-1")
