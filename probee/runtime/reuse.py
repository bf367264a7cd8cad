"""Maps that are there already, in place of those that a Session would make.

In: a map's specification, and the descriptor or the path in a bpf file system of one that somebody
else made. Out: a descriptor of it, once it is sure that the programs can use it as their own.

The map stays what it is, and with it what it holds: a Session fills nothing in, and when it ends
the map lives on for as long as others hold it.
"""

from __future__ import annotations

import os
from sys import byteorder

from probee.errors import KernelError, UsageError
from probee.frozen import Frozen
from probee.host import bpf
from probee.lang.maps import MapDeclaration
from probee.spec.programs import MapSpec
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from probee.lang.names import Names

_HASHES = (
    uapi.BPF_MAP_TYPE_HASH,
    uapi.BPF_MAP_TYPE_PERCPU_HASH,
    uapi.BPF_MAP_TYPE_LRU_HASH,
    uapi.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)
_ARRAYS = (uapi.BPF_MAP_TYPE_ARRAY, uapi.BPF_MAP_TYPE_PERCPU_ARRAY)


class KeysOf(Frozen):
    """A map, by descriptor or path, of which the programs only ask whether keys are in it.

    So its values may be of any size, and it may be any kind of hash map. The programs must do
    nothing else with it; the user side cannot use it.
    """

    map: int | str


def named_maps(
    world: Names, reuse: Mapping[Any, int | str | KeysOf], sized: Mapping[str, int]
) -> dict[str, int | str | KeysOf]:
    """What a Session's `reuse` says, by the names of its maps. Raises UsageError."""
    named: dict[str, int | str | KeysOf] = {}
    for declaration, given in reuse.items():
        if not isinstance(declaration, MapDeclaration):
            raise UsageError(f"reuse: {declaration!r} is not a map")
        name = world.name_of(declaration)
        if name in sized:
            raise UsageError(f"{name}: a map that is there already has its size")
        named[name] = given
    return named


def taken(spec: MapSpec, given: int | str | KeysOf) -> tuple[MapSpec, int, int]:
    """For map `spec` the one that was given: its specification, a new descriptor, its flags.

    Raises UsageError where it is another kind of map than the programs use, KernelError.
    """
    source = given.map if isinstance(given, KeysOf) else given
    where = f"the map pinned at {source}" if isinstance(source, str) else f"descriptor {source}"
    fd = _descriptor(source, where)
    try:
        found = _info(fd, where)
        _check(spec, found, where, loose=isinstance(given, KeysOf))
    except BaseException:
        os.close(fd)
        raise
    real = MapSpec(
        spec.name,
        found["type"],
        spec.key_size,
        found["value_size"],
        found["max_entries"],
        found["map_flags"],
        spec.key_type,
        spec.value_type,
    )
    return real, fd, found["map_flags"]


def _descriptor(source: int | str, where: str) -> int:
    if isinstance(source, str):
        return bpf.obj_get(source)
    try:
        return os.dup(source)
    except OSError as error:
        raise KernelError(f"use {where} as a map", error.errno or 0) from None


def _info(fd: int, where: str) -> dict[str, int]:
    """Type, sizes and flags of the map behind `fd`: struct bpf_map_info."""
    from probee.uapi.bpf_info import BPF_MAP_INFO, BPF_MAP_INFO_SIZE

    try:
        link = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # no /proc: the kernel will refuse what is no map
        link = "bpf-map"
    if "bpf-map" not in link:
        raise UsageError(f"{where} is no map")
    info = bytearray(BPF_MAP_INFO_SIZE)
    bpf.obj_get_info(fd, info)
    return {
        name: int.from_bytes(info[offset : offset + size], byteorder)
        for name, offset, size in BPF_MAP_INFO
        if name in {"type", "key_size", "value_size", "max_entries", "map_flags"}
    }


def _check(spec: MapSpec, found: dict[str, int], where: str, *, loose: bool) -> None:
    """UsageError where the programs cannot use it. `loose`: only its keys matter."""
    types = _HASHES if loose else (spec.type,)
    values = found["value_size"] if loose else spec.value_size
    if found["type"] not in types:
        from probee.tables.maps import by_number

        rows = (by_number(found["type"]), *(by_number(number) for number in types))
        kind, *wanted = (row.name if row is not None else "unknown" for row in rows)
        wrong = f"it is of type {kind}, and {' or '.join(wanted)} is wanted"
    elif found["key_size"] != spec.key_size:
        wrong = f"its keys have {found['key_size']} bytes, not {spec.key_size}"
    elif found["value_size"] != values:
        wrong = f"its values have {found['value_size']} bytes, not {spec.value_size}"
    elif found["type"] in _ARRAYS and found["max_entries"] < spec.max_entries:
        wrong = f"it has {found['max_entries']} entries, and {spec.max_entries} are used"
    else:
        return
    raise UsageError(f"{where} cannot be used as {spec.name}: {wrong}")
