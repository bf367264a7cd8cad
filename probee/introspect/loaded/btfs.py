"""Loaded BTF, one row each: its name and size, and which programs and maps go by it.

In: descriptors, or nothing for all that are loaded. Out: `LoadedBtf` rows.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.bpf import open_by_id
from probee.host.info import BTF, MAP, PROGRAM, Layout, read
from probee.introspect.loaded.reach import EPERM, iterated, known
from probee.introspect.loaded.rights import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = 64  # bytes: modules' names are shorter


class LoadedBtf(Frozen):
    """One BTF object. `kernel`: of the kernel or a module, which it is named after."""

    id: int
    name: str
    size: int
    kernel: bool


class Btfs:
    """Reads rows. `partial`: without CAP_SYS_ADMIN only what loaded objects refer to is told."""

    __slots__ = ("partial",)

    def __init__(self) -> None:
        self.partial = False

    def all(self) -> Iterator[LoadedBtf]:
        """Every BTF object, by id. One that goes away meanwhile is left out."""
        try:
            found = list(each("BTF", self.row))
        except KernelError as error:
            told = iterated("BTF") if error.errno == EPERM else None
            if told is None:
                raise
            self.partial, found = True, told
        yield from found

    @staticmethod
    def row(fd: int) -> LoadedBtf:
        """The row of one BTF object."""
        name = bytearray(_NAME)
        info, _ = read(fd, BTF)
        if info["name_len"]:  # Linux 5.11; older ones refuse what they do not know
            info, _ = read(fd, BTF, name=name, name_len=len(name))
        text = name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
        return LoadedBtf(info["id"], text, info["btf_size"], bool(info["kernel_btf"]))


def users(kind: str) -> Iterator[tuple[int, int]]:
    """(BTF id, object id) of every program or map that has BTF, by the latter."""
    layout: Layout = {"PROG": PROGRAM, "MAP": MAP}[kind]
    found, rows = known(kind)
    if rows is not None:
        yield from ((row.btf_id, row.id) for row in rows if row.btf_id)
        return
    for id in found:
        fd = open_by_id(kind, id)
        if fd is None:
            continue
        try:
            btf = read(fd, layout)[0]["btf_id"]
        finally:
            close(fd)
        if btf:
            yield btf, id
