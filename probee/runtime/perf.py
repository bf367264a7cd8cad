"""Reading a perf event array: a buffer for each CPU, shared with the kernel.

In: the map's descriptor, bytes for each buffer. Out: `PerfRings`, all buffers in the form of one
`Ring`; `LivePerf`, which gives instances of the declared `Struct` as `LiveRing` does.

The form (include/uapi/linux/perf_event.h, struct perf_event_mmap_page): a page with the kernel's
position, data_head, and the reader's, data_tail; then the data. Positions only grow. A record has
a header of 8 bytes, and is a multiple of 8 bytes long: it may go on at the start of the data. A
sample is a u32 length and the bytes given to bpf_perf_event_output(), filled up; the length counts
the filling. A LOST record says how many before it found no room. The program counts those too, when
the kernel refuses them, and that is the count in `Session.losses()`; `LivePerf.lost` is this one.

Memory order is as in ring.py: data_head is loaded before the data, data_tail is stored after it,
each as one aligned word, and that suffices on x86-64 only.

The kernel says once that an event can be read (perf_poll() takes the mark away), so a wait looks
into the buffers first.
"""

from __future__ import annotations

import os
from struct import Struct as Layout
from sys import byteorder

from probee.errors import FormatError, KernelError
from probee.host import bpf
from probee.host.cpus import online
from probee.host.perf import enable, open_output, open_samples
from probee.lang.generics import Generic
from probee.runtime.ring import BATCH, LiveRing, check_machine, wait
from probee.uapi.perf_event import PERF_RECORD_LOST, PERF_RECORD_SAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Self, TypeAlias, TypeVar

    from probee.lang.types import Struct
    from probee.runtime.records import RecordLayout

    R = TypeVar("R", bound=Struct)
    Row: TypeAlias = tuple[Any, ...]
else:
    R = None

_HEADER = Layout("=IHH")  # type, misc, size
_LOST = Layout("=QQ")  # which event, how many
_LENGTH = Layout("=I")
_RAW = _HEADER.size + _LENGTH.size  # where a sample's bytes begin
_HEAD, _TAIL = 1024, 1032  # in the first page


class PerfRing:
    """The reader's end of one CPU's buffer. `head` and `tail` are one native u64 each.

    `lost`: how many records the kernel says it dropped, as far as this has read.
    """

    __slots__ = ("_data", "_head", "_mask", "_size", "_tail", "lost")

    def __init__(self, head: memoryview, tail: memoryview, data: memoryview) -> None:
        self._head, self._tail, self._data = head, tail, data
        self._size = len(data)
        self._mask = self._size - 1
        self.lost = 0

    def close(self) -> None:
        """Lets go of the memory."""
        for view in (self._head, self._tail, self._data):
            view.release()

    @property
    def end(self) -> int:
        """The kernel's position: records up to here may be read."""
        return int(self._head[0])

    @property
    def filled(self) -> float:
        """How much of it waits to be read: 0 to 1."""
        return float((self.end - self._tail[0]) / self._size)

    def rows(self, end: int, record: RecordLayout, limit: int) -> list[Row]:
        """Takes up to `limit` records that stand before position `end`."""
        at = start = int(self._tail[0])
        if not 0 <= end - at <= self._size:
            raise FormatError(
                f"a perf buffer of {self._size} bytes, read up to {at} and written up to {end}",
                hint="a perf buffer has one reader: is another process reading this one?",
            )
        found: list[Row] = []
        try:
            while at < end and len(found) < limit:
                kind, _, size = self._header(at, end)
                here, at = at, at + size
                if kind == PERF_RECORD_SAMPLE:
                    found.append(self._sample(here, size, record))
                elif kind == PERF_RECORD_LOST:
                    self.lost += _LOST.unpack(self._bytes(here + _HEADER.size, _LOST.size))[1]
        finally:
            if at != start:
                self._tail[0] = at
        return found

    def records(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Takes the records before position `end`, of any kind: PERF_RECORD_*, what follows."""
        at = int(self._tail[0])
        while at < end:
            kind, _, size = self._header(at, end)
            body = self._bytes(at + _HEADER.size, size - _HEADER.size)
            at += size
            self._tail[0] = at
            yield kind, body

    def _header(self, at: int, end: int) -> tuple[int, int, int]:
        """Of the record at a position: its kind, its flags, its length, which is a right one."""
        kind, flags, size = _HEADER.unpack(self._bytes(at, _HEADER.size))
        if size < _HEADER.size or size & 7 or size > end - at:
            raise FormatError(f"a perf record of {size} bytes where {end - at} are written")
        return kind, flags, size

    def _sample(self, at: int, size: int, record: RecordLayout) -> Row:
        (length,) = _LENGTH.unpack(self._bytes(at + _HEADER.size, _LENGTH.size))
        if not record.size <= length < record.size + 8 or length > size - _RAW:
            raise FormatError(f"a perf sample of {length} bytes; the declared has {record.size}")
        return record.single.unpack(self._bytes(at + _RAW, record.size))

    def _bytes(self, at: int, size: int) -> bytes:
        """What stands at a position, put together where it goes on at the start."""
        first = at & self._mask
        data = bytes(self._data[first : first + size])
        return data if len(data) == size else data + bytes(self._data[: size - len(data)])


class PerfRings:
    """The buffers of all CPUs that were online when it was opened, in the form of one `Ring`."""

    def __init__(self) -> None:
        self.rings: list[PerfRing] = []
        self._owned: list[Callable[[], None]] = []

    @classmethod
    def open(
        cls,
        map_fd: int,
        size: int,
        name: str,
        places: Sequence[tuple[int, int]] | None = None,
        *,
        timed: bool = False,
    ) -> tuple[Self, int]:
        """Opens an event and maps a buffer of `size` bytes for each CPU, and puts it into the map.

        With a descriptor that is readable while one of them is. KernelError where refused.
        `places`: CPUs and their keys in the map, if not each CPU under its own number. `timed`:
        samples begin with a time.
        """
        check_machine("a perf event array")
        from select import epoll

        made = cls()
        try:
            poller = epoll()
            made._owned.append(poller.close)
            for cpu, key in [(cpu, cpu) for cpu in online()] if places is None else places:
                fd = open_output(cpu, f"perf event array {name}, CPU {cpu}", timed=timed)
                made._owned.append(_closer(fd))
                made._map(fd, size)
                bpf.map_update(map_fd, key.to_bytes(4, byteorder), fd.to_bytes(4, byteorder))
                enable(fd)
                poller.register(fd)
        except BaseException:
            made.close()
            raise
        return made, poller.fileno()

    @classmethod
    def sampling(cls, frequency: int, size: int) -> Self:
        """Buffers of samples of what the kernel does on each CPU, so many a second."""
        check_machine("sampling")
        made = cls()
        try:
            for cpu in online():
                fd = open_samples(cpu, frequency)
                made._owned.append(_closer(fd))
                made._map(fd, size)
                enable(fd)
        except BaseException:
            made.close()
            raise
        return made

    def _map(self, fd: int, size: int) -> None:
        from mmap import MAP_SHARED, PAGESIZE, PROT_READ, PROT_WRITE, mmap

        try:
            memory = mmap(fd, PAGESIZE + size, MAP_SHARED, PROT_READ | PROT_WRITE)
        except OSError as error:
            raise KernelError(
                "mmap of a perf buffer",
                error.errno or 0,
                hint="a smaller size=, or a higher kernel.perf_event_mlock_kb",
            ) from None
        view = memoryview(memory)
        ring = PerfRing(
            view[_HEAD : _HEAD + 8].cast("Q"), view[_TAIL : _TAIL + 8].cast("Q"), view[PAGESIZE:]
        )
        self.rings.append(ring)

        def unmap() -> None:
            ring.close()
            view.release()
            memory.close()

        self._owned.append(unmap)

    def close(self) -> None:
        """Gives all back. Harmless twice."""
        while self._owned:
            self._owned.pop()()

    @property
    def filled(self) -> float:
        """How much of the fullest buffer waits to be read."""
        return max((ring.filled for ring in self.rings), default=0.0)

    @property
    def end(self) -> tuple[int, ...]:
        """The kernel's position in each."""
        return tuple(ring.end for ring in self.rings)

    def rows(self, end: tuple[int, ...], record: RecordLayout, limit: int = BATCH) -> list[Row]:
        """Takes up to `limit` records that stand before `end`, CPU after CPU."""
        found: list[Row] = []
        for ring, stop in zip(self.rings, end, strict=True):
            if len(found) < limit:
                found += ring.rows(stop, record, limit - len(found))
        return found


class LivePerf(LiveRing[R], Generic[R]):
    """The live side of a `PerfEventArray` declaration, to be used as that of a `RingBuf`.

    Records of one CPU come in the order in which they were sent; those of several CPUs do not.
    """

    def __init__(
        self,
        rings: PerfRings,
        fd: int,
        layout: RecordLayout,
        decode: Callable[[Row], R],
        guard: Callable[[], None],
    ) -> None:
        super().__init__(rings, fd, layout, decode, guard)
        self._rings = rings

    @property
    def lost(self) -> int:
        """How many records the kernel said it dropped, in what was drained so far."""
        return sum(ring.lost for ring in self._rings.rings)

    def wait(self, timeout: float | None = None, stop: int | None = None) -> bool:
        """Waits for records: True if there are some. As LiveRing's."""
        from select import POLLIN, poll
        from time import monotonic

        self._guard()
        deadline = None if timeout is None else monotonic() + timeout
        while not (self._pending or self._rings.filled):
            left = None if deadline is None else max(0.0, deadline - monotonic())
            told = wait(self._fd, left, stop, self._drained + self._pause)
            if not self._rings.filled and (not told or left == 0):
                return False
        rest = self._drained + self._pause - monotonic()
        if deadline is not None:
            rest = min(rest, deadline - monotonic())
        if rest > 0 and not self._pending:
            ends = poll()
            if stop is not None:
                ends.register(stop, POLLIN)
            ends.poll(rest * 1000)
        return True


def _closer(fd: int) -> Callable[[], None]:
    return lambda: os.close(fd)
