"""The CPUs that this kernel may ever have: per-CPU maps hold a copy of each value for each.

In: the kernel's listing. Out: their number, and codecs of what such a map holds for user space: a
copy behind the other, each rounded up to 8 bytes (kernel/bpf/hashtab.c, arraymap.c).
"""

from __future__ import annotations

from probee.errors import FormatError, KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.runtime.decode import ValueCodec

_POSSIBLE = "/sys/devices/system/cpu/possible"


class PerCpuCodec:
    """Lists of values, one for each possible CPU."""

    __slots__ = ("_cpus", "_one", "_slot", "size")

    def __init__(self, one: ValueCodec) -> None:
        self._one, self._cpus = one, possible_cpus()
        self._slot = one.size + 7 & ~7
        self.size = self._slot * self._cpus

    def decode(self, data: bytes) -> Any:
        """The values, from CPU 0 on. FormatError where these are not the bytes of all CPUs."""
        if len(data) != self.size:
            raise FormatError(f"{len(data)} bytes where {self._cpus} CPUs have {self.size}")
        size = self._one.size
        return [self._one.decode(data[at : at + size]) for at in range(0, self.size, self._slot)]

    def encode(self, values: object, what: str = "value") -> bytes:
        """The bytes of a list with a value for each CPU. UsageError for anything else."""
        if not isinstance(values, (list, tuple)) or len(values) != self._cpus:
            raise UsageError(f"{what}: a list of {self._cpus} values is wanted, one a possible CPU")
        return b"".join(
            self._one.encode(value, f"{what}[{cpu}]").ljust(self._slot, b"\0")
            for cpu, value in enumerate(values)
        )


class SumCodec(PerCpuCodec):
    """Numbers, of which each CPU holds a part: read as their sum, written to CPU 0."""

    __slots__ = ()

    def decode(self, data: bytes) -> int:
        """The sum over all CPUs."""
        return sum(super().decode(data))

    def encode(self, value: object, what: str = "value") -> bytes:
        """The number on CPU 0, and 0 elsewhere."""
        return self._one.encode(value, what).ljust(self.size, b"\0")


def possible_cpus() -> int:
    """How many CPUs this kernel may ever have: per-CPU maps hold a copy for each.

    The file lists ranges, as "0-3,8-11" (Documentation/admin-guide/cputopology.rst).
    """
    try:
        with open(_POSSIBLE, encoding="ascii") as file:
            listing = file.read().strip()
    except OSError as error:
        raise KernelError(
            f"reading {_POSSIBLE}", error.errno or 0, cause="is /sys mounted?"
        ) from None
    return count_cpus(listing)


def count_cpus(listing: str) -> int:
    """The number of CPUs in a listing as "0-3,8-11". FormatError for anything else."""
    count = 0
    for part in listing.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            last = first
        if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
            raise FormatError(f"{listing!r} is no list of CPUs")
        count += int(last) - int(first) + 1
    return count
