"""Relocations that the dynamic section names: options -r -D.

In: an image whose dynamic section has been read. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf import dynamic_names as names, release_2_40
from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.relocations import Symbols, show_table
from probee.introspect.readelf.segments import offset_of
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

# name, tags of the address and of the size
TABLES = (
    ("REL", names.REL, names.RELSZ),
    ("RELA", names.RELA, names.RELASZ),
    ("RELR", names.RELR, names.RELRSZ),
    ("PLT", names.JMPREL, names.PLTRELSZ),
)


def show_dynamic_relocations(image: Image) -> None:
    """One table after the other, or a line that there are none."""
    put, found = image.out.put, False
    for name, address_tag, size_tag in TABLES:
        size, address = image.dynamic.get(size_tag, 0), image.dynamic.get(address_tag, 0)
        if not size:
            continue
        found = True
        signed = size - (1 << 64) if size >> 63 else size
        at = alternate(address)
        put(f"\n'{name}' relocation section at offset {at} contains {signed} bytes:\n")
        place = offset_of(image, address, size)
        if name == "RELR":
            if image.shown.old:  # 2.44 says no more
                release_2_40.show_relr(image, place, size)
            continue
        symbols = Symbols(image.dynamic_symbols, image.dynamic_strings, dynamic=True)
        show_table(image, place, size, symbols, addends=_addends(image, name))
    if not found:
        put("\nThere are no dynamic relocations in this file.\n")


def _addends(image: Image, name: str) -> bool:
    """Whether relocations of that table have addends."""
    if name != "PLT":
        return name == "RELA"
    kind = image.dynamic.get(names.PLTREL, 0)
    if kind in (names.REL, names.RELA):
        return kind == names.RELA
    if image.machine in (uapi.EM_X86_64, uapi.EM_AARCH64, uapi.EM_BPF):
        return image.machine != uapi.EM_BPF
    image.out.warn("Don't know about relocations on this machine architecture\n")
    return False
