"""Sections that are compressed: option -z.

In: a section's bytes. Out: what is packed in them. zlib is Python's; zstd is not in its library
before 3.14, and is refused.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

CHDR = 24  # Elf64_Chdr
ZLIB, ZSTD = 1, 2
OLD = 12  # "ZLIB" and the size in big endian, as sections named .zdebug_* begin
MOST = 10  # times the file: more is taken for damage
DENSEST = 1032  # times what is packed: no stream of zlib has more in it


def decompressed(image: Image, section: raw.SectionHeader, data: bytes) -> bytes | None:
    """The same bytes if they are not compressed; None after a message."""
    name = image.section_name(section)
    if section.flags & uapi.SHF_COMPRESSED:
        if len(data) < CHDR:
            image.out.error("Compressed section is too small even for a compression header\n")
            return None
        kind, size = image.number(data[:4]), image.number(data[8:16])
        if kind == ZSTD:
            raise NotShown(f"section '{name}' is packed with zstd, which is not unpacked here")
        if kind != ZLIB:
            kind = kind - (1 << 32) if kind >> 31 else kind
            image.out.warn(f"section '{name}' has unsupported compress type: {kind}\n")
            return None
        packed = data[CHDR:]
    elif len(data) > OLD and data.startswith(b"ZLIB\0"):
        size, packed = int.from_bytes(data[4:OLD], "big"), data[OLD:]
    else:
        return data
    if not size:
        return data
    if size > image.size * MOST:
        if not image.shown.old:
            image.out.error(f"Uncompressed section size is suspiciously large: 0x{size}\n")
        elif size <= len(packed) * DENSEST + CHDR:  # 2.40 tried
            raise NotShown(f"section '{name}' is too large to be unpacked here")
    else:
        unpacked = _inflate(packed, size)
        if unpacked is not None:
            return unpacked
    image.out.error(f"Unable to decompress section {name}\n")
    return None


def _inflate(packed: bytes, size: int) -> bytes | None:
    """One or more zlib streams that make `size` bytes together."""
    import zlib

    out = b""
    while packed:
        stream = zlib.decompressobj()
        try:
            out += stream.decompress(packed, max(size - len(out), 1))
        except zlib.error:
            return None
        if not stream.eof or len(out) > size:
            return None
        packed = stream.unused_data
    return out if len(out) == size else None
