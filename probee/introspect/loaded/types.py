"""Loaded BTF, read once for each object and kept while the command runs.

In: ids of BTF objects. Out: their types; `full_name`, the name of a program's main function, of
which the kernel keeps only 15 characters beside the program itself.
"""

from __future__ import annotations

from os import close
from struct import unpack_from

from probee.errors import FormatError, KernelError
from probee.host.info import BTF, PROGRAM, Question, name_in, read
from probee.introspect.loaded.reach import opened
from probee.uapi.bpf import BPF_OBJ_NAME_LEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.host.info import Info

_PIECE = 1 << 16  # bytes of BTF that are read in one step
_FUNC_INFO = 8  # bytes of struct bpf_func_info: the instruction, the type


def blob(fd: int) -> bytes:
    """The bytes of a BTF object."""
    info, _ = read(fd, BTF)
    data = bytearray(info["btf_size"])
    read(fd, BTF, btf=data, btf_size=len(data))
    return bytes(data)


class Types:
    """BTF objects by id."""

    __slots__ = ("_blobs", "_first", "_known", "_main", "_piece", "_whole")

    def __init__(self) -> None:
        self._first = bytearray(_FUNC_INFO)
        self._main = Question(
            PROGRAM, nr_func_info=1, func_info_rec_size=_FUNC_INFO, func_info=self._first
        )
        self._piece = bytearray(_PIECE)
        self._whole = Question(BTF, btf=self._piece, btf_size=_PIECE)
        self._blobs: dict[int, bytes] = {}
        self._known: dict[int, Btf | None] = {}

    def of(self, id: int) -> Btf | None:
        """The types of BTF object `id`; None where it is gone, or may not be read."""
        if id not in self._known:
            self._known[id] = self._read(id)
        return self._known[id]

    def holds(self, id: int, text: str) -> bool:
        """Whether a name in BTF object `id` begins with `text`: no type is looked at."""
        return b"\0" + text.encode() in self._blob(id)

    def _blob(self, id: int) -> bytes:
        """The bytes of a BTF object, none where it cannot be had."""
        if id not in self._blobs:
            try:
                fd = opened("BTF", id)
                self._blobs[id] = b"" if fd is None else self._bytes(fd)
            except KernelError:
                self._blobs[id] = b""
        return self._blobs[id]

    def _bytes(self, fd: int) -> bytes:
        """Those of a descriptor, which is closed: most fit the buffer that is there."""
        try:
            size = self._whole.ask(fd)["btf_size"]
            return bytes(self._piece[:size]) if size <= _PIECE else blob(fd)
        finally:
            close(fd)

    def _read(self, id: int) -> Btf | None:
        from probee.btf.reader import Btf

        try:
            return Btf(self._blob(id))
        except FormatError:
            return None

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
        try:
            self._main.ask(fd)
        except KernelError:
            return ""
        id = unpack_from("=I", self._first, 4)[0]
        try:
            return name_of(self._blob(btf_id), id)
        except FormatError:
            return ""


def name_of(data: bytes, id: int) -> str:
    """The name of one type, found by walking up to it: no table is made of the others."""
    from probee.btf.raw import Sections

    sections = Sections(data)
    words, at = sections.words, 0
    for _ in range(1, id):
        at += sections.record_words(at) if at + 3 <= len(words) else 3
    return sections.name(words[at]) if id and at + 3 <= len(words) else ""
