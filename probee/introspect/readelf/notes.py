"""Notes: option -n.

In: an image whose sections have been read. Out: lines, a note each.
"""

from __future__ import annotations

from probee.introspect.readelf.apply import relocate
from probee.introspect.readelf.dumps import contents
from probee.introspect.readelf.gnu_notes import gnu_type, show_gnu
from probee.introspect.readelf.image import NotShown, alternate
from probee.introspect.readelf.names import plural
from probee.introspect.readelf.text import c_string, symbol_name
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

HEAD = 12  # name size, description size, type
OPEN, FUNCTION = 0x100, 0x101  # NT_GNU_BUILD_ATTRIBUTE_*
PACKAGE, DLOPEN = (
    0xCAFE1A7E,
    0x407C0C0A,
)  # systemd.io: COREDUMP_PACKAGE_METADATA, ELF_DLOPEN_METADATA
TYPES = {
    1: "NT_VERSION (version)",
    2: "NT_ARCH (architecture)",
    4: "GO BUILDID",
    OPEN: "OPEN",
    FUNCTION: "func",
    PACKAGE: "FDO_PACKAGING_METADATA",
    DLOPEN: "FDO_DLOPEN_METADATA",
}
# Owners whose notes readelf decodes in ways of their own, not known here.
OTHERS = (b"AMDGPU", b"FreeBSD", b"NetBSD", b"PaX", b"OpenBSD", b"QNX", b"SPU/", b"IPF/VMS")


class Note:
    """`owner`: the name without its zero; `name_size` 0 says that there is none."""

    __slots__ = ("data", "name_size", "owner", "type")

    def __init__(self, owner: bytes, name_size: int, kind: int, data: bytes) -> None:
        self.owner, self.name_size, self.type, self.data = owner, name_size, kind, data


def show_notes(image: Image) -> bool:
    """All notes; whether all was well with them."""
    if not image.shown.notes:
        return True
    if image.header.type == uapi.ET_CORE:
        raise NotShown("notes of core files are not shown here")
    found = [section for section in image.rows if section.type == uapi.SHT_NOTE]
    well = True
    for section in found:
        well &= show_note_section(image, section)
    return well if found else _show_segments(image)


def _show_segments(image: Image) -> bool:
    from probee.introspect.readelf.segments import read_segments

    if not read_segments(image):
        return True
    well = True
    for segment in image.segments or ():
        if segment.type != uapi.PT_NOTE:
            continue
        data = image.read(segment.offset, segment.filesz, "notes")
        if data is None:
            well = False
            continue
        where = f"file offset 0x{segment.offset:08x} with length 0x{segment.filesz:08x}:"
        image.out.put(f"\nDisplaying notes found at {where}\n")
        well &= _show_all(image, data, segment.align)
    return well


def show_note_section(image: Image, section: raw.SectionHeader) -> bool:
    """One section; whether all was well with it."""
    if not section.size:
        return False
    data = contents(image, section)
    if data is not None:
        data = relocate(image, section, data)
    if data is None:
        return False
    image.out.put(f"\nDisplaying notes found in: {image.section_name(section)}\n")
    return _show_all(image, data, section.addralign)


def _show_all(image: Image, data: bytes, align: int) -> bool:
    out = image.out
    if align < 4:
        align = 4
    elif align not in (4, 8):
        signed = align - (1 << 64) if align >> 63 else align
        out.warn(f"Corrupt note: alignment {signed}, expecting 4 or 8\n")
        return False
    out.put(f"  {'Owner':<20} {'Data size':<10}\tDescription\n")
    at, well = 0, True
    while at < len(data):
        left = len(data) - at
        if left < HEAD:
            some = plural(left, "byte remains", "bytes remain")
            out.warn(f"Corrupt note: only {left} {some}, not enough for a full note\n")
            break
        name_size, size, kind = (image.number(data[at + 4 * n : at + 4 * n + 4]) for n in range(3))
        start = _up(HEAD + name_size, align)
        end = _up(start + size, align)
        if end > left:
            out.warn(f"note with invalid namesz and/or descsz found at offset {alternate(at)}\n")
            out.warn(
                f" type: {alternate(kind)}, namesize: {alternate(name_size)}, "
                f"descsize: {alternate(size)}, alignment: {align}\n"
            )
            break
        name = data[at + HEAD : at + HEAD + name_size] if name_size else data[at + HEAD :]
        note = Note(c_string(name, 0), name_size, kind, data[at + start : at + start + size])
        well &= _show(image, note)
        at += end
    return well


def _up(number: int, align: int) -> int:
    return (number + align - 1) & -align


def _type(note: Note, *, old: bool) -> str:
    unknown = f"Unknown note type: (0x{note.type:08x})"
    if note.name_size and note.owner.startswith(b"GNU"):
        return gnu_type(note.type) or unknown
    if note.name_size and note.owner.startswith(b"stapsdt"):
        return "NT_STAPSDT (SystemTap probe descriptors)" if note.type == 3 else unknown
    if old and note.type == DLOPEN:
        return unknown
    return TYPES.get(note.type) or unknown


def _show(image: Image, note: Note) -> bool:
    """One note; whether all was well with it."""
    owner, wide, put = note.owner, image.shown.wide, image.out.put
    attribute = not owner or owner[:1] in b"*$!+" or (owner[:2] == b"GA" and owner[2:3] in b"*$!+")
    if attribute and note.type in (OPEN, FUNCTION):
        raise NotShown("build attributes in notes (annobin's) are not shown here")
    for other in OTHERS:
        if owner.startswith(other) and not (image.shown.old and other == b"QNX"):
            raise NotShown(f"notes of {other.decode()} are not shown here")
    name = owner if note.name_size else b"(NONE)"
    column, _ = symbol_name(image.shown, -20, name)
    end = "\t" if wide else "\n"
    put(f"  {column} 0x{len(note.data):08x}\t{_type(note, old=image.shown.old)}{end}")
    if owner.startswith(b"GNU"):
        return show_gnu(image, note)
    if owner.startswith(b"stapsdt"):
        return _show_probe(image, note)
    if owner.startswith(b"CORE"):
        if note.type == 0x46494C45:  # NT_FILE
            raise NotShown("notes of core files are not shown here")
        put("\n" if wide else "")
        return True
    if owner.startswith(b"FDO"):
        what = {PACKAGE: "Packaging", DLOPEN: "Dlopen"}.get(note.type)
        if not note.data or what is None or (image.shown.old and what == "Dlopen"):
            return False
        text = c_string(note.data, 0).decode("latin-1")
        put(f"    {what} Metadata: {text}\n")
        return True
    if note.data:
        put(f"   description data: {''.join(f'{byte:02x} ' for byte in note.data)}")
        put("" if wide else "\n")
    put("\n" if wide else "")
    return True


def _show_probe(image: Image, note: Note) -> bool:
    """A probe of SystemTap: three addresses and three strings."""
    put, data = image.out.put, note.data
    words = data[24:].split(b"\0")
    if len(data) < 24 or len(words) < 4:
        put("  <corrupt - note is too small>\n")
        image.out.error("corrupt stapdt note - the data size is too small\n")
        return False
    place, base, semaphore = (image.number(data[8 * n : 8 * n + 8]) for n in range(3))
    provider, name, arguments = (word.decode("latin-1") for word in words[:3])
    put(f"    Provider: {provider}\n    Name: {name}\n")
    put(f"    Location: 0x{place:016x}, Base: 0x{base:016x}, Semaphore: 0x{semaphore:016x}\n")
    put(f"    Arguments: {arguments}\n")
    return words[3:] == [b""]
