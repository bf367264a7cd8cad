"""How often programs ran and for how long, read so cheaply that it can be done every second.

In: ids of programs. Out: three numbers each. No descriptor is kept from one look to the next: who
watches a program must not keep it in the kernel.
"""

from __future__ import annotations

from os import close
from struct import Struct, pack_into

from probee.errors import KernelError
from probee.host.attributes import failure
from probee.host.syscall import PreparedBpf, address
from probee.uapi.bpf import BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_GET_FD_BY_ID, BPF_PROG_GET_NEXT_ID
from probee.uapi.bpf_info import BPF_PROG_INFO, BPF_PROG_INFO_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    # nanoseconds, runs, runs that did not happen because the program ran on that CPU already
    Counts: TypeAlias = tuple[int, int, int]

_ENOENT = 2
_PLACES = {name: offset for name, offset, _ in BPF_PROG_INFO}
_COUNTS = Struct("=QQQ")  # run_time_ns, run_cnt, recursion_misses stand one behind the other
_AT = _PLACES["run_time_ns"]
_ZEROS = bytes(BPF_PROG_INFO_SIZE)


class RunCounts:
    """Reads the counters of programs. It holds buffers, no descriptors."""

    __slots__ = ("_buffer", "_by_id", "_info", "_next")

    def __init__(self) -> None:
        self._buffer = bytearray(BPF_PROG_INFO_SIZE)
        self._next = PreparedBpf(BPF_PROG_GET_NEXT_ID, bytearray(256), 8)
        self._by_id = PreparedBpf(BPF_PROG_GET_FD_BY_ID, bytearray(256), 4)
        self._info = PreparedBpf(BPF_OBJ_GET_INFO_BY_FD, bytearray(256), 16)

    def ids(self) -> list[int]:
        """The ids of all programs. Raises KernelError without CAP_SYS_ADMIN."""
        attributes, call = self._next.attributes, self._next
        found: list[int] = []
        last = 0
        while True:
            pack_into("=II", attributes, 0, last, 0)
            result = call()
            if result < 0:
                if result == -_ENOENT:
                    return found
                raise failure("BPF_PROG_GET_NEXT_ID", -result)
            last = int.from_bytes(attributes[4:8], "little")
            found.append(last)

    def read(self, id: int) -> Counts | None:
        """The counters of a program, None where it is gone.

        They stand still while statistics are off. Raises KernelError.
        """
        pack_into("=II", self._by_id.attributes, 0, id, 0)
        fd = self._by_id()
        if fd < 0:
            if fd == -_ENOENT:
                return None
            raise failure("BPF_PROG_GET_FD_BY_ID", -fd, f"id {id}")
        try:
            return self.of(fd)
        except KernelError:  # its device went away: it cannot run
            return 0, 0, 0
        finally:
            close(fd)

    def of(self, fd: int) -> Counts:
        """The counters of the program behind a descriptor."""
        buffer = self._buffer
        buffer[:] = _ZEROS  # counts and addresses in there ask the kernel for more
        pack_into("=IIQ", self._info.attributes, 0, fd, BPF_PROG_INFO_SIZE, address(buffer))
        result = self._info()
        if result < 0:
            raise failure("BPF_OBJ_GET_INFO_BY_FD", -result)
        counts: Counts = _COUNTS.unpack_from(buffer, _AT)
        return counts
