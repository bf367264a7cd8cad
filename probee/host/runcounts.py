"""How often programs ran and for how long, read so cheaply that it can be done every second.

In: ids of programs. Out: three numbers each. No descriptor is kept from one look to the next: who
watches a program must not keep it in the kernel.
"""

from __future__ import annotations

from os import close
from struct import Struct, pack_into

from probee.host.attributes import failure
from probee.host.syscall import PreparedBpf, address
from probee.uapi import bpf as uapi
from probee.uapi.bpf_info import BPF_PROG_INFO, BPF_PROG_INFO_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    # nanoseconds, runs, runs that did not happen because the program ran on that CPU already
    Counts: TypeAlias = tuple[int, int, int]

_ENOENT = 2
_PLACES = {name: offset for name, offset, _ in BPF_PROG_INFO}
_READ = Struct("=QQQ").unpack_from  # run_time_ns, run_cnt, recursion_misses: one behind the other
_PACK = Struct("=IIQ").pack_into
_AT = _PLACES["run_time_ns"]
_ZEROS = bytes(BPF_PROG_INFO_SIZE)


class Ids:
    """Lists the ids of all objects of a kind, `PROG` or `LINK`, again and again."""

    __slots__ = ("_call", "_command")

    def __init__(self, kind: str) -> None:
        self._command = f"BPF_{kind}_GET_NEXT_ID"
        self._call = PreparedBpf(getattr(uapi, self._command), bytearray(256), 8)

    def __call__(self) -> list[int]:
        """The ids, as they stand. Raises KernelError, without CAP_SYS_ADMIN for one."""
        attributes, call = self._call.attributes, self._call
        found: list[int] = []
        last = 0
        while True:
            pack_into("=II", attributes, 0, last, 0)
            result = call()
            if result < 0:
                if result == -_ENOENT:
                    return found
                raise failure(self._command, -result)
            last = int.from_bytes(attributes[4:8], "little")
            found.append(last)


class RunCounts:
    """Reads the counters of programs. It holds buffers, no descriptors."""

    __slots__ = ("_address", "_buffer", "_by_id", "_info")

    def __init__(self) -> None:
        self._buffer = bytearray(BPF_PROG_INFO_SIZE)
        self._address = address(self._buffer)
        self._by_id = PreparedBpf(uapi.BPF_PROG_GET_FD_BY_ID, bytearray(256), 4)
        self._info = PreparedBpf(uapi.BPF_OBJ_GET_INFO_BY_FD, bytearray(256), 16)

    def read(self, id: int) -> Counts | None:
        """The counters of a program, None where it is gone.

        They stand still while statistics are off. Raises KernelError.
        """
        self._by_id.attributes[:4] = id.to_bytes(4, "little")
        fd = self._by_id()
        if fd < 0:
            if fd == -_ENOENT:
                return None
            raise failure("BPF_PROG_GET_FD_BY_ID", -fd, f"id {id}")
        buffer = self._buffer
        buffer[:] = _ZEROS  # counts and addresses in there ask the kernel for more
        _PACK(self._info.attributes, 0, fd, BPF_PROG_INFO_SIZE, self._address)
        result = self._info()
        close(fd)
        if result < 0:  # its device went away: it cannot run
            return 0, 0, 0
        counts: Counts = _READ(buffer, _AT)
        return counts
