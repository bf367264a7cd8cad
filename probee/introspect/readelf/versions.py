"""Versions of symbols: behind their names, and the sections that hold them: option -V.

In: an image whose dynamic section has been read. Out: a `Finder` of the versions of symbols; lines.
Objects have no versions, what is linked has.
"""

from __future__ import annotations

from probee.introspect.readelf import dynamic_names as names
from probee.introspect.readelf.segments import offset_of
from probee.introspect.readelf.text import c_string
from probee.introspect.readelf.version_chains import VERDAUX, VERDEF, VERNEED, Definitions, Needs
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

HIDDEN, VERSION, BASE = 0x8000, 0x7FFF, 1
LOCAL_HIDDEN = 0x8001


class Version:
    """`suffix` stands behind a symbol's name in its table, `short` in a relocation; `taken` is how
    much of the column of names it takes.
    """

    __slots__ = ("short", "suffix", "taken")

    def __init__(self, name: bytes, other: int | None, *, hidden: bool) -> None:
        text = name.decode("latin-1")
        if other is not None:
            self.suffix, self.short = f"@{text} ({other})", f"@{text}"
            self.taken = 1 + len(text) + len(f" ({other})")
        else:
            self.suffix = self.short = f"{'@' if hidden else '@@'}{text}"
            self.taken = 1 + len(text) + (not hidden)


class Finder:
    """Finds the versions of the symbols of one table, whose strings are given."""

    def __init__(self, image: Image, strings: bytes) -> None:
        self.image, self.strings = image, strings
        self.definitions: Definitions | None = None
        self.needs: Needs | None = None

    def of(self, at: int, row: raw.SymbolRow) -> Version | None:
        """Of the symbol with that number."""
        image = self.image
        place = offset_of(image, image.dynamic[names.VERSYM], 2 + 2 * at)
        data = image.read(place + 2 * at, 1, "version data", 2)
        if data is None:
            return None
        version = image.number(data)
        if not version:
            return None
        highest = 0
        if row.shndx and version != LOCAL_HIDDEN and image.dynamic.get(names.VERDEF):
            found, highest = self._defined(version, row)
            if found is not None or highest < 0:
                return found
        if not image.dynamic.get(names.VERNEED):
            return None
        return self._needed(version, highest)

    def _text(self, at: int) -> bytes:
        return c_string(self.strings, at) if at < len(self.strings) else b"<corrupt>"

    def _defined(self, version: int, row: raw.SymbolRow) -> tuple[Version | None, int]:
        """A version; without one, the highest number that was seen, for it may be another file's,
        or -1 if there is none to show.
        """
        image = self.image
        start = offset_of(image, image.dynamic[names.VERDEF], VERDEF)
        if self.definitions is None:
            self.definitions = Definitions(image, start)
        chain = self.definitions
        place = chain.find(version & VERSION)
        if place is None:
            return None, chain.highest[-1]
        entry = chain.entries[place]
        if entry.number == 1 and entry.flags == BASE:
            return None, -1
        data = image.read(entry.aux, 1, "version def aux", VERDAUX)
        if data is not None:
            name = image.number(data[:4])
            if name != row.name:
                hidden = bool(version & HIDDEN)
                return Version(self._text(name), None, hidden=hidden), 0
        return None, chain.highest[place]

    def _needed(self, version: int, highest: int) -> Version | None:
        image = self.image
        start = offset_of(image, image.dynamic[names.VERNEED], VERNEED)
        if self.needs is None:
            self.needs = Needs(image, start, "version need aux (3)")
        place = self.needs.find(version)
        if place is not None:
            return Version(self._text(self.needs.entries[place].name), version, hidden=False)
        number = version & VERSION
        if (highest or number != 1) and number > highest:
            return Version(b"<corrupt>", None, hidden=bool(version & HIDDEN))
        return None


def finder(image: Image, strings: bytes | None) -> Finder | None:
    """None where the file has no versions."""
    return Finder(image, strings or b"") if image.dynamic.get(names.VERSYM) else None


def show_versions(image: Image) -> None:
    """The sections of versions."""
    from probee.introspect.readelf.version_sections import (
        show_definitions,
        show_needs,
        show_numbers,
    )

    found = False
    for section in image.rows:
        if section.type == uapi.SHT_GNU_verdef:
            found = True
            show_definitions(image, section)
        elif section.type == uapi.SHT_GNU_verneed:
            found = True
            show_needs(image, section)
        elif section.type == uapi.SHT_GNU_versym:
            found |= show_numbers(image, section)
    if not found:
        image.out.put("\nNo version information found in this file.\n")
