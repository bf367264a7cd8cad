"""Programs and libraries of user space: whether a file has a symbol, or a USDT marker.

In: a path as a section name has it (`/proc/self/exe`, `libc.so.6`, `bash`), and what to look for.
Out: an `Asked`. Names without a slash are looked for where libbpf looks: those with `.so` in the
folders of libraries, others in PATH.
"""

from __future__ import annotations

import os
from struct import unpack_from

from probee.elf import raw
from probee.elf.read import ElfFile
from probee.errors import FormatError
from probee.introspect.inspect.facts import YES, Asked
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = ("/usr/lib64", "/usr/lib", "/lib64", "/lib")
_LARGEST = 1 << 30
_CODE = (uapi.STT_FUNC, 10)  # 10: STT_GNU_IFUNC, chosen when the program starts
_MARKER = 3  # NT_STAPSDT


def has_symbol(path: str, symbol: str, machine: str) -> Asked:
    """Whether the file has a function of that name. `symbol` may be `name+0x10`, or a number."""
    name, _, offset = symbol.partition("+")
    if not (offset or "0").removeprefix("0x").isalnum():
        return Asked("no", f"{offset!r} is no offset")
    file, why = _open(path, machine)
    if file is None:
        return why
    if name.isdigit() or name.startswith("0x"):
        return YES
    wanted = name.encode("utf-8", "surrogateescape")
    plain = name.partition("@")[0].encode("utf-8", "surrogateescape")
    globs = "*" in name or "?" in name
    for found in _functions(file):
        if found in (wanted, plain) or (globs and _matches(found, name)):
            return YES
    return Asked("no", f"{_place(path, machine)} has no function {name}")


def has_marker(path: str, provider: str, name: str, machine: str) -> Asked:
    """Whether the file has the USDT marker `provider:name`."""
    file, why = _open(path, machine)
    if file is None:
        return why
    section = file.section(".note.stapsdt")
    wanted = [part.encode("utf-8", "surrogateescape") for part in (provider, name)]
    for note in _notes(section.data.tobytes()) if section is not None else ():
        if note[24:].split(b"\0")[:2] == wanted:
            return YES
    return Asked("no", f"{_place(path, machine)} has no marker {provider}:{name}")


def _matches(name: bytes, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name.decode("utf-8", "surrogateescape"), pattern)


def _place(path: str, machine: str) -> str:
    """Where the file stands, or the path as it was said."""
    if "/" in path:
        return path
    if ".so" in path:
        folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        folders += [*_LIBRARIES, f"/usr/lib/{machine}-linux-gnu", f"/lib/{machine}-linux-gnu"]
    else:
        folders = [*os.environ.get("PATH", "").split(":"), "/usr/bin", "/usr/sbin"]
    places = (f"{folder}/{path}" for folder in folders if folder)
    return next((place for place in places if os.path.exists(place)), path)


def _open(path: str, machine: str) -> tuple[ElfFile | None, Asked]:
    from stat import S_ISREG

    place = _place(path, machine)
    try:
        # An object may name a device, which opening alone would set to work: look first.
        fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None, Asked("no", f"there is no file {place}")
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None, Asked("no", f"{place} is no program and no library")
        with open(f"/proc/self/fd/{fd}", "rb") as file:
            data = file.read()
    except OSError:
        return None, Asked("unknown", f"{place} may not be read")
    finally:
        os.close(fd)
    try:
        return ElfFile(data), YES
    except FormatError as error:
        return None, Asked("no", f"{place}: {error.message}")


def _functions(file: ElfFile) -> Iterator[bytes]:
    """The names of the functions that the file defines, versions cut off."""
    for section in file.sections:
        if section.type not in (uapi.SHT_SYMTAB, uapi.SHT_DYNSYM):
            continue
        if not 0 < section.link < len(file.sections) or len(section.data) % raw.SYMBOL_SIZE:
            continue
        strings = file.sections[section.link].data.tobytes()
        for row in raw.symbols(section.data, big_endian=file.big_endian):
            if row.shndx and row.info & 15 in _CODE and row.name < len(strings):
                yield strings[row.name : strings.find(b"\0", row.name)].partition(b"@")[0]


def _notes(data: bytes) -> Iterator[bytes]:
    """The contents of the notes of a `.note.stapsdt`."""
    at = 0
    while at + 12 <= len(data):
        name, size, type_ = unpack_from("=3I", data, at)
        start = at + 12 + (name + 3 & ~3)
        if type_ == _MARKER:
            yield data[start : start + size]
        at = start + (size + 3 & ~3)
