"""Symbol tables for link-time optimisation, as GCC writes them: option --lto-syms.

In: an image whose sections have been read. Out: lines, a symbol each.
"""

from __future__ import annotations

from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.text import c_string, symbol_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.elf import raw
    from probee.introspect.readelf.image import Image

TABLE, EXTENSION = b".gnu.lto_.symtab.", b".gnu.lto_.ext_symtab."
KINDS = ("DEF", "WEAKDEF", "UNDEF", "WEAKUNDEF", "COMMON")
VISIBILITIES = ("DEFAULT", "PROTECTED", "INTERNAL", "HIDDEN")
TYPES = ("UNKNOWN", "FUNCTION", "VARIABLE")
FIXED = 14  # bytes of a symbol behind its two strings: kind, visibility, size, slot
NAME_WIDTH, NAME_WIDTH_EXTENDED = 21, 6


class Broken(Exception):
    """The table ends within a symbol."""


class Extension:
    """The table beside a table, two bytes for each symbol. `at` is how far it has been read."""

    __slots__ = ("at", "data", "name")

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = data, name, 1

    def next(self) -> tuple[int, int] | None:
        """A symbol's type and the kind of its section, if there is more."""
        if self.at >= len(self.data) - 1:
            return None
        self.at += 2
        kind, section = (_signed(byte) for byte in self.data[self.at - 2 : self.at])
        return kind, section


def _signed(byte: int) -> int:
    """A signed char as an unsigned int, as readelf takes these."""
    return byte | 0xFFFFFF00 if byte > 127 else byte


def show_lto_symbols(image: Image) -> bool:
    """All tables; whether all was well with them."""
    well = True
    for section in image.rows:
        if (image.name_bytes(section) or b"").startswith(TABLE):
            well &= _show(image, section)
    return well


def _show(image: Image, section: raw.SectionHeader) -> bool:
    put, name = image.out.put, image.section_name(section)
    if not section.size:
        put(f"\nLTO Symbol table '{name}' is empty!\n")
        return True
    if section.size > image.size:
        size = alternate(section.size)
        image.out.error(f"Section {name} has an invalid sh_size of {size}\n")
        return False
    data = image.read(section.offset, 1, "LTO symbols", section.size)
    if data is None:
        return False
    extension = _extension(image, section)
    put("\n")
    if extension is None:
        put(f"LTO Symbol table '{name}' contains:\n")
        put("  Comdat_Key       Kind  Visibility     Size      Slot Name\n")
    else:
        between = " " if image.shown.wide else "\n "
        put(f"LTO Symbol table '{name}'{between}and extension table '{extension.name}' contain:\n")
        put("  Comdat_Key       Kind  Visibility     Size      Slot      Type  Section Name\n")
    try:
        _show_symbols(image, data, extension)
    except Broken:
        image.out.error("Buffer overrun encountered whilst decoding LTO symbol table\n")
        return False
    return True


def _extension(image: Image, section: raw.SectionHeader) -> Extension | None:
    own = image.name_bytes(section) or b""
    # readelf drops a character of the name too, and so finds no table of GCC's
    found = image.find(EXTENSION + own[len(TABLE) + 1 :])
    if found is None:
        return None
    name = image.section_name(found)
    if found.size < 3:
        image.out.error(f"LTO Symbol extension table '{name}' is empty!\n")
        return None
    data = image.read(found.offset, 1, "LTO ext symbol data", found.size)
    if data is None:
        return None
    if data[0] != 1:
        image.out.error("Unexpected version number in symbol extension table\n")
    return Extension(data, name)


def _show_symbols(image: Image, data: bytes, extension: Extension | None) -> None:
    put = image.out.put
    for name, key, kind, visibility, size, slot in _symbols(image, data):
        more = extension.next() if extension else None
        if extension and more is None:
            image.out.error("Ran out of LTO symbol extension data\n")
            extension = None
            put("\n")
            continue
        # Complaints come in the order in which C evaluates the arguments of a call: from the last.
        end = f" {_named(image, TYPES, more[0], 'type'):>9} {more[1]:08x}" if more else ""
        seen = _named(image, VISIBILITIES, visibility, "visibility")
        start = (
            f"  {key.decode('latin-1') or '-':>10} {_named(image, KINDS, kind, 'definition'):>10}"
        )
        width = NAME_WIDTH_EXTENDED if more else NAME_WIDTH
        put(f"{start} {seen:>11} {size:08x}  {slot:08x}{end} _")
        put(f"{symbol_name(image.shown, width, name)[0]}\n")
    if extension is not None and extension.at < len(extension.data):
        image.out.error("Data remains in the LTO symbol extension table\n")
        raise Broken


def _symbols(image: Image, data: bytes) -> Iterator[tuple[bytes, bytes, int, int, int, int]]:
    """Name, key of its group, kind, visibility, size, slot. Raises Broken."""
    at = 0
    while at < len(data):
        name = c_string(data, at)
        at += len(name) + 1
        key = c_string(data, at) if at < len(data) else b""
        at += len(key) + 1
        if at >= len(data) or at + FIXED > len(data):
            raise Broken
        number = image.number
        yield (
            name, key, data[at], data[at + 1],
            number(data[at + 2 : at + 10]), number(data[at + 10 : at + 14]),
        )  # fmt: skip
        at += FIXED


def _named(image: Image, names: tuple[str, ...], number: int, what: str) -> str:
    if number < len(names):
        return names[number]
    image.out.error(f"Unknown LTO symbol {what} encountered: {number}\n")
    return f"<unknown: {number}>"
