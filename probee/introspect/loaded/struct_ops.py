"""Tables of programs that stand in for the kernel's own functions: maps of type struct_ops.

In: nothing, an id or a name. Out: rows, with the map's info in the kernel's own layout, and its
value, in which each pointer to a function is the id of a program.
"""

from __future__ import annotations

from errno import ENOENT
from os import close, strerror

from probee.btf.kinds import STRUCT
from probee.errors import KernelError, ProbeeError
from probee.frozen import Frozen
from probee.host import bpf
from probee.host.info import MAP, name_in, read
from probee.introspect.loaded.reach import EPERM, iterated, known, opened
from probee.uapi.bpf import BPF_MAP_TYPE_STRUCT_OPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probee.btf.table import TypeTable
    from probee.introspect.loaded.maps import Map

_PREFIX = "bpf_struct_ops_"
_INFO = "bpf_map_info"


class StructOps(Frozen):
    """One table. `operations`: the kernel's struct of functions that it fills."""

    id: int
    name: str
    operations: str
    value_type: int


class Values(Frozen):
    """What a table holds: types of the kernel, and the bytes. `info`: struct bpf_map_info."""

    info_type: int
    info: bytes
    value_type: int
    value: bytes


class Tables:
    """Reads rows; `types` are the kernel's."""

    __slots__ = ("types",)

    def __init__(self, types: TypeTable) -> None:
        self.types = types

    def all(self, name: str | None = None) -> Iterator[tuple[StructOps, int]]:
        """Every table, or those of a name, with a descriptor that is open until the next one.

        Without CAP_SYS_ADMIN the descriptor is -1 where it cannot be had: the row then is all.
        """
        numbers, rows = known("MAP")
        if rows is not None:
            yield from self._told(rows, name)
            return
        for id in numbers:
            fd = bpf.open_by_id("MAP", id)
            if fd is None:
                continue
            try:
                row = self._row(fd)
                if row is not None and name in (None, row.name):
                    yield row, fd
            finally:
                close(fd)

    def _told(self, rows: Iterable[Map], name: str | None) -> Iterator[tuple[StructOps, int]]:
        """The same from what an iterator gave."""
        for map_ in rows:
            if map_.type != BPF_MAP_TYPE_STRUCT_OPS or name not in (None, map_.name):
                continue
            operations = self.types.name(map_.kernel_type).removeprefix(_PREFIX)
            try:
                fd = opened("MAP", map_.id)
            except KernelError:
                fd = -1
            try:
                if fd is not None:
                    yield StructOps(map_.id, map_.name, operations, map_.kernel_type), fd
            finally:
                if fd is not None and fd >= 0:
                    close(fd)

    def one(self, id: int) -> Iterator[tuple[StructOps, int]]:
        """The table with this id, likewise. ProbeeError where there is none."""
        try:
            fd = opened("MAP", id)
        except KernelError as error:
            found = [row for row in iterated("MAP") or () if row.id == id]
            if error.errno != EPERM or not found:
                raise
            if found[0].type != BPF_MAP_TYPE_STRUCT_OPS:
                raise ProbeeError(f"the map with id {id} is no struct_ops") from None
            yield from self._told(found, None)
            return
        if fd is None:
            raise ProbeeError(f"can't get map by id ({id}): {strerror(ENOENT)}")
        try:
            row = self._row(fd)
            if row is None:
                name = name_in(read(fd, MAP)[1], MAP).decode("utf-8", "surrogateescape")
                raise ProbeeError(f"{name} id {id} is not a struct_ops map")
            yield row, fd
        finally:
            close(fd)

    def _row(self, fd: int) -> StructOps | None:
        about, buffer = read(fd, MAP)
        if about["type"] != BPF_MAP_TYPE_STRUCT_OPS:
            return None
        type_ = about["btf_vmlinux_value_type_id"]
        return StructOps(
            about["id"],
            name_in(buffer, MAP).decode("utf-8", "surrogateescape"),
            self.types.name(type_).removeprefix(_PREFIX),
            type_,
        )

    def values(self, row: StructOps, fd: int) -> Values:
        """What a table holds. Raises KernelError where the right is missing to read it."""
        if fd < 0:
            bpf.open_by_id("MAP", row.id)  # which says what right is missing
        (info_type,) = self.types.by_name(STRUCT, _INFO)[:1] or (0,)
        if not info_type:
            raise ProbeeError(f"the kernel's types have no struct {_INFO}")
        info = bytearray(self.types.size_of(info_type))
        bpf.obj_get_info(fd, info)
        value = bpf.map_lookup(fd, bytes(4), self.types.size_of(row.value_type))
        if value is None:
            raise ProbeeError(f"the struct_ops map {row.name} with id {row.id} has no value")
        return Values(info_type, bytes(info), row.value_type, value)
