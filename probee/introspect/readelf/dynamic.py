"""The dynamic section: option -d. Objects have none; what is linked has one.

In: an image whose program headers have been read. Out: lines; what the section says of other
tables, for relocations, symbols and versions.
"""

from __future__ import annotations

from probee.elf import raw
from probee.introspect.readelf import dynamic_names as names
from probee.introspect.readelf.image import NotShown, alternate
from probee.introspect.readelf.machines import OBJECTS
from probee.introspect.readelf.names import plural
from probee.introspect.readelf.segments import offset_of, read_segments
from probee.introspect.readelf.text import c_string
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

ENTRY = 16
NAME_WIDTH = 19
U64 = (1 << 64) - 1


def read_dynamic(image: Image) -> bool:
    """Whether the section's rows of a tag and a value are there."""
    if image.dynamic_rows is not None:
        return True
    data = image.read(image.dynamic_at, image.dynamic_size, "dynamic section")
    if data is None:
        return False
    rows: list[tuple[int, int]] = []
    for at in range(0, len(data) - ENTRY + 1, ENTRY):
        rows.append((image.number(data[at : at + 8]), image.number(data[at + 8 : at + ENTRY])))
        if not rows[-1][0]:
            break
    image.dynamic_rows = rows
    return True


def is_pie(image: Image) -> bool:
    """Whether a shared object says that it is an executable."""
    if not image.dynamic_size:
        _locate(image)
    if image.dynamic_size <= 1 or not read_dynamic(image):
        return False
    flags = next((value for tag, value in image.dynamic_rows or () if tag == names.FLAGS_1), 0)
    return bool(flags & names.PIE)


def _locate(image: Image) -> None:
    """Finds the section before the program headers are shown."""
    at = size = 0
    if image.phnum and read_segments(image):
        kinds = (row for row in image.segments or () if row.type == uapi.PT_DYNAMIC)
        if (segment := next(kinds, None)) is not None:
            at, size = segment.offset, segment.filesz
            section = image.find(b".dynamic")
            if section is not None:
                empty = not section.size or section.type == uapi.SHT_NOBITS
                at, size = (0, 0) if empty else (section.offset, section.size)
            if at > image.size or size > image.size - at:
                at = size = 0
    image.dynamic_at, image.dynamic_size = at, size or 1


def show_dynamic(image: Image) -> bool:
    """Whether all was well with it. Shown if that is wanted; read in any case."""
    if image.dynamic_size <= 1:
        if image.shown.dynamic:
            image.out.put("\nThere is no dynamic section in this file.\n")
        return True
    if image.machine in OBJECTS:
        raise NotShown("the machine's own dynamic section is not shown here")
    if not read_dynamic(image) or not _find_symbols(image):
        return False
    _find_strings(image)
    _find_more(image)
    _show(image)
    return True


def _find_symbols(image: Image) -> bool:
    """The symbol table as the section tells of it, where no section header does."""
    from probee.introspect.readelf.hashes import count_symbols

    if image.dynamic_symbols is not None and not image.shown.histogram:
        return True
    for tag, value in image.dynamic_rows or ():
        if tag in (names.SYMTAB, names.SYMENT, names.HASH, names.GNU_HASH):
            image.dynamic[tag] = value
    count = count_symbols(image)
    start, size = image.dynamic.get(names.SYMTAB, 0), image.dynamic.get(names.SYMENT, 0)
    if not count or image.dynamic_symbols is not None or not start or not size:
        return True
    if not read_segments(image):
        message = "Cannot interpret virtual addresses without program headers.\n"
        image.out.error(message)
        return False
    for segment in image.segments or ():
        if segment.type != uapi.PT_LOAD:
            continue
        if (segment.offset + segment.filesz) & U64 > image.size:
            image.out.error("Invalid PT_LOAD entry\n")
            return False
        end = (segment.vaddr + segment.filesz) & U64
        if segment.vaddr & -segment.align & U64 <= start < end:
            at = (start - segment.vaddr + segment.offset) & U64
            return _read_symbols(image, at, count, size)
    return True


def _read_symbols(image: Image, at: int, count: int, size: int) -> bool:
    nameless = len(image.names or b"")
    table = raw.SectionHeader(
        nameless, uapi.SHT_DYNSYM, 0, 0, at, count * size & U64, 0, 0, 0, size
    )
    other = image.dynsym_section
    place = table.offset, table.size, table.entsize
    there = place if other is None else (other.offset, other.size, other.entsize)
    if image.shown.checks and there != place:
        image.out.warn("the .dynsym section doesn't match the DT_SYMTAB and DT_SYMENT tags\n")
    rows = image.symbols(table)
    image.dynamic_symbols = rows
    if rows is None or len(rows) != count:
        image.out.error("Corrupt DT_SYMTAB dynamic entry\n")
        return False
    return True


def _find_strings(image: Image) -> None:
    if image.dynamic_strings is not None:
        return
    for tag, value in image.dynamic_rows or ():
        if tag in (names.STRTAB, names.STRSZ):
            image.dynamic[tag] = value
        start, size = image.dynamic.get(names.STRTAB, 0), image.dynamic.get(names.STRSZ, 0)
        if not start or not size:
            continue
        at = offset_of(image, start, size)
        other = image.dynstr_section
        if image.shown.checks and other is not None and (other.offset, other.size) != (at, size):
            image.out.warn("the .dynstr section doesn't match the DT_STRTAB and DT_STRSZ tags\n")
        image.dynamic_strings = image.read(at, size, "dynamic string table")
        if image.dynamic_strings is None:
            image.out.error("Corrupt DT_STRTAB dynamic entry\n")
        return


def _find_more(image: Image) -> None:
    """Solaris' information on symbols, which is refused."""
    at = size = 0
    for tag, value in image.dynamic_rows or ():
        if tag == names.SYMINENT and value != 4:
            low = value & 0xFFFFFFFF
            signed = low - (1 << 32) if low >> 31 else low
            image.out.error(f"Bad value ({signed}) for SYMINENT entry\n")
        elif tag == names.SYMINSZ:
            size = value
        elif tag == names.SYMINFO:
            at = offset_of(image, value, size)
    if at and size:
        raise NotShown("information on symbols (DT_SYMINFO) is not shown here")


def _show(image: Image) -> None:
    shown, put, rows = image.shown.dynamic, image.out.put, image.dynamic_rows or []
    if shown and image.dynamic_at:
        some = plural(len(rows), "entry", "entries")
        at = alternate(image.dynamic_at)
        put(f"\nDynamic section at offset {at} contains {len(rows)} {some}:\n")
    if shown:
        put("  Tag        Type                         Name/Value\n")
    for tag, value in rows:
        _, way = names.TAGS.get(tag, ("", names.HEX))
        if way in (names.ADDRESS, names.BYTES_KEPT, "tag") or tag in names.KEPT:
            image.dynamic[tag] = value
        if shown:
            name = names.tag_name(image.machine, tag, old=image.shown.old)
            room = NAME_WIDTH - len(name)
            put(f" 0x{tag:016x} ({name}){' ' * max(abs(room), 1)}{_value(image, tag, value, way)}")


def _name(image: Image, at: int) -> str | None:
    strings = image.dynamic_strings
    if strings is None or at >= len(strings):
        return None
    return c_string(strings, at).decode("latin-1")


def _value(image: Image, tag: int, value: int, way: str) -> str:
    """What stands behind the tag, to the end of the line."""
    if way in (names.BYTES, names.BYTES_KEPT):
        return f"{value} (bytes)\n"
    if way == names.COUNT:
        return f"{value}\n"
    if way == "flags":
        return f"{names.flag_names(tag, value)}\n"
    if way == "tag":
        return f"{names.tag_name(image.machine, value, old=image.shown.old)}\n"
    if way == "time":
        return _time(value)
    if tag == names.BIND_NOW:
        return "\n"
    if image.machine == uapi.EM_AARCH64 and tag in names.VALUELESS:
        return "\n"
    name = _name(image, value)
    if tag in names.NAMED and name is not None:
        text = names.NAMED[tag].format(name)
        loader = tag == 1 and image.interpreter is not None
        if loader and name.encode("latin-1") == image.interpreter:
            text += " program interpreter"
        return f"{text}\n"
    if tag == names.USED and name:
        return f"Not needed object: [{name}]\n"
    if way not in (names.ADDRESS, names.HEX):  # what kind of library
        return f"{way}: [{name}]\n" if name is not None else f"{way}: 0x{value:x}\n"
    return f"0x{value:x}\n"


def _time(value: int) -> str:
    """Seconds since 1970; without an end of line, as readelf has it, where they are too many."""
    import time

    try:
        found = time.gmtime(value - (1 << 64) if value >> 63 else value)
    except (OverflowError, OSError, ValueError):
        return f"<corrupt time val: {value:x}"
    year, month, day, hour, minute, second, *_ = found
    return f"{year & 0xFFFFFFFF:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}\n"
