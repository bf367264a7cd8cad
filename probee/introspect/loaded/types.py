"""Loaded BTF, read once for each object and kept while the command runs.

In: ids of BTF objects. Out: their types; `full_name`, the name of a program's main function, of
which the kernel keeps only 15 characters beside the program itself.
"""

from __future__ import annotations

from os import close
from struct import unpack_from

from probee.errors import FormatError, KernelError
from probee.host.bpf import open_by_id
from probee.host.info import BTF, PROGRAM, name_in, read
from probee.uapi.bpf import BPF_OBJ_NAME_LEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.host.info import Info

_FUNC_INFO = 8  # bytes of struct bpf_func_info: the instruction, the type


def blob(fd: int) -> bytes:
    """The bytes of a BTF object."""
    info, _ = read(fd, BTF)
    data = bytearray(info["btf_size"])
    read(fd, BTF, btf=data, btf_size=len(data))
    return bytes(data)


class Types:
    """BTF objects by id."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, Btf | None] = {}

    def of(self, id: int) -> Btf | None:
        """The types of BTF object `id`; None where it is gone, or may not be read."""
        if id not in self._known:
            self._known[id] = self._read(id)
        return self._known[id]

    @staticmethod
    def _read(id: int) -> Btf | None:
        from probee.btf.reader import Btf

        try:
            fd = open_by_id("BTF", id)
        except KernelError:
            return None
        if fd is None:
            return None
        try:
            return Btf(blob(fd))
        except (KernelError, FormatError):
            return None
        finally:
            close(fd)

    def program_name(
        self, fd: int, info: Info | None = None, buffer: bytearray | None = None
    ) -> str:
        """The name of a program, whole where BTF has it; `info`: what was read of it before."""
        if info is None or buffer is None:
            info, buffer = read(fd, PROGRAM)
        name = name_in(buffer, PROGRAM).decode("utf-8", "surrogateescape")
        if len(name) < BPF_OBJ_NAME_LEN - 1 or not info["btf_id"] or not info["nr_func_info"]:
            return name
        return self._main_function(fd, info["btf_id"]) or name

    def function_of(self, fd: int) -> str:
        """The name of the function that a program begins with, "" where BTF does not say it."""
        info, _ = read(fd, PROGRAM)
        if not info["btf_id"] or not info["nr_func_info"]:
            return ""
        return self._main_function(fd, info["btf_id"])

    def _main_function(self, fd: int, btf_id: int) -> str:
        """The name of the function that a program begins with, or "" where BTF does not say it."""
        first = bytearray(_FUNC_INFO)
        try:
            read(fd, PROGRAM, nr_func_info=1, func_info_rec_size=_FUNC_INFO, func_info=first)
        except KernelError:
            return ""
        types = self.of(btf_id)
        id = unpack_from("=I", first, 4)[0]
        if types is None or not 0 < id <= len(types):
            return ""
        return types.name(id)
