"""A BPF ELF object, as clang makes them for libbpf, as a CollectionSpec. Read this first.

In: the file's bytes, of either byte order, by any compiler or linker that keeps libbpf's
convention; or an object of our own. Out: what the loader takes: maps, programs with their
subprograms, variables, externs, types. No kernel is asked. Whatever does not fit together is a
`FormatError` that says where; what is well-formed and not taken is a `NotSupportedError`.

    read_object     the file, taken apart           read_code       functions and what they refer to
    read_datasecs   where each variable lies        read_ext        types, lines, CO-RE of each
    read_maps       `.maps`                         read_programs   functions put together
    read_data       `.data`, `.rodata`, `.bss`      read_values     what maps hold at the start
    read_externs    `.kconfig`, `.ksyms`            read_core       CO-RE records in words
    read_tables     `.jumptables`
"""

from __future__ import annotations

import gc

from probee.elf.read import file_bytes
from probee.errors import FormatError
from probee.objfile.read_code import Code, Names
from probee.objfile.read_data import Data
from probee.objfile.read_datasecs import KCONFIG, Datasecs
from probee.objfile.read_ext import Ext
from probee.objfile.read_externs import Externs
from probee.objfile.read_maps import declared_maps
from probee.objfile.read_object import MAPS, ObjectFile
from probee.objfile.read_programs import Programs
from probee.objfile.read_tables import JumpTables
from probee.objfile.read_types import Values as ValueTypes
from probee.objfile.read_values import Values
from probee.objfile.restore import restore
from probee.spec.programs import CollectionSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer, StrPath

    from probee.spec.programs import MapSpec


def read_file(path: StrPath) -> CollectionSpec:
    """The object in the file at `path`. OSError where it cannot be read, else as `read`."""
    return read(file_bytes(path))


def read(data: ReadableBuffer) -> CollectionSpec:
    """The object in `data`. Raises FormatError, NotSupportedError.

    Python's collector of cycles rests meanwhile: what is made has none, and lives on.
    """
    return _rested(data, restore)


def read_plain(data: ReadableBuffer) -> CollectionSpec:
    """The same without what only probee says of its own objects: as other loaders see it."""
    return _rested(data, lambda spec: spec)


def _rested(
    data: ReadableBuffer, finish: Callable[[CollectionSpec], CollectionSpec]
) -> CollectionSpec:
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _checked(data, finish)
    finally:
        if collecting:
            gc.enable()


def _checked(
    data: ReadableBuffer, finish: Callable[[CollectionSpec], CollectionSpec]
) -> CollectionSpec:
    file = ObjectFile(data)
    try:
        return finish(_read(file))
    except FormatError as error:
        section = file.named.get(".BTF")
        if error.offset >= 0 or section is None:
            raise
        # What is asked of a type and finds nothing: the types are to blame, all together.
        raise FormatError(error.message, offset=section.offset, hint=error.hint) from None


def _read(file: ObjectFile) -> CollectionSpec:
    datasecs = Datasecs(file)
    types = ValueTypes(file.types)
    declared = declared_maps(file, datasecs, types)
    externs = Externs(file, datasecs)
    data_maps = Data(file, datasecs, types, [row.spec for row in declared])
    maps_at = file.named[MAPS].index if MAPS in file.named else 0
    tables = JumpTables(file)
    code = Code(file, Names(maps_at, declared, data_maps.homes, externs.rows, KCONFIG, tables))
    programs = Programs(code, Ext(file))
    values = Values(file, code, programs.all())
    maps = [
        *_with_arena(values.filled(declared), data_maps),
        *data_maps.maps,
        *([externs.kconfig] if externs.kconfig is not None else []),
        *values.struct_ops(datasecs),
        *programs.tables.values(),
    ]
    _demand_distinct(maps, file)
    return CollectionSpec(
        maps=tuple(maps),
        programs=tuple(values.programs.values()),
        variables=tuple(data_maps.variables),
        btf=bytes(datasecs.blob),
        license=file.license,
        endian=file.endian,
        externs=tuple(externs.rows.values()),
        version=file.version,
    )


def _with_arena(maps: list[MapSpec], data: Data) -> list[MapSpec]:
    if data.arena is None:
        return maps
    before, after = data.arena
    return [after if map_.name == before.name else map_ for map_ in maps]


def _demand_distinct(maps: list[MapSpec], file: ObjectFile) -> None:
    names: set[str] = set()
    for map_ in maps:
        if map_.name in names:
            raise FormatError(f"two maps are called {map_.name}", offset=file.elf.header.shoff)
        names.add(map_.name)
