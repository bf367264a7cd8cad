"""Which kernel this is, for keys of what is remembered about it.

In: uname and /sys/kernel/notes. Out: a text that differs between any two kernel builds, and a short
form of it that can stand in a file name. The build id, where there is one, is the linker's checksum
of the whole kernel; the version holds the time of the build where there is none.
"""

from __future__ import annotations

from binascii import crc32
from os import uname
from sys import byteorder

_NT_GNU_BUILD_ID = 3


def build_id(notes: bytes) -> str:
    """The GNU build id in ELF notes, in hexadecimal, or "" where there is none.

    Each note: name length, data length, type, three words of 4 bytes, then the name and the data,
    each filled up to 4 bytes (elf(5)).
    """
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = (
            int.from_bytes(notes[at + i : at + i + 4], byteorder) for i in (0, 4, 8)
        )
        start = at + 12 + (name_size + 3 & ~3)
        if kind == _NT_GNU_BUILD_ID and notes[at + 12 : at + 16] == b"GNU\0" and name_size == 4:
            data = notes[start : start + size]
            return data.hex() if len(data) == size else ""
        at = start + (size + 3 & ~3)
    return ""


def kernel_identity() -> str:
    """Release, version, machine and build id, joined by spaces."""
    about = uname()
    return f"{about.release} {about.version} {about.machine} {_build_id()}"


def kernel_tag() -> str:
    """8 hexadecimal digits of the identity, for names of files."""
    return f"{crc32(kernel_identity().encode()):08x}"


def _build_id() -> str:
    try:
        with open("/sys/kernel/notes", "rb", buffering=0) as file:
            return build_id(file.read(65536) or b"")
    except OSError:
        return ""
