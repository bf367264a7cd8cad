"""Sections of symbol versions: what is defined, what is needed, the number of each symbol.

In: such a section. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf import dynamic_names as names
from probee.introspect.readelf.names import plural
from probee.introspect.readelf.segments import offset_of
from probee.introspect.readelf.text import c_string
from probee.introspect.readelf.version_chains import (
    VERDAUX,
    VERDEF,
    VERNAUX,
    VERNEED,
    VERSION,
    Definitions,
    Needs,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from probee.elf import raw
    from probee.introspect.readelf.image import Image

    class Show(Protocol):
        """Shows one entry; as `_show_definition`."""

        def __call__(self, image: Image, data: bytes, at: int, *, last: bool) -> int | None:
            """How far the next one is; see there."""


HIDDEN, LOCAL_HIDDEN = 0x8000, 0x8001
FLAGS = ((1, "BASE"), (2, "WEAK"), (4, "INFO"))
COLUMN, NAME = 18, 12
INVALID = b"*invalid*"


def _place(number: int) -> str:
    """C's %#06x."""
    return f"{number:#06x}" if number else "000000"


def _flags(flags: int) -> str:
    if not flags:
        return "none"
    words = [word for bit, word in FLAGS if flags & bit]
    return " | ".join([*words, "<unknown>"] if flags & ~7 else words)


def _head(image: Image, section: raw.SectionHeader, what: str, count: int, link: str) -> None:
    some = plural(count, "entry", "entries")
    name = image.section_name(section)
    image.out.put(f"\nVersion {what} section '{name}' contains {count} {some}:\n")
    image.out.put(
        f" Addr: 0x{section.addr:016x}  Offset: 0x{section.offset:08x}  "
        f"Link: {section.link} ({link})\n"
    )


def _link(image: Image, section: raw.SectionHeader) -> str:
    if image.shown.old and section.link >= image.shnum:
        return "<corrupt>"
    if image.shown.old:
        return image.section_name(image.rows[section.link])
    return image.index_name(section.link)[0]


def _dynamic_name(image: Image, at: int) -> str | None:
    strings = image.dynamic_strings
    if strings is None or at >= len(strings):
        return None
    return c_string(strings, at).decode("latin-1")


def _chained(image: Image, data: bytes, count: int, size: int, show: Show) -> bool:
    """Shows `count` entries, each telling where the next is; False where some are not there."""
    at = 0
    for number in range(count):
        if at + size > len(data):
            return False
        step = show(image, data, at, last=number == count - 1)
        if step is None:
            return False
        if step < 0:
            return True
        at += step
    return True


def show_definitions(image: Image, section: raw.SectionHeader) -> None:
    """Versions that the file defines."""
    _head(image, section, "definition", section.info, _link(image, section))
    data = image.read(section.offset, section.size, "version definition section")
    if data is None:
        return
    if not _chained(image, data, section.info, VERDEF, _show_definition):
        image.out.put("  Version definition past end of section\n")


def _show_definition(image: Image, data: bytes, at: int, *, last: bool) -> int | None:
    """How far the next is; None where the section ends before it; -1 where nothing more is said."""
    number, put = image.number, image.out.put
    revision, flags, index, names_ = (number(data[at + n : at + n + 2]) for n in (0, 2, 4, 6))
    aux, following = number(data[at + 12 : at + 16]), number(data[at + 16 : at + 20])
    put(f"  {_place(at)}: Rev: {revision}  Flags: {_flags(flags)}")
    put(f"  Index: {index}  Cnt: {names_}  ")
    if aux > len(data) - at or at + aux + VERDAUX > len(data):
        return None
    place = at + aux
    name, step = number(data[place : place + 4]), number(data[place + 4 : place + 8])
    text = _dynamic_name(image, name)
    put(f"Name: {text}\n" if text is not None else f"Name index: {name}\n")
    parent = 1
    while parent < names_:
        if step < VERDAUX and not (parent == names_ - 1 and not step):
            image.out.warn(f"Invalid vda_next field of {step:x}\n")
            parent = names_
            break
        if step > len(data) - place or place + step + VERDAUX > len(data):
            break
        place += step
        name, step = number(data[place : place + 4]), number(data[place + 4 : place + 8])
        text = _dynamic_name(image, name)
        what = f"{parent}: {text}" if text is not None else f"{parent}, name index: {name}"
        put(f"  {_place(place)}: Parent {what}\n")
        parent += 1
    if parent < names_:
        put("  Version def aux past end of section\n")
    if following < VERDEF and not (last and not following):
        image.out.warn(f"Invalid vd_next field of {following:x}\n")
        return -1
    return None if following > len(data) - at else following


def show_needs(image: Image, section: raw.SectionHeader) -> None:
    """Versions of other files that the file needs."""
    _head(image, section, "needs", section.info, _link(image, section))
    data = image.read(section.offset, section.size, "Version Needs section")
    if data is None:
        return
    if not _chained(image, data, section.info, VERNEED, _show_need):
        image.out.warn("Missing Version Needs information\n")


def _show_need(image: Image, data: bytes, at: int, *, last: bool) -> int | None:
    """As `_show_definition`."""
    number, put = image.number, image.out.put
    version, count = number(data[at : at + 2]), number(data[at + 2 : at + 4])
    file, aux, following = (number(data[at + n : at + n + 4]) for n in (4, 8, 12))
    text = _dynamic_name(image, file)
    name = text if text is not None else f"{file:x}"
    put(f"  {_place(at)}: Version: {version}  File: {name}  Cnt: {count}\n")
    if aux > len(data) - at:
        return None
    place, done = at + aux, 0
    while done < count and place + VERNAUX <= len(data):
        flags, other = number(data[place + 4 : place + 6]), number(data[place + 6 : place + 8])
        index, step = number(data[place + 8 : place + 12]), number(data[place + 12 : place + 16])
        text = _dynamic_name(image, index)
        name = f"Name: {text}" if text is not None else f"Name index: {index:x}"
        put(f"  {_place(place)}:   {name}  Flags: {_flags(flags)}  Version: {other}\n")
        if step < VERNAUX and not (done == count - 1 and not step):
            image.out.warn(f"Invalid vna_next field of {step:x}\n")
            done = count
            break
        if step > len(data) - place:
            break
        place += step
        done += 1
    if done < count:
        image.out.warn("Missing Version Needs auxiliary information\n")
    if following < VERNEED and not (last and not following):
        image.out.warn(f"Invalid vn_next field of {following:x}\n")
        return -1
    return None if following > len(data) - at else following


def show_numbers(image: Image, section: raw.SectionHeader) -> bool:
    """The version of each symbol, four in a line; whether this is such a section at all."""
    if section.link >= image.shnum or image.rows[section.link].link >= image.shnum:
        return False
    table = image.rows[section.link]
    symbols = image.symbols(table)
    if symbols is None:
        return True
    strings_of = image.rows[table.link]
    strings = image.read(strings_of.offset, strings_of.size, "version string table")
    if strings is None:
        return True
    total = section.size // 2
    _head(image, section, "symbols", total, image.section_name(table))
    at = offset_of(image, image.dynamic.get(names.VERSYM, 0), total * 2)
    data = image.read(at, total, "version symbol data", 2)
    if data is None:
        return True
    numbers = Numbers(image, strings, len(symbols))
    for start in range(0, total, 4):
        image.out.put(f"  {start:03x}:")
        for place in range(start, min(start + 4, total)):
            image.out.put(numbers.column(place, image.number(data[2 * place : 2 * place + 2])))
        image.out.put("\n")
    return True


class Numbers:
    """Names numbers of versions. `count` is how many symbols there are."""

    def __init__(self, image: Image, strings: bytes, count: int) -> None:
        self.image, self.strings, self.count = image, strings, count
        self.definitions: Definitions | None = None
        self.needs: Needs | None = None

    def column(self, place: int, version: int) -> str:
        """A number and its name."""
        if version < 2:
            return "   1 (*global*)   " if version else "   0 (*local*)    "
        start = f"{version & VERSION:4x}{'h' if version & HIDDEN else ' '}"
        if place >= self.count:
            self.image.out.put(start)
            self.image.out.warn("invalid index into symbol array\n")
            return ""
        name, ended = self._name(version)
        if ended:
            return start
        if name is not None:
            room = NAME - len(name)
            start += f"({name.decode('latin-1')}{')':<{max(abs(room), 1)}}"
        return f"{start:<{COLUMN}}"

    def _text(self, at: int) -> bytes:
        return INVALID if at >= len(self.strings) else c_string(self.strings, at)

    def _name(self, version: int) -> tuple[bytes | None, bool]:
        """The name, and whether the line goes on without one for want of bytes."""
        image, name = self.image, None
        if image.dynamic.get(names.VERNEED):
            at = offset_of(image, image.dynamic[names.VERNEED], VERNEED)
            if self.needs is None:
                self.needs = Needs(image, at, "version need aux (2)")
            place = self.needs.find(version)
            if place is not None:
                name = self._text(self.needs.entries[place].name)
        if version == LOCAL_HIDDEN or not image.dynamic.get(names.VERDEF):
            return name, False
        at = offset_of(image, image.dynamic[names.VERDEF], VERDEF)
        if self.definitions is None:
            self.definitions = Definitions(image, at)
        place = self.definitions.find(version & VERSION)
        if place is None:
            return name, False
        data = image.read(self.definitions.entries[place].aux, 1, "version def aux", VERDAUX)
        if data is None:
            return None, True
        text = self._text(image.number(data[:4]))
        if text != INVALID and name is not None and name != INVALID:
            text = b"*both*"
        return text, False
