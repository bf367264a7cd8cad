"""Where readelf 2.40, of Debian 12, says something else than 2.44.

In: what 2.44 is asked. Out: what 2.40 says. Some names that 2.44 makes printable first it prints as
they stand in the file.
"""

from __future__ import annotations

from probee.introspect.readelf.image import RESERVED, SPECIAL_INDEXES
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

MACHINES = {
    57: "Denso NDR1 microprocesspr",
    253: "Synopsys ARCv2.3 64-bit",
    255: "Synopsys ARCv2.3 32-bit",
}
OSABIS_SINCE = (51,)
SEGMENTS_SINCE = (8, uapi.PT_LOOS + 0x5A3DBE5, uapi.PT_LOOS + 0x5A3DBE8, uapi.PT_LOOS + 0x5A3DBE9)
# Of the types of operating systems and tool chains it knew only these.
SECTION_TYPES = {
    0x6FFF4700: "GNU_INCREMENTAL_INPUTS",
    0x6FFFFFF0: "VERSYM",
    uapi.SHT_GNU_ATTRIBUTES: "GNU_ATTRIBUTES",
    uapi.SHT_GNU_HASH: "GNU_HASH",
    uapi.SHT_GNU_LIBLIST: "GNU_LIBLIST",
    0x6FFFFFFC: "VERDEF",
    uapi.SHT_GNU_verdef: "VERDEF",
    uapi.SHT_GNU_verneed: "VERNEED",
    uapi.SHT_GNU_versym: "VERSYM",
}
NOTE = (
    "  Note: This section has relocations against it, but these have NOT been applied to this "
    "dump.\n"
)


def name_of(image: Image, section: raw.SectionHeader) -> bytes:
    """The name of a section as it stands in the file."""
    found = image.name_bytes(section)
    if found is not None:
        return found
    return b"<no-strings>" if image.names is None else b"<corrupt>"


def index_column(image: Image, index: int) -> str:
    """The column Ndx of a symbol."""
    if (name := SPECIAL_INDEXES.get(index)) or (index >= RESERVED):
        return name or image.index_name(index)[0]
    signed = index - (1 << 32) if index >> 31 else index
    if image.shnum and index >= image.shnum:
        return f"bad section index[{signed:3}]"
    return f"{signed:3}"


def symbol_name(image: Image, row: raw.SymbolRow) -> bytes | None:
    """The name of a symbol without one of its own; None where it is the usual one."""
    if row.type != uapi.STT_SECTION or row.name:
        return None
    if image.sections is None or row.shndx >= image.shnum:
        return None
    found = image.name_bytes(image.sections[row.shndx])
    return b"<corrupt>" if found is None else found


def section_in_relocation(image: Image, index: int) -> bytes:
    """The section that a relocation's symbol stands for."""
    if image.sections is not None and index < image.shnum:
        return name_of(image, image.sections[index])
    special = {RESERVED + 0xF1: b"ABS", RESERVED + 0xF2: b"COMMON"}
    if image.machine == uapi.EM_X86_64:
        special[RESERVED + 2] = b"LARGE_COMMON"
    return special.get(index) or f"<section 0x{index:x}>".encode()


def show_relr(image: Image, offset: int, size: int) -> None:
    """Packed relocations: every place on a line of its own."""
    from probee.introspect.readelf.names import plural
    from probee.introspect.readelf.relr import places

    data = image.read(offset, size, "RELR relocation data")
    if data is None:
        return
    found = places(image, data)
    image.out.put(f"  {len(found)} {plural(len(found), 'offset', 'offsets')}\n")
    for place in found:
        image.out.put(f"{place:016x}\n")
