"""The one encoder of bpf() attributes: a command's name and fields in, bytes out, answers back.

The layouts are uapi's rows of `union bpf_attr`, one alternative for each command. A field of 8
bytes takes a number, or a buffer whose address goes in; one of 16 bytes takes a name. The kernel
is told to read no further than the last field that is set, so that a kernel which has never heard
of the later ones accepts the call; it may write its answers anywhere in the buffer.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import KernelError, UsageError
from probee.host.syscall import PreparedBpf, address, bpf
from probee.uapi import bpf as uapi, bpf_attr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from mmap import mmap
    from typing import TypeAlias

    Value: TypeAlias = int | bytes | bytearray | mmap | str

_SIZE = 256  # of the buffer: longer than any kernel's bpf_attr, so that answers always fit
NAME_LENGTH = uapi.BPF_OBJ_NAME_LEN - 1  # characters that the kernel keeps of an object's name
_EAGAIN = 11
_TRIES = 5  # the verifier gives EAGAIN when a signal interrupts it; libbpf tries as often

# Where the descriptor of a BPF token goes, and the flags that say so (Linux 6.9).
_TOKENS = {
    "BPF_MAP_CREATE": ("map_token_fd", "map_flags"),
    "BPF_PROG_LOAD": ("prog_token_fd", "prog_flags"),
    "BPF_BTF_LOAD": ("btf_token_fd", "btf_flags"),
}


class Attributes:
    """The attributes of one call, with the buffers that they point to kept alive.

    `size` is what the kernel is told to read; `data` is longer, for its answers. Fields of value 0,
    or empty, need not be there and are not counted. `token`: a BPF token's descriptor, 0 for none.
    """

    __slots__ = ("_kept", "_rows", "command", "data", "number", "size")

    def __init__(self, command: str, fields: Mapping[str, Value], token: int = 0) -> None:
        self.command = command
        self.number: int = getattr(uapi, command)
        self._rows = bpf_attr.BY_COMMAND[self.number]
        self._kept: list[bytearray | mmap] = []
        self.data = bytearray(_SIZE)
        self.size = 0
        for name, value in fields.items():
            if value:
                self._set(name, value)
        if token:
            name, flags = _TOKENS[command]
            self._set(name, token)
            self._set(flags, self[flags] | uapi.BPF_F_TOKEN_FD)

    def _row(self, name: str) -> tuple[int, int]:
        for row, offset, size in self._rows:
            if row == name:
                return offset, size
        raise UsageError(f"{self.command} has no attribute {name!r}")

    def _set(self, name: str, value: Value) -> None:
        offset, size = self._row(name)
        self.data[offset : offset + size] = self._encoded(name, value, size)
        self.size = max(self.size, offset + size)

    def _encoded(self, name: str, value: Value, size: int) -> bytes:
        if isinstance(value, int):
            if not -1 << (8 * size - 1) <= value < 1 << (8 * size):
                raise UsageError(f"{name} = {value} does not fit in {size} bytes")
            return (value & ((1 << (8 * size)) - 1)).to_bytes(size, byteorder)
        if isinstance(value, str):
            return value.encode("ascii", "replace")[: size - 1].ljust(size, b"\0")
        buffer = bytearray(value) if isinstance(value, bytes) else value
        self._kept.append(buffer)
        return address(buffer).to_bytes(size, byteorder)

    def put(self, name: str, value: int) -> None:
        """Another number in a field that is set, for the next of many calls."""
        offset, size = self._row(name)
        self.data[offset : offset + size] = value.to_bytes(size, byteorder)

    def __getitem__(self, name: str) -> int:
        """A number as it stands now: what was set, or the kernel's answer after the call."""
        offset, size = self._row(name)
        return int.from_bytes(self.data[offset : offset + size], byteorder)


def call(attributes: Attributes) -> int:
    """bpf() with these attributes: a result of 0 or more, or minus an errno."""
    result = -_EAGAIN
    for _ in range(_TRIES):
        result = bpf(attributes.number, attributes.data, attributes.size)
        if result != -_EAGAIN:
            break
    return result


def repeated(attributes: Attributes) -> Callable[[], int]:
    """A function that does what `call` does with these attributes, in half the time."""
    again = PreparedBpf(attributes.number, attributes.data, attributes.size)

    def repeat() -> int:
        result = again()
        # Names the attributes, which keeps them and their buffers alive for as long as this.
        return result if result != -_EAGAIN else call(attributes)

    return repeat


def demand(attributes: Attributes, subject: str = "") -> int:
    """As `call`, but a failure is a KernelError with its likely cause."""
    result = call(attributes)
    if result < 0:
        raise failure(attributes.command, -result, subject)
    return result


def failure(command: str, errno: int, subject: str = "") -> KernelError:
    """The error for `errno` of `command`; `subject` says what it was about, as `map opens`."""
    from probee.host.causes import explain

    return explain(command, errno, subject)
