"""What the kernel says of one object: BPF_OBJ_GET_INFO_BY_FD as numbers by name, and its fdinfo.

In: a descriptor. Out: a dict of the fields of uapi's layouts; fields that an older kernel lacks are
0. Arrays and strings that the kernel writes elsewhere are asked for with `pointers`.
"""

from __future__ import annotations

import os
from struct import Struct

from probee.host.attributes import Attributes, demand
from probee.host.syscall import address
from probee.uapi.bpf_info import (
    BPF_BTF_INFO,
    BPF_BTF_INFO_SIZE,
    BPF_LINK_INFO,
    BPF_LINK_INFO_SIZE,
    BPF_MAP_INFO,
    BPF_MAP_INFO_SIZE,
    BPF_PROG_INFO,
    BPF_PROG_INFO_SIZE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Info: TypeAlias = dict[str, int]

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Layout:
    """A struct's numbers, read in one step.

    `common`: how many of the rows stand before a union; those behind it are only asked for.
    """

    __slots__ = ("_struct", "names", "offsets", "size")

    def __init__(
        self, rows: tuple[tuple[str, int, int], ...], size: int, common: int | None = None
    ) -> None:
        numbers = [row for row in rows[:common] if row[2] in _CODES and row[0] != "tag"]
        code, at = "=", 0
        for _, offset, width in numbers:
            code += f"{offset - at}x{_CODES[width]}"
            at = offset + width
        self._struct = Struct(code)
        self.names = [name for name, _, _ in numbers]
        self.offsets = {name: (offset, width) for name, offset, width in rows}
        self.size = size

    def read(self, buffer: bytearray) -> Info:
        """The numbers by name."""
        return dict(zip(self.names, self._struct.unpack_from(buffer), strict=True))

    def request(self, pointers: Mapping[str, int | bytearray]) -> bytearray:
        """A buffer in which counts and addresses are set."""
        buffer = bytearray(self.size)
        for name, value in pointers.items():
            offset, width = self.offsets[name]
            number = value if isinstance(value, int) else address(value)
            buffer[offset : offset + width] = number.to_bytes(width, "little")
        return buffer


PROGRAM = Layout(BPF_PROG_INFO, BPF_PROG_INFO_SIZE)
MAP = Layout(BPF_MAP_INFO, BPF_MAP_INFO_SIZE)
BTF = Layout(BPF_BTF_INFO, BPF_BTF_INFO_SIZE)
LINK = Layout(BPF_LINK_INFO, BPF_LINK_INFO_SIZE, 3)


class Question:
    """The same question about many objects. The buffers in `pointers` are filled by the kernel.

    `buffer` is the whole struct about the object that was asked last.
    """

    __slots__ = ("_attributes", "_layout", "_request", "buffer")

    def __init__(self, layout: Layout, **pointers: int | bytearray) -> None:
        self._layout = layout
        self._request = bytes(layout.request(pointers))
        self.buffer = bytearray(self._request)
        self._attributes = Attributes(
            "BPF_OBJ_GET_INFO_BY_FD",
            {"bpf_fd": 1, "info_len": layout.size, "info": self.buffer},
        )

    def ask(self, fd: int) -> Info:
        """The numbers of one object."""
        self.buffer[:] = self._request
        self._attributes.put("bpf_fd", fd)
        self._attributes.put("info_len", self._layout.size)
        demand(self._attributes)
        return self._layout.read(self.buffer)


def read(fd: int, layout: Layout, **pointers: int | bytearray) -> tuple[Info, bytearray]:
    """The numbers, and the whole struct. The buffers in `pointers` are filled by the kernel."""
    question = Question(layout, **pointers)
    return question.ask(fd), question.buffer


def name_in(buffer: bytearray, layout: Layout) -> bytes:
    """The name that stands in the struct itself."""
    offset, width = layout.offsets["name"]
    return bytes(buffer[offset : offset + width]).partition(b"\0")[0]


def fdinfo(fd: int, pid: str = "self") -> dict[str, str]:
    """The lines of /proc/PID/fdinfo/FD: what stands before the tab, and what behind. May be empty.

    Names are those of the kernel's show_fdinfo functions (kernel/bpf/syscall.c).
    """
    pairs = (
        line.partition(":\t") for line in _fdinfo(fd, pid).decode("utf-8", "replace").split("\n")
    )
    return {name: value for name, tab, value in pairs if tab}


def fdinfo_value(fd: int, name: str) -> str:
    """One of those values of a descriptor of this process, "" where there is none."""
    behind = _fdinfo(fd, "self").partition(f"\n{name}:\t".encode())[2]
    return behind.partition(b"\n")[0].decode("ascii", "replace")


def _fdinfo(fd: int, pid: str) -> bytes:
    try:
        file = os.open(f"/proc/{pid}/fdinfo/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, 1 << 16)
    except OSError:
        return b""
    finally:
        os.close(file)
