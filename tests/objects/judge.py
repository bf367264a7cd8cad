"""What any bytes may do to the readers: be read, or be refused with a place. Nothing else.

In: bytes. Out: whether they were read; an AssertionError for a refusal without a place in the file
and for a spec that does not fit together; whatever else a reader raises comes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.btf.check import check
from probee.btf.ext import ext_tables, read_ext
from probee.btf.reader import Btf
from probee.elf.read import ElfFile
from probee.errors import FormatError, NotSupportedError
from probee.objfile.read import read
from probee.runtime import codec
from probee.uapi import bpf, elf as uapi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probee.spec.programs import CollectionSpec, ProgramSpec

_TABLES = (uapi.SHT_REL, uapi.SHT_RELA)


def elf(data: bytes) -> None:
    """Everything that a plain ELF file has."""
    file = ElfFile(data)
    assert len(file.symbols) <= len(data)
    for section in file.sections:
        assert len(section.data) <= len(data)
        if section.type in _TABLES:
            for row in file.relocations(section):
                assert row.symbol < max(len(file.symbols), 1)


def btf(data: bytes) -> None:
    """Every type, every name, every size that can be asked for."""
    types = Btf(data)
    check(types)
    for id, type_ in types.types():
        assert type_.kind == types.kind(id)
        types.resolve(id)
        try:
            types.size_of(id)
        except FormatError:
            continue  # not every type has one
    for id in range(min(len(types), 50) + 1):
        found = types.by_name(types.kind(id), types.name(id)) if id else ()
        assert id in found or not id or not types.name(id)


def ext(data: bytes) -> None:
    """All records, as bytes and one by one."""
    tables = ext_tables(data)
    records = read_ext(data)
    for part, found in tables.items():
        rows = getattr(records, part)
        assert [len(table.data) // table.size for table in found] == [
            len(section.records) for section in rows
        ]


def an_object(data: bytes) -> None:
    """A BPF object, and whether what came out of it fits together."""
    try:
        spec = read(data)
    except FormatError as error:
        if not 0 <= error.offset <= len(data):
            raise AssertionError(f"no place in the file: {error.offset}, {error}") from error
        raise
    names = {map_.name: map_ for map_ in spec.maps}
    externs = {extern.name for extern in spec.externs}
    programs = {program.name for program in spec.programs}
    for program in spec.programs:
        _check_program(program, set(names), externs)
    for map_ in spec.maps:
        known = {1: set(names), 2: programs}[1 if map_.inner else 2]
        assert {name for _, name in map_.values} <= known
        sizes = map_.value_size, map_.value_size * map_.max_entries
        size = sizes[map_.type == bpf.BPF_MAP_TYPE_INSN_ARRAY]
        arena = map_.type == bpf.BPF_MAP_TYPE_ARENA
        assert not map_.contents or arena or len(map_.contents) == size
    _check_stored(spec)


def _check_program(program: ProgramSpec, maps: set[str], externs: set[str]) -> None:
    slots = len(program.code) // 8
    assert slots * 8 == len(program.code) > 0
    assert len(program.func_info) in (0, 8 * len(program.functions))
    starts = [start for _, start in program.functions]
    assert starts[0] == 0
    assert sorted(set(starts)) == starts
    assert starts[-1] < slots
    for reloc in program.relocs:
        assert reloc.insn < slots
        assert reloc.symbol in (maps if reloc.kind in ("map", "value") else externs)
    for core in program.core:
        assert core.insn < slots
        assert core.kind


def _check_stored(spec: CollectionSpec) -> None:
    """What the cache can hold comes back; it refuses what no map can be, such as an entry of -1."""
    try:
        stored = codec.encode(spec)
    except FormatError:
        return
    try:
        again = codec.decode(stored)
    except FormatError as error:
        raise AssertionError(f"the cache cannot hold it: {error}") from error
    assert again == spec


JUDGES: Mapping[str, Callable[[bytes], None]] = {
    "elf": elf,
    "btf": btf,
    "ext": ext,
    "object": an_object,
}


def judge(target: str, data: bytes) -> bool:
    """Whether the readers of `target` took `data`; False if they refused it as they should."""
    try:
        JUDGES[target](data)
    except FormatError:
        return False
    except NotSupportedError:
        assert target == "object"
        return False
    return True
