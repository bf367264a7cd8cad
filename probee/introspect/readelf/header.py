"""The file header: option -h.

In: an image of which at most section 0 has been read. Out: lines; and the numbers that do not fit
into a header, taken from section 0.
"""

from __future__ import annotations

from probee.introspect.readelf.machines import OBJECTS, machine_name
from probee.introspect.readelf.names import CLASSES, ENCODINGS, file_type, osabi_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

PN_XNUM, SHN_XINDEX = 0xFFFF, 0xFFFF
# magic bytes of other formats, and what readelf says to them
OTHERS = (
    (b"go o", "This is a GO binary file - try using 'go tool objdump' or 'go tool nm'\n"),
    (b"BC\xc0\xde", "This is a LLVM bitcode file - try using llvm-bcanalyzer\n"),
)


def is_elf(image: Image) -> bool:
    """Whether the file is one; a message if not."""
    start = image.header.ident[:4]
    if start == b"\x7fELF":
        return True
    said = "Not an ELF file - it has the wrong magic bytes at the start\n"
    image.out.error(next((text for magic, text in OTHERS if magic == start), said))
    return False


def show_header(image: Image) -> None:
    """The lines of option -h, if they are wanted. Settles `phnum`, `shnum` and `shstrndx`."""
    if image.shown.header:
        _identity(image)
        _tables(image)
    if not image.sections:
        return
    first = image.sections[0]
    if image.phnum == PN_XNUM and first.info:
        image.segments, image.phnum = None, first.info
    if not image.shnum:
        image.shnum = first.size & 0xFFFFFFFF
    if image.shstrndx == SHN_XINDEX:
        image.shstrndx = first.link
    if image.shstrndx >= image.shnum:
        image.shstrndx = 0


def _line(image: Image, label: str, value: object) -> None:
    image.out.put(f"  {label + ':':<35}{value}\n")


def _identity(image: Image) -> None:
    header = image.header
    ident = header.ident
    version = ident[uapi.EI_VERSION]
    known = " (current)" if version == uapi.EV_CURRENT else " <unknown>" if version else ""
    kind, order = ident[uapi.EI_CLASS], ident[uapi.EI_DATA]
    image.out.put("ELF Header:\n")
    image.out.put(f"  Magic:   {''.join(f'{byte:02x} ' for byte in ident)}\n")
    _line(image, "Class", CLASSES.get(kind) or f"<unknown: {kind:x}>")
    _line(image, "Data", ENCODINGS.get(order) or f"<unknown: {order:x}>")
    _line(image, "Version", f"{version}{known}")
    _line(image, "OS/ABI", osabi_name(image.osabi, old=image.shown.old))
    _line(image, "ABI Version", ident[8])
    _line(image, "Type", file_type(image))
    _line(image, "Machine", machine_name(image.machine, old=image.shown.old))
    _line(image, "Version", f"0x{header.version:x}")
    _line(image, "Entry point address", f"0x{header.entry:x}")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _flags(image: Image) -> str:
    if image.machine == uapi.EM_BPF and image.header.flags and not image.shown.old:
        return f", CPU Version: {image.header.flags & 15}"
    if image.machine in OBJECTS:
        from probee.introspect.readelf.others import flag_words

        return flag_words(image.machine, image.header.flags)
    return ""


def _tables(image: Image) -> None:
    header = image.header
    first = image.sections[0] if image.sections else None
    _line(image, "Start of program headers", f"{_signed(header.phoff)} (bytes into file)")
    _line(image, "Start of section headers", f"{_signed(header.shoff)} (bytes into file)")
    _line(image, "Flags", f"0x{header.flags:x}{_flags(image)}")
    _line(image, "Size of this header", f"{header.ehsize} (bytes)")
    _line(image, "Size of program headers", f"{header.phentsize} (bytes)")
    more = f" ({first.info})" if first and image.phnum == PN_XNUM and first.info else ""
    _line(image, "Number of program headers", f"{image.phnum}{more}")
    _line(image, "Size of section headers", f"{header.shentsize} (bytes)")
    count, more = image.shnum, ""
    if first and not image.shnum:
        image.shnum = first.size & 0xFFFFFFFF
        more = f" ({image.shnum})"
    _line(image, "Number of section headers", f"{count}{more}")
    index, more = image.shstrndx, ""
    if first and image.shstrndx == SHN_XINDEX:
        image.shstrndx = first.link
        more = f" ({image.shstrndx})"
    if image.shstrndx and image.shstrndx >= image.shnum:
        image.shstrndx = 0
        more += " <corrupt: out of range>"
    _line(image, "Section header string table index", f"{index}{more}")
