"""The functions of a user program or library: a place in its file in, the function out.

In: an open ELF file. Out: `ElfSymbols`. Sections are found by pyelftools, which is there with the
extra `probee[symbols]`; the tables themselves, which may have a hundred thousand rows, are read by
`struct`. Asked in this order: the file's own tables, its debug file (by build id, or by
.gnu_debuglink with a right checksum), and the compressed table of Fedora's .gnu_debugdata.

Files may be damaged or hostile: whatever cannot be read names nothing.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from struct import iter_unpack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

DEBUG_FOLDER = "/usr/lib/debug"
_FUNC, _GNU_IFUNC = 2, 10  # STT_FUNC, STT_GNU_IFUNC: elf.h
_LARGEST = 1 << 30  # bytes of a table that are read
_SYMBOL = {32: ("IIIBBH", (0, 3, 1, 2, 5)), 64: ("IBBHQQ", (0, 1, 4, 5, 3))}


def available() -> bool:
    """Whether pyelftools is installed."""
    try:
        __import__("elftools.elf.elffile")
    except ImportError:
        return False
    return True


class ElfSymbols:
    """Functions of one file, sorted by address. `path`: where it stood, to look for debug files."""

    __slots__ = ("_ends", "_names", "_segments", "_starts", "path")

    def __init__(self, file: BinaryIO, path: str) -> None:
        from elftools.common.exceptions import ELFError

        self.path = path
        self._segments: list[tuple[int, int, int]] = []
        rows: dict[int, tuple[int, bytes]] = {}
        try:
            self._read(file, rows)
        except (ELFError, struct.error, ValueError, KeyError, AttributeError, OSError, EOFError):
            pass  # damaged: what was found until there is good
        starts = sorted(rows)
        self._starts = starts
        self._ends = [start + rows[start][0] for start in starts]
        self._names = [rows[start][1] for start in starts]

    def find(self, offset: int) -> tuple[bytes, int] | None:
        """The function at `offset` bytes into the file, and how far into it that is."""
        for start, end, address in self._segments:
            if start <= offset < end:
                return self._function(offset - start + address)
        return None

    def _function(self, address: int) -> tuple[bytes, int] | None:
        at = bisect_right(self._starts, address) - 1
        if at < 0:
            return None
        start, end = self._starts[at], self._ends[at]
        # Assembly often gives no size: then it reaches up to the next one.
        if start < end <= address:
            return None
        return self._names[at], address - start

    def _read(self, file: BinaryIO, rows: dict[int, tuple[int, bytes]]) -> None:
        from elftools.elf.elffile import ELFFile

        elf = ELFFile(file)
        self._segments += [
            (s["p_offset"], s["p_offset"] + s["p_filesz"], s["p_vaddr"])
            for s in elf.iter_segments("PT_LOAD")
        ]
        _add(elf, rows)
        if elf.get_section_by_name(".symtab") is not None:
            return
        debug = _debug_file(elf, self.path)
        if debug is not None:
            with debug:
                _add(ELFFile(debug), rows)
            return
        small = elf.get_section_by_name(".gnu_debugdata")
        if small is not None and small["sh_size"] <= _LARGEST:
            _add(ELFFile(_unpacked(small.data())), rows)


def _add(elf: Any, rows: dict[int, tuple[int, bytes]]) -> None:
    """Adds address -> (size, name) of the functions in both tables; global names go first."""
    for name in (".symtab", ".dynsym"):
        section = elf.get_section_by_name(name)
        if section is None or section["sh_type"] == "SHT_NOBITS" or not section["sh_size"]:
            continue
        strings = elf.get_section(section["sh_link"])
        if max(section["sh_size"], strings["sh_size"]) > _LARGEST:
            continue
        for value, size, text in _functions(elf, section.data(), strings.data()):
            before = rows.get(value)
            if before is None or (not before[0] and size):
                rows[value] = (size, text)


def _functions(elf: Any, table: bytes, strings: bytes) -> Iterator[tuple[int, int, bytes]]:
    form, places = _SYMBOL[elf.elfclass]
    order = "<" if elf.little_endian else ">"
    row_size = 24 if elf.elfclass == 64 else 16
    usable = table[: len(table) - len(table) % row_size]
    for row in iter_unpack(order + form, usable):
        name, info, value, size, section = (row[place] for place in places)
        if section and info & 15 in (_FUNC, _GNU_IFUNC):  # 0: a symbol of somebody else
            text = strings[name : strings.find(b"\0", name)]
            if text:
                yield value, size, text


def _debug_file(elf: Any, path: str) -> BinaryIO | None:
    """The file with the symbols that were stripped from this one, if it is installed."""
    note = elf.get_section_by_name(".note.gnu.build-id")
    for entry in note.iter_notes() if note is not None else ():
        name = str(entry["n_desc"])
        if entry["n_type"] == "NT_GNU_BUILD_ID" and len(name) > 4:
            found = _open(f"{DEBUG_FOLDER}/.build-id/{name[:2]}/{name[2:]}.debug")
            if found is not None:
                return found
    link = elf.get_section_by_name(".gnu_debuglink")
    if link is None or link["sh_size"] > 4096:
        return None
    data = link.data()
    name = os.fsdecode(data[: data.index(0)])
    (checksum,) = unpack_from("<I" if elf.little_endian else ">I", data, len(data) - 4)
    folder = os.path.dirname(path)
    for place in (f"{folder}/{name}", f"{folder}/.debug/{name}", f"{DEBUG_FOLDER}{folder}/{name}"):
        found = _open(place) if "/" not in name and place != path else None
        if found is not None:
            if _crc(found) == checksum:
                return found
            found.close()
    return None


def _open(path: str) -> BinaryIO | None:
    """A regular file; None for all else, which might never be read to its end."""
    from stat import S_ISREG

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    if not S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return open(fd, "rb")


def _crc(file: BinaryIO) -> int:
    from zlib import crc32

    checksum = 0
    while piece := file.read(1 << 20):
        checksum = crc32(piece, checksum)
    file.seek(0)
    return checksum


def _unpacked(data: bytes) -> BinaryIO:
    from io import BytesIO
    from lzma import LZMADecompressor, LZMAError

    try:
        return BytesIO(LZMADecompressor().decompress(data, _LARGEST))
    except LZMAError as error:
        raise ValueError(str(error)) from None
