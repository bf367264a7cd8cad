"""Symbol tables: options -s and --dyn-syms.

In: an image whose sections have been read. Out: lines, a symbol each.
"""

from __future__ import annotations

from probee.introspect.readelf import names, release_2_40
from probee.introspect.readelf.dynamic_names import GNU_HASH, HASH
from probee.introspect.readelf.machines import MIPS
from probee.introspect.readelf.text import name_at, symbol_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

HEADING = "   Num:    Value          Size Type    Bind   Vis      Ndx Name\n"
HEADING_EXTRA = (
    "   Num:    Value          Size Type    Bind   Vis+Other Ndx(SecName) Name [+ Version Info]\n"
)
NAME_WIDTH = 21


def show_symbols(image: Image) -> None:
    """All symbol tables that are wanted."""
    shown = image.shown
    has_hash = image.dynamic.get(HASH) or image.dynamic.get(GNU_HASH)
    rows, strings = image.dynamic_symbols, image.dynamic_strings
    if (
        has_hash and shown.symbols and shown.use_dynamic
        and strings is not None and rows is not None
    ):  # fmt: skip
        some = names.plural(len(rows), "entry", "entries")
        image.out.put(f"\nSymbol table for image contains {len(rows)} {some}:\n")
        image.out.put(_heading(image))
        _show_rows(image, rows, strings, None)
    elif (
        shown.dynamic_symbols or (shown.symbols and not shown.use_dynamic)
    ) and image.sections is not None:
        for section in image.rows:
            if section.type == uapi.SHT_DYNSYM or (
                section.type == uapi.SHT_SYMTAB and shown.symbols
            ):
                show_table(image, section)
    elif shown.symbols:
        image.out.put("\nDynamic symbol information is not available for displaying symbols.\n")
    if shown.histogram and image.dynamic_size > 1:
        from probee.introspect.readelf.hashes import show_histograms

        show_histograms(image)


def show_table(image: Image, section: raw.SectionHeader) -> bool:
    """One symbol table; whether it could be read."""
    name = image.section_name(section)
    if not section.entsize:
        image.out.put(f"\nSymbol table '{name}' has a sh_entsize of zero!\n")
        return False
    count = section.size // section.entsize
    some = names.plural(count, "entry", "entries")
    image.out.put(f"\nSymbol table '{name}' contains {count} {some}:\n")
    image.out.put(_heading(image))
    rows = image.symbols(section)
    if rows is None:
        return False
    strings: bytes | None = None
    if section.link == image.shstrndx:
        strings = image.names
    elif section.link < image.shnum:
        table = image.rows[section.link]
        strings = image.read(table.offset, table.size, "string table")
    _show_rows(image, rows, strings or b"", section)
    return True


def _heading(image: Image) -> str:
    return HEADING_EXTRA if image.shown.extra else HEADING


def _show_rows(
    image: Image, rows: list[raw.SymbolRow], strings: bytes, section: raw.SectionHeader | None
) -> None:
    put, warn = image.out.put, image.out.warn
    versions = None
    if section is None or section.type == uapi.SHT_DYNSYM:
        from probee.introspect.readelf.versions import finder

        versions = finder(image, strings)
    for at, row in enumerate(rows):
        put(f"{at:6}: {row.value:016x} {size_text(row.size, image.shown.symbol_base)}")
        put(f" {names.symbol_type(image, row.type):<7} {names.binding(image, row.bind):<6}")
        put(f" {names.VISIBILITIES[row.visibility]:<7}")
        if other := row.other & ~3:
            put(f" [{names.symbol_other(image, other)}] ")
        column, name = _section_column(image, row)
        put(column)
        name = _own_name(image, row, strings, name)
        version = versions.of(at, row) if versions else None
        suffix, width = "", NAME_WIDTH
        if version is not None:
            suffix, width = version.suffix, NAME_WIDTH - (0 if image.shown.wide else version.taken)
        put(f"{symbol_name(image.shown, width, name)[0]}{suffix}\n")
        late = row.bind == uapi.STB_LOCAL and section is not None and at >= section.info
        if late and section is not None and image.machine != MIPS:
            warn(
                f"local symbol {at} found at index >= {image.section_name(section)}'s "
                f"sh_info value of {section.info}\n"
            )


def _own_name(image: Image, row: raw.SymbolRow, strings: bytes, section: bytes) -> bytes:
    """A symbol's name, which for a section's symbol is that of the section."""
    if image.shown.old:
        if (name := release_2_40.symbol_name(image, row)) is not None:
            return name
    elif row.type == uapi.STT_SECTION and not row.name and _is_real(image, row.shndx):
        return section
    if row.name >= len(strings):
        return b"<corrupt>"
    return name_at(image.shown, strings, row.name, NAME_WIDTH)


def _is_real(image: Image, index: int) -> bool:
    return image.sections is not None and 0 < index < image.shnum


def _section_column(image: Image, row: raw.SymbolRow) -> tuple[str, bytes]:
    """The column Ndx, and the section's name."""
    if image.shown.old:
        return f" {release_2_40.index_column(image, row.shndx):>4} ", b""
    name, special = image.index_name(row.shndx)
    extra = image.shown.extra
    if special:
        if not image.shnum and name.startswith("<section"):
            text = f" {_as_int(row.shndx):4} "
        else:
            text = f" {name:>4} "
        if extra:
            text = f"{text:<16}"
    else:
        text = f" {row.shndx:4} "
        if extra:
            text += f"{f'({name}) ':<10}"
    return text, name.encode("latin-1")


def _as_int(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def size_text(size: int, base: int) -> str:
    """A symbol's size: in decimal while it fits into five digits, or as --sym-base says."""
    if base == 8:
        return f"{size:5o}"
    if base == 10:
        return f"{size:5}"
    if base == 16:
        return f"0x{size:05x}"
    return f"{size:5}" if size <= 99999 else f"0x{size:x}"
