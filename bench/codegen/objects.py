"""C, compiled by clang, as a `CollectionSpec`: what the loader takes from probee's compiler.

In: a C file of `pairs`, the maps that its Python twin declares. Out: the same maps with clang's
instructions. So both are loaded, run and looked at by the same code. ELF64 little-endian, as
`clang -target bpf` writes it; symbols and relocations by include/uapi/linux/elf.h.
"""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from probee.spec.programs import Attach, CollectionSpec, MapSpec, ProgramSpec, Reloc
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FLAGS = ("-O2", "-g", "-Wall", "-Werror", "-target", "bpf")
SHT_SYMTAB, SHT_REL = 2, 9
CODE_SECTION = "raw_tp/probee_codegen"
LOST = ".bss"
RDONLY_PROG = 1 << 7


class Section(NamedTuple):
    """A section header, with its contents."""

    name: str
    kind: int
    link: int
    info: int
    data: bytes


def compile_c(clang: str, source: Path, isa: int) -> bytes:
    """The object file that clang makes of `source`. CalledProcessError says what it minded."""
    done = subprocess.run(
        [clang, *FLAGS, f"-mcpu=v{isa}", "-c", "-o", "-", source], capture_output=True, check=True
    )
    return done.stdout


def sections(elf: bytes) -> list[Section]:
    """All sections of an object file."""
    start, count, names = (
        struct.unpack_from("<Q", elf, 40)[0],
        *struct.unpack_from("<HH", elf, 60),
    )
    rows = [struct.unpack_from("<IIQQQQIIQQ", elf, start + 64 * i) for i in range(count)]
    data = [b"" if row[1] == 8 else elf[row[4] : row[4] + row[5]] for row in rows]  # 8: no bits
    return [
        Section(_text(data[names], row[0]), row[1], row[6], row[7], data[i] or bytes(row[5]))
        for i, row in enumerate(rows)
    ]


def _text(strings: bytes, at: int) -> str:
    return strings[at : strings.index(b"\0", at)].decode()


def collection(elf: bytes, maps: Iterable[MapSpec]) -> CollectionSpec:
    """The program in `elf`, over `maps`; its own data sections are maps of one value."""
    found = sections(elf)
    symbols = next(s for s in found if s.kind == SHT_SYMTAB)
    strings = found[symbols.link].data
    named = {}
    for number, entry in enumerate(struct.iter_unpack("<IBBHQQ", symbols.data)):
        name, _, _, section, value, _ = entry
        home = found[section].name if section < len(found) else ""
        named[number] = (_text(strings, name), home, value)
    at = next(i for i, s in enumerate(found) if s.name == CODE_SECTION)
    code = bytearray(found[at].data)
    relocs = []
    for section in found:
        if section.kind == SHT_REL and section.info == at:
            for offset, info in struct.iter_unpack("<QQ", section.data):
                relocs.append(_reloc(code, offset, *named[info >> 32]))
    used = {reloc.symbol for reloc in relocs}
    own = [_data(s) for s in found if s.name in used]
    program = ProgramSpec(
        name="program",
        type=uapi.BPF_PROG_TYPE_RAW_TRACEPOINT,
        attach_type=0,
        attach=(Attach("raw_tp", "probee_codegen"),),
        code=bytes(code),
        relocs=tuple(relocs),
    )
    return CollectionSpec(maps=(*maps, *own), programs=(program,))


def _reloc(code: bytearray, offset: int, name: str, home: str, value: int) -> Reloc:
    """A map's descriptor, or an address in a data section, whose addend stands in the code."""
    if home == ".maps":
        return Reloc(offset // 8, "map", name)
    addend = value + struct.unpack_from("<i", code, offset + 4)[0]
    struct.pack_into("<i", code, offset + 4, 0)
    return Reloc(offset // 8, "value", home, addend)


def _data(section: Section) -> MapSpec:
    contents = section.data + bytes(-len(section.data) % 8)
    frozen = section.name.startswith(".rodata")
    return MapSpec(
        name=section.name,
        type=uapi.BPF_MAP_TYPE_ARRAY,
        key_size=4,
        value_size=len(contents),
        max_entries=1,
        flags=RDONLY_PROG if frozen else 0,
        contents=contents,
        frozen=frozen,
    )
