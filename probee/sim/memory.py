"""The memory that a simulated program sees: regions at addresses of 64 bits, with exact bounds.

In: areas to place, addresses and sizes to read or write. Out: bytes, or a `Fault` that says what
is wrong with the access. Each region has a window of 4 GiB of its own, far from every other, so
that an address tells its region and a pointer that leaves one never lands in the next.
"""

from __future__ import annotations

from probee.errors import ProbeeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_WINDOW = 0xFFFF8880  # where Linux on x86-64 maps memory: addresses look like addresses
WINDOW_BITS = 32
INSIDE = (1 << WINDOW_BITS) - 1
ADDRESS = (1 << 64) - 1


class Fault(ProbeeError):
    """What is wrong with what an instruction does. The interpreter adds where it stands."""


class Region:
    """`data` at address `base`. `written`: of a stack, which bytes hold something (1) or not (0).

    `gone`: why the memory is no longer the program's; its data is empty then.
    """

    __slots__ = ("base", "data", "gone", "name", "writable", "written")

    def __init__(self, name: str, base: int, data: bytearray, *, writable: bool) -> None:
        self.name, self.base, self.data, self.writable = name, base, data, writable
        self.gone = ""
        self.written: bytearray | None = None

    def drop(self, why: str) -> None:
        """The memory is given back: every later access is a fault that says `why`."""
        self.data, self.gone = bytearray(), why


class Memory:
    """All regions of one machine, and what the world lets `probe_read` reach."""

    def __init__(self, kernel: Mapping[int, bytes]) -> None:
        self.regions: dict[int, Region] = {}
        self.kernel = kernel
        self._next = FIRST_WINDOW

    def add(self, name: str, data: bytearray, *, writable: bool = True) -> Region:
        """Places `data`, which the program and the caller then share."""
        region = Region(name, self._next << WINDOW_BITS, data, writable=writable)
        self.regions[self._next] = region
        self._next += 2  # the window between stays empty
        return region

    def sweep(self, *regions: Region) -> None:
        """Takes out `regions` and all that were dropped: no program runs that could use them."""
        ended = [window for window, r in self.regions.items() if r.gone or r in regions]
        for window in ended:
            del self.regions[window]

    def find(self, address: int, size: int, *, write: bool = False) -> tuple[Region, int]:
        """The region and the offset in it of `size` bytes at `address`. Fault where there is none.

        What is read of a stack must have been written.
        """
        region = self.regions.get(address >> WINDOW_BITS)
        at = address & INSIDE
        if region is None or at + size > len(region.data) or (write and not region.writable):
            raise self.fault(address, size, write=write)
        if region.written is not None:
            if write:
                region.written[at : at + size] = b"\1" * size
            elif 0 in region.written[at : at + size]:
                raise unwritten(region, at, size)
        return region, at

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes that the program may read."""
        if size == 0:
            return b""
        region, at = self.find(address, size)
        return bytes(region.data[at : at + size])

    def write(self, address: int, data: bytes) -> None:
        """Writes where the program may."""
        if data:
            region, at = self.find(address, len(data), write=True)
            region.data[at : at + len(data)] = data

    def place(self, address: int) -> tuple[Region | None, int]:
        """The region whose window an address lies in, if there is one, and the offset in it."""
        return self.regions.get(address >> WINDOW_BITS), address & INSIDE

    def read_kernel(self, address: int, size: int) -> bytes | None:
        """What `probe_read_kernel` finds: the program's own memory too; None where it fails."""
        region, at = self.place(address)
        if region is not None and at + size <= len(region.data):
            return bytes(region.data[at : at + size])
        return span(self.kernel, address, size)

    def fault(self, address: int, size: int, *, write: bool) -> Fault:
        """Why these bytes cannot be read or written."""
        does = f"{'writes' if write else 'reads'} {size} bytes"
        # An address below a region's first byte lies in the window before it, which is empty.
        region = self.regions.get((address + (1 << (WINDOW_BITS - 1))) >> WINDOW_BITS)
        if region is None:
            if address < 4096:
                return Fault(f"{does} at address {address:#x}: a null pointer")
            return Fault(f"{does} at {address:#x}, where the program has no memory")
        at = address - region.base
        if region.gone:
            return Fault(f"{does} at byte {at} of {region.name}, {region.gone}")
        if not 0 <= at <= len(region.data) - size:
            held = len(region.data)
            return Fault(f"{does} at byte {at} of {region.name}, which has {held}")
        return Fault(f"{does} at byte {at} of {region.name}, which is read-only")


def unwritten(region: Region, at: int, size: int) -> Fault:
    """The fault of reading what was never written."""
    assert region.written is not None
    first = at + region.written[at : at + size].index(0)
    return Fault(
        f"reads {size} bytes at byte {at} of {region.name}, where byte {first} was never written"
    )


def span(areas: Mapping[int, bytes], address: int, size: int) -> bytes | None:
    """`size` bytes at `address` of memory given as `address → bytes`, or None."""
    for start, data in areas.items():
        if start <= address and address + size <= start + len(data):
            return data[address - start : address - start + size]
    return None


def text(areas: Mapping[int, bytes], address: int) -> bytes | None:
    """The bytes from `address` to the end of its area: a NUL is to be found in there."""
    for start, data in areas.items():
        if start <= address < start + len(data):
            return data[address - start :]
    return None
