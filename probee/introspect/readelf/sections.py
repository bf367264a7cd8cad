"""The section headers: read, checked as readelf checks them, and shown: options -S and -t.

In: an image whose header has been shown. Out: its sections and their names; lines and warnings.
"""

from __future__ import annotations

from probee.elf import raw
from probee.introspect.readelf import release_2_40, section_flags
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.names import plural, section_type
from probee.introspect.readelf.text import symbol_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

# What the entries of a table are long. Another sh_entsize is complained of, and not used.
ENTRY_SIZES = {
    uapi.SHT_DYNSYM: raw.SYMBOL_SIZE,
    uapi.SHT_SYMTAB: raw.SYMBOL_SIZE,
    uapi.SHT_GROUP: 4,
    uapi.SHT_REL: raw.REL_SIZE,
    uapi.SHT_RELA: raw.RELA_SIZE,
    uapi.SHT_RELR: 8,
}
CHDR = 24  # Elf64_Chdr
COMPRESSIONS = {1: "ZLIB, ", 2: "ZSTD, "}


def read_headers(image: Image, *, probe: bool = False) -> bool:
    """Whether the section headers are there: `probe` reads only the first, and says nothing."""
    if image.sections is not None:
        return True
    size, count = image.header.shentsize, 1 if probe else image.shnum
    if not size or not count or not image.header.shoff:
        return False
    start = "The e_shentsize field in the ELF header is"
    if size < raw.SECTION_SIZE:
        if not probe:
            image.out.error(f"{start} less than the size of an ELF section header\n")
        return False
    if size > raw.SECTION_SIZE and not probe:
        image.out.warn(f"{start} larger than the size of an ELF section header\n")
    data = image.read(image.header.shoff, count, "" if probe else "section headers", size)
    if data is None:
        return False
    table = raw.section_headers(data[: count * raw.SECTION_SIZE], big_endian=image.big_endian)
    image.sections = table
    if not probe:
        _check_ranges(image, table)
    return True


def _check_ranges(image: Image, table: list[raw.SectionHeader]) -> None:
    count = len(table)
    for at, row in enumerate(table):
        what = ""
        if row.link > count:
            what = f"sh_link value of {row.link}"
            image.out.warn(f"Section {at} has an out of range {what}\n")
        if row.flags & uapi.SHF_INFO_LINK and row.info > count:
            what = f"sh_info value of {row.info}"
            image.out.warn(f"Section {at} has an out of range {what}\n")


def show_sections(image: Image) -> bool:
    """Whether they could be read; they are shown if that is wanted."""
    shown, out = image.shown, image.out
    if not image.shnum:
        if image.header.shoff:
            out.warn(
                "possibly corrupt ELF file header - it has a non-zero section header offset, "
                "but no section headers\n"
            )
            return False
        if shown.sections:
            out.put("\nThere are no sections in this file.\n")
        return True
    if shown.sections and not shown.header:
        some = plural(image.shnum, "is {} section header", "are {} section headers")
        out.put(
            f"There {some.format(image.shnum)}, "
            f"starting at offset {alternate(image.header.shoff)}:\n"
        )
    if not read_headers(image):
        return False
    _read_names(image)
    for at in range(len(image.rows)):
        _check_tables(image, at)
    if shown.sections:
        _show(image)
    return True


def _read_names(image: Image) -> None:
    if image.names is None and 0 < image.shstrndx < image.shnum:
        section = image.rows[image.shstrndx]
        image.names = image.read(section.offset, section.size, "string table")


def _check_tables(image: Image, at: int) -> None:
    """Complains of what cannot be, mends sh_entsize, and takes tables that are needed later."""
    section, out = image.rows[at], image.out
    name = image.section_name(section)
    if section.type == uapi.SHT_DYNSYM and image.dynamic_symbols is not None:
        out.error("File contains multiple dynamic symbol tables\n")
        return
    expected = ENTRY_SIZES.get(section.type)
    if expected is not None and section.entsize != expected:
        out.error(f"Section {at} has invalid sh_entsize of {section.entsize:x}\n")
        out.error(f"(Using the expected size of {expected:x} for the rest of this dump)\n")
        section = _with_entsize(section, expected)
        image.rows[at] = section
    if section.type == uapi.SHT_DYNSYM:
        image.dynamic_symbols = image.symbols(section)
        image.dynsym_section = section
    elif section.type == uapi.SHT_STRTAB and name == ".dynstr":
        if image.dynamic_strings is not None:
            out.error("File contains multiple dynamic string tables\n")
            return
        image.dynamic_strings = image.read(section.offset, section.size, "dynamic strings")
        image.dynstr_section = section
    elif section.type == uapi.SHT_SYMTAB_SHNDX:
        image.index_tables.insert(0, section)
    elif image.shown.checks and not section.size:
        if image.shown.old:
            name = release_2_40.name_of(image, section).decode("latin-1")
        if section.type in (uapi.SHT_REL, uapi.SHT_RELA):
            out.warn(f"Section '{name}': zero-sized relocation section\n")
        elif section.type in (uapi.SHT_NOTE, uapi.SHT_PROGBITS):
            out.warn(f"Section '{name}': has a size of zero - is this intended ?\n")


def _with_entsize(row: raw.SectionHeader, entsize: int) -> raw.SectionHeader:
    return raw.SectionHeader(
        row.name, row.type, row.flags, row.addr, row.offset, row.size, row.link, row.info,
        row.addralign, entsize,
    )  # fmt: skip


def _show(image: Image) -> None:
    from probee.introspect.readelf.section_checks import check

    shown, out = image.shown, image.out
    out.put("\nSection Headers:\n" if image.shnum > 1 else "\nSection Header:\n")
    if shown.wide:
        out.put("  [Nr] Name\n" if shown.details else "")
        indent = "       " if shown.details else "  [Nr] Name              "
        flags = "   " if shown.details else " Flg "
        out.put(f"{indent}Type            Address          Off    Size   ES{flags}Lk Inf Al\n")
    elif shown.details:
        out.put("  [Nr] Name\n       Type              Address          Offset            Link\n")
        out.put("       Size              EntSize          Info              Align\n")
    else:
        out.put("  [Nr] Name              Type             Address           Offset\n")
        out.put("       Size              EntSize          Flags  Link  Info  Align\n")
    if shown.details:
        out.put("       Flags\n")
    row_text = _wide_row if shown.wide else _details_row if shown.details else _row
    for at, section in enumerate(image.rows):
        check(image, at, section)
        out.put(f"  [{at:2}] {_title(image, section)}{row_text(image, section)}")
        if shown.details:
            out.put(f"       {section_flags.words(image, section.flags)}\n")
            if section.flags & uapi.SHF_COMPRESSED:
                _compression(image, section)
    if not shown.details:
        out.put(section_flags.key(image))


def _title(image: Image, section: raw.SectionHeader) -> str:
    """The name and the type."""
    shown = image.shown
    name, kind = image.section_name(section), section_type(image, section.type)
    if shown.details:
        name += "\n      "
    else:
        found = release_2_40.name_of(image, section) if shown.old else name.encode("latin-1")
        name, _ = symbol_name(shown, -17, found)
    return f"{name} {kind:<15} " if shown.wide else f"{name} {kind[:15]:<15} "


def _wide_row(image: Image, row: raw.SectionHeader) -> str:
    flags = "  " if image.shown.details else f" {section_flags.letters(image, row.flags):>3} "
    return (
        f"{row.addr:016x} {row.offset:06x} {row.size:06x} {row.entsize:02x}{flags}"
        f"{row.link:2} {row.info:3} {row.addralign:2}\n"
    )


def _details_row(_: Image, row: raw.SectionHeader) -> str:
    return (
        f" {row.addr:016x}  {row.offset:016x}  {row.link}\n"
        f"       {row.size:016x} {row.entsize:016x}  {row.info:<16}  {row.addralign}\n"
    )


def _row(image: Image, row: raw.SectionHeader) -> str:
    return (
        f" {row.addr:016x}  {row.offset:08x}\n"
        f"       {row.size:016x}  {row.entsize:016x} "
        f"{section_flags.letters(image, row.flags):>3}      "
        f"{row.link:2}   {row.info:3}     {row.addralign}\n"
    )


def _compression(image: Image, section: raw.SectionHeader) -> None:
    data = image.read(section.offset, CHDR, "compression header")
    if data is None:
        return
    kind, size = image.number(data[:4]), image.number(data[8:16])
    name = COMPRESSIONS.get(kind) or f"       [<unknown>: 0x{kind:x}], "
    start = "       " if kind in COMPRESSIONS else ""
    image.out.put(f"{start}{name}{size:016x}, {image.number(data[16:24])}\n")
