"""Tables of programs that stand in for the kernel's own functions: maps of type struct_ops.

In: nothing, an id or a name. Out: rows, with the map's info in the kernel's own layout, and its
value, in which each pointer to a function is the id of a program.
"""

from __future__ import annotations

from os import close

from probee.btf.kinds import STRUCT
from probee.errors import ProbeeError
from probee.frozen import Frozen
from probee.host import bpf
from probee.host.info import MAP, name_in, read
from probee.uapi.bpf import BPF_MAP_TYPE_STRUCT_OPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.table import TypeTable

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
        """Every table, or those of a name, with a descriptor that is open until the next one."""
        for id in bpf.ids("MAP"):
            fd = bpf.open_by_id("MAP", id)
            if fd is None:
                continue
            try:
                row = self._row(fd)
                if row is not None and name in (None, row.name):
                    yield row, fd
            finally:
                close(fd)

    def one(self, id: int) -> Iterator[tuple[StructOps, int]]:
        """The table with this id, likewise. ProbeeError where there is none."""
        fd = bpf.open_by_id("MAP", id)
        if fd is None:
            raise ProbeeError(f"there is no map with id {id}")
        try:
            row = self._row(fd)
            if row is None:
                raise ProbeeError(f"the map with id {id} is no struct_ops")
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
        """What a table holds."""
        (info_type,) = self.types.by_name(STRUCT, _INFO)[:1] or (0,)
        if not info_type:
            raise ProbeeError(f"the kernel's types have no struct {_INFO}")
        info = bytearray(self.types.size_of(info_type))
        bpf.obj_get_info(fd, info)
        value = bpf.map_lookup(fd, bytes(4), self.types.size_of(row.value_type))
        if value is None:
            raise ProbeeError(f"the struct_ops map {row.name} with id {row.id} has no value")
        return Values(info_type, bytes(info), row.value_type, value)
