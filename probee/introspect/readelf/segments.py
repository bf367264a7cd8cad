"""The program headers: option -l. Objects have none; what is linked has some.

In: an image whose sections have been read. Out: lines, and where the dynamic section is.
"""

from __future__ import annotations

from probee.elf import raw
from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.image import FREEBSD, GNU, NotShown, alternate
from probee.introspect.readelf.machines import OBJECTS
from probee.introspect.readelf.names import file_type, plural
from probee.introspect.readelf.text import printable
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

MBIND_LO, MBIND_HI = uapi.PT_LOOS + 0x474E555, uapi.PT_LOOS + 0x474E555 + 4095
TYPES = {
    uapi.PT_NULL: "NULL",
    uapi.PT_LOAD: "LOAD",
    uapi.PT_DYNAMIC: "DYNAMIC",
    uapi.PT_INTERP: "INTERP",
    uapi.PT_NOTE: "NOTE",
    uapi.PT_SHLIB: "SHLIB",
    uapi.PT_PHDR: "PHDR",
    uapi.PT_TLS: "TLS",
    8: "NUM",
    uapi.PT_GNU_EH_FRAME: "GNU_EH_FRAME",
    uapi.PT_GNU_STACK: "GNU_STACK",
    uapi.PT_GNU_RELRO: "GNU_RELRO",
    uapi.PT_GNU_PROPERTY: "GNU_PROPERTY",
    uapi.PT_LOOS + 0x474E554: "GNU_SFRAME",
    uapi.PT_LOOS + 0x5A3DBE5: "OPENBSD_MUTABLE",
    uapi.PT_LOOS + 0x5A3DBE6: "OPENBSD_RANDOMIZE",
    uapi.PT_LOOS + 0x5A3DBE7: "OPENBSD_WXNEEDED",
    uapi.PT_LOOS + 0x5A3DBE8: "OPENBSD_NOBTCFI",
    uapi.PT_LOOS + 0x5A3DBE9: "OPENBSD_SYSCALLS",
    uapi.PT_LOOS + 0x5A41BE6: "OPENBSD_BOOTDATA",
}
AARCH64_TYPES = {uapi.PT_LOPROC: "AARCH64_ARCHEXT", uapi.PT_LOPROC + 2: "AARCH64_MEMTAG_MTE"}
# Segments that hold only sections with SHF_ALLOC.
ALLOCATED = (
    uapi.PT_LOAD, uapi.PT_DYNAMIC, uapi.PT_GNU_EH_FRAME, uapi.PT_GNU_STACK, uapi.PT_GNU_RELRO,
    uapi.PT_LOOS + 0x474E554,
)  # fmt: skip
NARROW = (
    "  Type           Offset             VirtAddr           PhysAddr\n"
    "                 FileSiz            MemSiz              Flags  Align\n"
)
WIDE = (
    "  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align\n"
)
U64 = (1 << 64) - 1


def read_segments(image: Image) -> bool:
    """Whether the program headers are there."""
    if image.segments is not None:
        return True
    size, count, out = image.header.phentsize, image.phnum, image.out
    if count * raw.SEGMENT_SIZE >= image.size:
        many = f"Too many program headers - {alternate(count)} - the file is not that big\n"
        out.error(many)
        return False
    if not size or not count:
        return False
    start = "The e_phentsize field in the ELF header is"
    if size < raw.SEGMENT_SIZE:
        out.error(f"{start} less than the size of an ELF program header\n")
        return False
    if size > raw.SEGMENT_SIZE:
        out.warn(f"{start} larger than the size of an ELF program header\n")
    data = image.read(image.header.phoff, count, "program headers", size)
    if data is None:
        return False
    table = raw.segment_headers(data[: count * raw.SEGMENT_SIZE], big_endian=image.big_endian)
    image.segments = table
    return True


def offset_of(image: Image, address: int, size: int) -> int:
    """Where in the file the bytes at an address stand; the address itself after a warning."""
    if not read_segments(image):
        image.out.warn("Cannot interpret virtual addresses without program headers.\n")
        return address
    for row in image.segments or ():
        if row.type != uapi.PT_LOAD:
            continue
        end = (row.vaddr + row.filesz) & U64
        if address >= row.vaddr & -row.align & U64 and (address + size) & U64 <= end:
            return (address - row.vaddr + row.offset) & U64
    image.out.warn(f"Virtual address {alternate(address)} not located in any PT_LOAD segment.\n")
    return address


def show_segments(image: Image) -> None:
    """Shows them if that is wanted, and finds the dynamic section among them."""
    found = Dynamic()
    _show_all(image, found)
    image.dynamic_at, image.dynamic_size = found.at, found.size or 1


class Dynamic:
    """Where the dynamic section is, as far as it is known."""

    __slots__ = ("at", "size")

    def __init__(self) -> None:
        self.at = self.size = 0


def _show_all(image: Image, found: Dynamic) -> None:
    shown, out = image.shown, image.out
    if not image.phnum:
        if image.header.phoff:
            out.warn(
                "possibly corrupt ELF header - it has a non-zero program header offset, "
                "but no program headers\n"
            )
        elif shown.segments:
            out.put("\nThere are no program headers in this file.\n")
        return
    if shown.segments and not shown.header:
        out.put(f"\nElf file type is {file_type(image)}\n")
        out.put(f"Entry point 0x{image.header.entry:x}\n")
        some = plural(image.phnum, "is {} program header", "are {} program headers")
        out.put(f"There {some.format(image.phnum)}, starting at offset {image.header.phoff}\n")
    if not read_segments(image):
        return
    if shown.segments:
        out.put("\nProgram Headers:\n" + (WIDE if shown.wide else NARROW))
    for at, segment in enumerate(image.segments or ()):
        if shown.segments:
            out.put(_row(image, segment))
        _check(image, at, segment, found)
    if shown.segments and image.sections is not None and image.names is not None:
        _mapping(image)


def _type_name(image: Image, number: int) -> str:
    if image.osabi in (GNU, FREEBSD) and MBIND_LO <= number <= MBIND_HI:
        return f"GNU_MBIND+{alternate(number - MBIND_LO)}"
    known = not image.shown.old or number not in release_2_40.SEGMENTS_SINCE
    if known and (name := TYPES.get(number)):
        return name
    if uapi.PT_LOOS <= number <= uapi.PT_HIOS:
        return f"LOOS+{alternate(number - uapi.PT_LOOS)}"
    if image.machine == uapi.EM_AARCH64 and (own := AARCH64_TYPES.get(number)):
        return own
    if image.machine in OBJECTS and uapi.PT_LOPROC <= number <= uapi.PT_HIPROC:
        raise NotShown("the machine's own program headers are not shown here")
    if uapi.PT_LOPROC <= number <= uapi.PT_HIPROC:
        return f"LOPROC+{alternate(number - uapi.PT_LOPROC)}"
    return f"<unknown>: {number:x}"


def _row(image: Image, row: raw.SegmentHeader) -> str:
    name = f"  {_type_name(image, row.type)[:14]:<14} "
    flags = "".join(
        letter if row.flags & bit else " "
        for letter, bit in (("R", uapi.PF_R), ("W", uapi.PF_W), ("E", uapi.PF_X))
    )
    if image.shown.wide:
        return (
            f"{name}0x{row.offset:06x} 0x{row.vaddr:016x} 0x{row.paddr:016x} 0x{row.filesz:06x} "
            f"0x{row.memsz:06x} {flags} {alternate(row.align)}\n"
        )
    return (
        f"{name}0x{row.offset:016x} 0x{row.vaddr:016x} 0x{row.paddr:016x}\n"
        f"                 0x{row.filesz:016x} 0x{row.memsz:016x}  {flags}    0x{row.align:x}\n"
    )


def _check(image: Image, at: int, segment: raw.SegmentHeader, found: Dynamic) -> None:
    out = image.out
    if segment.type == uapi.PT_LOAD and segment.memsz < segment.filesz:
        out.error("the segment's file size is larger than its memory size\n")
    elif segment.type == uapi.PT_PHDR:
        rows = image.segments or []
        if any(row.type == uapi.PT_LOAD for row in rows[:at]):
            out.error("the PHDR segment must occur before any LOAD segment\n")
        # the first is not looked at
        if not any(row.type == uapi.PT_LOAD and _covers(row, segment) for row in rows[1:]):
            out.error("the PHDR segment is not covered by a LOAD segment\n")
    elif segment.type == uapi.PT_DYNAMIC:
        _take_dynamic(image, segment, found)
    elif segment.type == uapi.PT_INTERP:
        _interpreter(image, segment)


def _covers(load: raw.SegmentHeader, what: raw.SegmentHeader) -> bool:
    return (
        load.offset <= what.offset
        and load.offset + load.filesz & U64 >= what.offset + what.filesz & U64
        and load.vaddr <= what.vaddr
        and load.vaddr + load.filesz & U64 >= what.vaddr + what.filesz & U64
    )


def _take_dynamic(image: Image, segment: raw.SegmentHeader, found: Dynamic) -> None:
    out = image.out
    if found.at:
        out.error("more than one dynamic segment\n")
    at, size = segment.offset, segment.filesz
    if image.sections is not None:
        section = image.find(b".dynamic")
        if section is None or not section.size:
            out.error("no .dynamic section in the dynamic segment\n")
            found.at, found.size = at, size
            return
        if section.type == uapi.SHT_NOBITS:
            found.at = found.size = 0
            return
        at, size = section.offset, section.size
        if image.shown.checks and (at, size) != (segment.offset, segment.filesz):
            out.warn("the .dynamic section is not the same as the dynamic segment\n")
    if at > image.size or size > image.size - at:
        out.error("the dynamic segment offset + size exceeds the size of the file\n")
        at = size = 0
    found.at, found.size = at, size


def _interpreter(image: Image, segment: raw.SegmentHeader) -> None:
    at, size = segment.offset, segment.filesz
    if at >= image.size or size > image.size - at or not size:
        image.out.error("Unable to find program interpreter name\n")
        return
    image.interpreter = image.data[at : at + size].split(b"\0", 1)[0]
    if image.shown.segments:
        found = image.interpreter
        name = found.decode("latin-1") if image.shown.old else printable(found)
        image.out.put(f"      [Requesting program interpreter: {name}]\n")


def _mapping(image: Image) -> None:
    out = image.out
    out.put("\n Section to Segment mapping:\n  Segment Sections...\n")
    for at, segment in enumerate(image.segments or ()):
        names = [image.section_name(row) for row in image.rows[1:] if _holds(segment, row)]
        out.put(f"   {at:02}     {''.join(f'{name} ' for name in names)}\n")


def _holds(segment: raw.SegmentHeader, section: raw.SectionHeader) -> bool:
    """Whether readelf says that the section lies in the segment."""
    tls, nobits = bool(section.flags & uapi.SHF_TLS), section.type == uapi.SHT_NOBITS
    if tls:
        if segment.type not in (uapi.PT_TLS, uapi.PT_GNU_RELRO, uapi.PT_LOAD):
            return False
        if nobits and segment.type != uapi.PT_TLS:
            return False
    elif segment.type in (uapi.PT_TLS, uapi.PT_PHDR):
        return False
    allocated = bool(section.flags & uapi.SHF_ALLOC)
    if not allocated and (segment.type in ALLOCATED or MBIND_LO <= segment.type <= MBIND_HI):
        return False
    in_file = nobits or _inside(section.offset, section.size, segment.offset, segment.filesz)
    in_memory = not allocated or _inside(section.addr, section.size, segment.vaddr, segment.memsz)
    if not in_file or not in_memory:
        return False
    if segment.type not in (uapi.PT_DYNAMIC, uapi.PT_NOTE) or section.size or not segment.memsz:
        return True
    # An empty section belongs to these only if it lies truly inside.
    return (nobits or 0 < section.offset - segment.offset < segment.filesz) and (
        not allocated or 0 < section.addr - segment.vaddr < segment.memsz
    )


def _inside(at: int, size: int, start: int, room: int) -> bool:
    distance = at - start
    return distance >= 0 and distance <= (room - 1) & U64 and (distance + size) & U64 <= room
