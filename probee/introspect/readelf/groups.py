"""Section groups: option -g. Option -u reads them too, for what it complains of.

In: an image whose sections have been read. Out: lines, a group and its members.
"""

from __future__ import annotations

from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.text import c_string
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

COMDAT, OS_BITS, PROCESSOR_BITS = 1, 0x0FF00000, 0xF0000000
NO_GROUPS = "\nThere are no section groups in this file.\n"
MOST = 10  # complaints of one kind


class Groups:
    """What is kept while the groups are read: symbols and strings of the last one, and which
    section is in which group.
    """

    def __init__(self) -> None:
        self.symbols_of: raw.SectionHeader | None = None
        self.symbols: list[raw.SymbolRow] | None = None
        self.strings_of: raw.SectionHeader | None = None
        self.strings = b""
        self.group_of: dict[int, int] = {}


def show_groups(image: Image) -> bool:
    """False where the section headers are missing."""
    shown, out = image.shown, image.out
    if not shown.unwind and not shown.groups:
        return True
    if not image.shnum:
        if shown.groups:
            out.put(NO_GROUPS)
        return True
    if image.sections is None:
        out.error("Section headers are not available!\n")
        return False
    if not any(section.type == uapi.SHT_GROUP for section in image.rows):
        if shown.groups:
            out.put(NO_GROUPS)
        return True
    groups = Groups()
    for at, section in enumerate(image.rows):
        if section.type == uapi.SHT_GROUP:
            _show_group(image, at, section, groups)
    return True


def _flags(flags: int) -> str:
    if flags in (0, COMDAT):
        return "COMDAT " if flags else ""
    words = (
        ("<OS specific>", OS_BITS),
        ("<PROC specific>", PROCESSOR_BITS),
        ("<unknown>", 0xFFFFFFFF & ~(COMDAT | OS_BITS | PROCESSOR_BITS)),
    )
    return f"[0x{flags:x}: {''.join(word for word, bits in words if flags & bits)}]"


def _signature(image: Image, section: raw.SectionHeader, groups: Groups) -> str | None:
    """The name of the symbol that a group goes by; None after a message."""
    out, name = image.out, image.section_name(section)
    table = image.rows[section.link] if section.link < image.shnum else None
    if table is None or table.type != uapi.SHT_SYMTAB:
        out.error(f"Bad sh_link in group section `{name}'\n")
        return None
    if groups.symbols_of is not table:
        groups.symbols_of, groups.symbols = table, image.symbols(table)
    if groups.symbols is None:
        out.error(f"Corrupt header in group section `{name}'\n")
        return None
    if section.info >= len(groups.symbols):
        out.error(f"Bad sh_info in group section `{name}'\n")
        return None
    symbol = groups.symbols[section.info]
    if symbol.type == uapi.STT_SECTION:
        if not 0 < symbol.shndx < image.shnum:
            out.error(f"Bad sh_info in group section `{name}'\n")
            return None
        groups.strings_of, groups.strings = None, b""
        section = image.rows[symbol.shndx]
        if image.shown.old:
            return release_2_40.name_of(image, section).decode("latin-1")
        return image.section_name(section)
    if table.link >= image.shnum:
        groups.strings_of, groups.strings = None, b""
    elif groups.strings_of is not image.rows[table.link]:
        strings = groups.strings_of = image.rows[table.link]
        groups.strings = image.read(strings.offset, strings.size, "string table") or b""
    if symbol.name >= len(groups.strings):
        return "<corrupt>"
    return c_string(groups.strings, symbol.name).decode("latin-1")


def _show_group(image: Image, at: int, section: raw.SectionHeader, groups: Groups) -> None:
    out = image.out
    signature = _signature(image, section, groups)
    if signature is None:
        return
    name = image.section_name(section)
    if section.entsize > section.size:
        out.error(
            f"Section {name} has sh_entsize ({alternate(section.entsize)}) which is larger than "
            f"its size ({alternate(section.size)})\n"
        )
        return
    data = image.read(section.offset, section.size, "section data")
    if data is None:
        return
    words = [image.number(data[place : place + 4]) for place in range(0, len(data) & ~3, 4)]
    if image.shown.groups:
        out.put(
            f"\n{_flags(words[0])}group section [{at:5}] `{name}' [{signature}] contains "
            f"{len(words) - 1} sections:\n   [Index]    Name\n"
        )
    for member in words[1:]:
        _show_member(image, member, groups, at)


def _show_member(image: Image, member: int, groups: Groups, at: int) -> None:
    out, memory = image.out, image.shown.memory
    if member >= image.shnum:
        memory.overlarge += 1
        if memory.overlarge <= MOST:
            out.error(
                f"section [{member:5}] in group section [{at:5}] > maximum section "
                f"[{image.shnum - 1:5}]\n"
            )
            if memory.overlarge == MOST:
                out.warn(
                    "Further error messages about overlarge group section indices suppressed\n"
                )
        return
    other = groups.group_of.get(member)
    if other is not None and member:
        memory.contained += 1
        if memory.contained <= MOST:
            out.error(
                f"section [{member:5}] in group section [{at:5}] already in group section "
                f"[{other:5}]\n"
            )
            if memory.contained == MOST:
                out.warn(
                    "Further error messages about already contained group sections suppressed\n"
                )
        return
    if other is not None and not memory.section_0_in_group:
        out.error(f"section 0 in group section [{other:5}]\n")
        memory.section_0_in_group = True
    groups.group_of[member] = at
    if image.shown.groups:
        name = image.section_name(image.rows[member])
        out.put(f"   [{member:5}]   {name}\n")
