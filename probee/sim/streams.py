"""Maps that values pass through: ring buffer, perf event array, queue, stack, Bloom filter.

In: values as bytes. Out: addresses of reserved records, error numbers, and what user space drains
(kernel/bpf/ringbuf.c, queue_stack_maps.c and bloom_filter.c of Linux 6.18).
"""

from __future__ import annotations

from errno import E2BIG, EAGAIN, EEXIST, EINVAL, ENOENT
from sys import byteorder

from probee.sim.maps import BPF_EXIST, SimMap
from probee.sim.memory import Fault, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.sim.memory import Memory
    from probee.spec.programs import MapSpec

HEADER = 8  # of each record in a ring
PAGE = 4096
BUSY, SUBMITTED, DISCARDED = range(3)


class Record:
    """A record in a ring, from its reservation until user space has passed it."""

    __slots__ = ("data", "region", "size", "state")

    def __init__(self, size: int, data: bytes = b"") -> None:
        self.size, self.data, self.state = size, data, BUSY
        self.region: Region | None = None


class RingMap(SimMap):
    """`capacity` bytes: what was wanted, as a power of two of whole pages. A record takes
    its size and 8 bytes, rounded up to 8; full is full until user space drains. A record that is
    still reserved holds back all behind it.
    """

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        super().__init__(spec, memory, cpus)
        self.capacity = max(PAGE, 1 << (spec.max_entries - 1).bit_length())
        self._records: list[Record] = []
        self._reserved: dict[int, Record] = {}

    @property
    def used(self) -> int:
        """Bytes between what user space has read and what programs have reserved."""
        return sum(record.size for record in self._records)

    def _place(self, size: int) -> Record | None:
        taken = (size + HEADER + 7) & ~7
        if self.used + taken > self.capacity - 1:
            return None
        record = Record(taken)
        self._records.append(record)
        return record

    def reserve(self, size: int) -> int:
        """The address of a record of `size` bytes, or 0. Nothing in it counts as written."""
        record = self._place(size)
        if record is None:
            return 0
        record.region = self.memory.add(f"a record of {self.spec.name}", bytearray(size))
        self._reserved[record.region.base] = record
        return record.region.base

    def finish(self, address: int, *, submit: bool) -> None:
        """Ends the reservation at `address`. Fault where there is none."""
        record = self._reserved.pop(address, None)
        if record is None or record.region is None:
            raise Fault(f"submits or discards {address:#x}, which is no reserved record")
        record.data = bytes(record.region.data)
        record.state = SUBMITTED if submit else DISCARDED
        record.region.drop("which was submitted" if submit else "which was discarded")

    def holds(self, address: int) -> bool:
        """Whether a reserved record of this ring begins at `address`."""
        return address in self._reserved

    @property
    def pending(self) -> int:
        """How many records are reserved and neither submitted nor discarded."""
        return len(self._reserved)

    def output(self, data: bytes) -> int:
        """A copy of `data` as a record: 0, or EAGAIN where there is no room."""
        record = self._place(len(data))
        if record is None:
            return -EAGAIN
        record.data, record.state = data, SUBMITTED
        return 0

    def drain(self) -> list[bytes]:
        """Takes out what was submitted, oldest first, up to a record that is still reserved."""
        found = []
        while self._records and self._records[0].state != BUSY:
            record = self._records.pop(0)
            if record.state == SUBMITTED:
                found.append(record.data)
        return found


class PerfMap(SimMap):
    """A perf event array with a reader on each CPU and buffers without end."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        super().__init__(spec, memory, cpus)
        self._records: list[tuple[int, bytes]] = []

    def output(self, cpu: int, data: bytes) -> int:
        """0, or E2BIG where the map has no entry for that CPU."""
        if cpu >= (self.spec.max_entries or self.cpus):
            return -E2BIG
        self._records.append((cpu, data))
        return 0

    def drain(self) -> list[tuple[int, bytes]]:
        """Takes out the records with the CPUs they were written on, oldest first."""
        found, self._records = self._records, []
        return found


class QueueMap(SimMap):
    """A queue, or with `last` a stack: what was pushed last comes first."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int, *, last: bool) -> None:
        super().__init__(spec, memory, cpus)
        self.values: list[bytes] = []
        self.last = last

    def push(self, value: bytes, flags: int) -> int:
        """E2BIG where it is full, unless BPF_EXIST says that the oldest may go."""
        if flags not in (0, BPF_EXIST):
            return -EINVAL
        if len(self.values) >= self.spec.max_entries:
            if flags != BPF_EXIST:
                return -E2BIG
            del self.values[0]
        self.values.append(value)
        return 0

    def take(self, *, keep: bool) -> bytes | None:
        """The next value, which stays if `keep`; None where there is none."""
        if not self.values:
            return None
        at = len(self.values) - 1 if self.last else 0
        return self.values[at] if keep else self.values.pop(at)


class StackMap(SimMap):
    """Stack traces by number, which counts from 0 in the order in which they were first seen.

    The kernel's numbers are hashes, and two stacks with the same one are told by EEXIST; here that
    happens where the map is full.
    """

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        super().__init__(spec, memory, cpus)
        self._held: dict[bytes, int] = {}

    def keep(self, frames: tuple[int, ...]) -> int:
        """The number of a stack, or EEXIST."""
        room = self.spec.value_size // 8
        raw = b"".join(frame.to_bytes(8, byteorder) for frame in frames[:room])
        raw = raw.ljust(self.spec.value_size, b"\0")
        if raw not in self._held and len(self._held) >= self.spec.max_entries:
            return -EEXIST
        return self._held.setdefault(raw, len(self._held))

    def elements(self) -> Iterator[tuple[bytes, list[Region]]]:
        """Stacks by number."""
        for raw, number in self._held.items():
            region = Region(self.spec.name, 0, bytearray(raw), writable=False)
            yield number.to_bytes(4, byteorder), [region]


class BloomMap(SimMap):
    """A Bloom filter that never errs: the kernel's may find what was not pushed."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        super().__init__(spec, memory, cpus)
        self.values: set[bytes] = set()

    def push(self, value: bytes, flags: int) -> int:
        """EINVAL for flags."""
        if flags:
            return -EINVAL
        self.values.add(value)
        return 0

    def test(self, value: bytes) -> int:
        """0 if it was pushed, else ENOENT."""
        return 0 if value in self.values else -ENOENT
