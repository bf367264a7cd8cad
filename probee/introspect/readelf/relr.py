"""Relative relocations in a packed form, sections of type RELR: addresses and bit maps.

In: such a section. Out: a line for each entry, and for each place that it relocates.
"""

from __future__ import annotations

from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.text import c_string, symbol_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.elf import raw
    from probee.introspect.readelf.image import Image
    from probee.introspect.readelf.relocations import Symbols

WORD = 8
PLACES = 63  # bits of an entry that is a map
U64 = (1 << 64) - 1
NEAR = 0x100000  # a symbol farther away does not name a place
MAPPING = (b"x", b"d", b"m", b"f", b"p")
NAME_WIDTH, NEAR_NAME_WIDTH = 38, 28


def _entries(image: Image, section: raw.SectionHeader) -> list[int]:
    return _words(image, image.read(section.offset, section.size, "RELR relocation data") or b"")


def _words(image: Image, data: bytes) -> list[int]:
    return [image.number(data[at : at + WORD]) for at in range(0, len(data) & -WORD, WORD)]


def count_relr(image: Image, section: raw.SectionHeader) -> int:
    """How many places it relocates."""
    if section.size < WORD:
        return 0
    return sum((entry >> 1).bit_count() if entry & 1 else 1 for entry in _entries(image, section))


def places(image: Image, data: bytes) -> list[int]:
    """All that a table relocates."""
    found: list[int] = []
    where = 0
    for entry in _words(image, data):
        if entry & 1:
            bits = (bit for bit in range(PLACES) if entry >> (bit + 1) & 1)
            found += [where + bit * WORD & U64 for bit in bits]
            where += PLACES * WORD
        else:
            found.append(entry)
            where = entry + WORD
    return found


def show_relr(image: Image, section: raw.SectionHeader, symbols: Symbols) -> bool:
    """Whether it could be read."""
    if image.shown.old:
        release_2_40.show_relr(image, section.offset, section.size)
        return True
    if section.size < WORD:
        return True
    entries = _entries(image, section)
    if not entries:
        return False
    put = image.out.put
    name_of = _namer(image, symbols)
    put("Index: Entry            Address           Symbolic Address\n")
    where = 0
    for at, entry in enumerate(entries):
        put(f"{at:04}:  {entry:016x} ")
        if not entry & 1:
            put(f"{_place(image, entry, name_of)}\n")
            where = entry + WORD
            continue
        if entry == 1:
            continue  # without an end of line, as readelf has it
        if not at:
            image.out.warn("Unusual RELR bitmap - no previous entry to set the base address\n")
        bits = [bit for bit in range(PLACES) if entry >> (bit + 1) & 1]
        places = (_place(image, where + bit * WORD, name_of) for bit in bits)
        put(f"\n{'':23} ".join(places) + "\n")
        where += PLACES * WORD
    return True


def _place(image: Image, address: int, name_of: Callable[[int], tuple[bytes, int] | None]) -> str:
    address &= U64
    found = name_of(address)
    if found is None:
        return f"{address:016x}  <no sym>"
    name, distance = found
    if not distance:
        return f"{address:016x}  {symbol_name(image.shown, NAME_WIDTH, name)[0]}"
    return f"{address:016x}  {symbol_name(image.shown, NEAR_NAME_WIDTH, name)[0]} + 0x{distance:x}"


def _namer(image: Image, symbols: Symbols) -> Callable[[int], tuple[bytes, int] | None]:
    """A function that names an address: the nearest symbol or section before it, and how far."""
    strings = symbols.strings or b""
    best: dict[int, tuple[bool, bytes]] = {}
    for row in symbols.rows or ():
        if not 0 < row.name < len(strings) or not row.shndx or row.type == uapi.STT_TLS:
            continue
        name = (row.bind == uapi.STB_LOCAL, c_string(strings, row.name))
        if image.machine == uapi.EM_AARCH64 and _is_mapping(name[1]):
            continue
        best[row.value] = min(name, best.get(row.value, name))
    values = sorted(best)

    def name_of(address: int) -> tuple[bytes, int] | None:
        found, distance = None, NEAR
        if at := _count_up_to(values, address):
            value = values[at - 1]
            if address - value < distance:
                found, distance = best[value][1], address - value
        for section in image.rows:
            if section.addr <= address < section.addr + section.size & U64:
                name = image.name_bytes(section)
                if name is not None and address - section.addr < distance:
                    found, distance = name, address - section.addr
                break
        return None if found is None else (found, distance)

    return name_of


def _is_mapping(name: bytes) -> bool:
    """Whether the name is one that marks code or data for AArch64: $x, $d and the like."""
    return name[:1] == b"$" and name[1:2] in MAPPING and name[2:3] in (b"", b".")


def _count_up_to(values: list[int], limit: int) -> int:
    """How many of the sorted values are at most `limit`."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low
