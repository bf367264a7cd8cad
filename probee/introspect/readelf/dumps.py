"""Sections as bytes, as strings, or as what they are: options -x, -p, -R, -j.

In: an image whose sections have been read. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.foreign import multibyte_length
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.shown import AUTO, HEX, RELOCATED, STRING
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

COMPRESSED = (
    " NOTE: This section is compressed, but its contents have NOT been expanded for this dump.\n"
)
RELOCATIONS = (
    " NOTE: This section has relocations against it, but these have NOT been applied to this "
    "dump.\n"
)
LINE = 16
PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256)).decode("latin-1")
NAMED = {chr(byte): PRINTABLE[byte] for byte in range(256)}
TABLE = str.maketrans(NAMED)


def show_dumps(image: Image) -> bool:
    """All dumps that were asked for; whether all was well."""
    shown, out = image.shown, image.out
    if not shown.dump:
        return True
    wanted = dict(shown.dumps)
    for name, way in reversed(shown.named_dumps):
        as_bytes = name.encode("latin-1")
        found = [at for at, row in enumerate(image.rows) if image.is_named(row, as_bytes)]
        for at in found:
            wanted[at] = wanted.get(at, 0) | way
        if not found:
            out.warn(f"Section '{name}' was not dumped because it does not exist\n")
    well = True
    for at, section in enumerate(image.rows):
        if ways := wanted.get(at):
            well &= _show_section(image, at, section, ways)
    for at in sorted(wanted):
        if at >= len(image.rows):
            out.warn(f"Section {at} was not dumped because it does not exist!\n")
            well = False
    return well


def _show_section(image: Image, at: int, section: raw.SectionHeader, ways: int) -> bool:
    well = True
    if ways & AUTO:
        well &= _show_as_it_is(image, at, section)
    if ways & HEX:
        well &= show_bytes(image, section)
    if ways & RELOCATED:
        well &= show_bytes(image, section, relocated=True)
    if ways & STRING:
        well &= show_strings(image, section)
    return well


def _show_as_it_is(image: Image, at: int, section: raw.SectionHeader) -> bool:
    """Option -j: by the section's type."""
    kind, out = section.type, image.out
    if kind == uapi.SHT_PROGBITS:
        return show_bytes(image, section)
    if kind in (uapi.SHT_DYNSYM, uapi.SHT_SYMTAB):
        from probee.introspect.readelf.symbols import show_table

        return show_table(image, section)
    if kind == uapi.SHT_STRTAB:
        return show_strings(image, section)
    if kind in (uapi.SHT_RELA, uapi.SHT_REL, uapi.SHT_RELR):
        from probee.introspect.readelf.relocations import show_section

        return show_section(image, section)
    if kind == uapi.SHT_NOTE:
        from probee.introspect.readelf.notes import show_note_section

        return show_note_section(image, section)
    if kind == uapi.SHT_NULL:
        out.inform(f"Unable to display section {at} - it has a NULL type\n")
        return True
    if kind == uapi.SHT_NOBITS:
        out.inform(f"Unable to display section {at} - it has no contents\n")
        return True
    out.warn(f"Unable to determine how to dump section {at} (type {alternate(kind)})\n")
    return False


def contents(image: Image, section: raw.SectionHeader) -> bytes | None:
    """What stands in a section; None after a line or a message."""
    if not section.size or section.type == uapi.SHT_NOBITS:
        name = image.section_name(section)
        image.out.put(f"Section '{name}' has no data to dump.\n")
        return None
    return image.read(section.offset, section.size, "section contents")


def _prepared(
    image: Image, section: raw.SectionHeader, data: bytes, note: str, *, relocated: bool
) -> bytes | None:
    """The bytes to dump, unpacked or relocated if that is wanted; None after a message.

    `note` is put if there are relocations that are not applied.
    """
    put = image.out.put
    packed = section.flags & uapi.SHF_COMPRESSED
    if image.shown.decompress:
        from probee.introspect.readelf.compressed import decompressed

        unpacked = decompressed(image, section, data)
        if unpacked is None:
            return None
        data = unpacked
    elif not image.shown.old and (packed or (len(data) > 12 and data.startswith(b"ZLIB\0"))):
        put(COMPRESSED)
    if relocated:
        from probee.introspect.readelf.apply import relocate

        return relocate(image, section, data)
    if any(_applies_to(image, row, section) for row in image.rows):
        put(note)
    return data


def _applies_to(image: Image, row: raw.SectionHeader, section: raw.SectionHeader) -> bool:
    """Whether `row` is a section of relocations that change `section`."""
    return (
        row.type in (uapi.SHT_RELA, uapi.SHT_REL)
        and row.info < image.shnum
        and image.rows[row.info] is section
        and row.size > 0
        and row.link < image.shnum
    )


def show_bytes(image: Image, section: raw.SectionHeader, *, relocated: bool = False) -> bool:
    """Options -x and -R."""
    found = contents(image, section)
    if found is None:
        return not section.size or section.type == uapi.SHT_NOBITS
    put = image.out.put
    put(f"\nHex dump of section '{image.section_name(section)}':\n")
    data = _prepared(image, section, found, RELOCATIONS, relocated=relocated)
    if data is None:
        return False
    show_hex(image, data, section.addr)
    put("\n")
    return True


def show_hex(image: Image, data: bytes, address: int) -> None:
    """Lines of 16 bytes."""
    put = image.out.put
    for at in range(0, len(data), LINE):
        line = data[at : at + LINE]
        words = line.hex(" ", -4)
        text = line.decode("latin-1").translate(TABLE)
        put(f"  0x{(address + at) & (1 << 64) - 1:08x} {words:<36}{text}\n")


def show_strings(image: Image, section: raw.SectionHeader) -> bool:
    """Option -p."""
    found = contents(image, section)
    if found is None:
        return not section.size or section.type == uapi.SHT_NOBITS
    put = image.out.put
    put(f"\nString dump of section '{image.section_name(section)}':\n")
    note = release_2_40.NOTE if image.shown.old else RELOCATIONS
    data = _prepared(image, section, found, note, relocated=False)
    if data is None:
        return False
    if not _put_strings(image, data):
        put("  No strings found in this section.")
    put("\n")
    return True


def _put_strings(image: Image, data: bytes) -> bool:
    """A line for each string; whether there were any."""
    put, at, end = image.out.put, 0, len(data)
    found = continuing = False
    while at < end:
        while at < end and not 0x20 <= data[at] < 0x7F:
            at += 1
        if at >= end:
            break
        put("            " if continuing else f"  [{at:6x}]  ")
        at, continuing = _put_string(image, data, at)
        found = True
    return found


def _put_string(image: Image, data: bytes, at: int) -> tuple[int, bool]:
    """One string: where the next may begin, and whether that is the rest of this, on a new line."""
    put, end = image.out.put, len(data)
    while at < end:
        byte = data[at]
        at += 1
        if not byte:
            break
        if byte == 0x0A:
            put("\\n\n")
            return at, at < end and data[at] != 0
        if byte < 0x20 or byte == 0x7F:
            put(f"^{chr((byte + 0x40) & 0xFF)}")
        elif byte > 0x7F:
            put(chr(byte))
            at += multibyte_length(image.shown, data[at - 1 : at + 5]) - 1
        else:
            stop = at
            while stop < end and 0x20 <= data[stop] < 0x7F:
                stop += 1
            put(data[at - 1 : stop].decode("ascii"))
            at = stop
    put("\n")
    return at, False
