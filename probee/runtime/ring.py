"""Reading a BPF ring buffer through shared memory: records out, and waiting for more of them.

In: a map's descriptor and size, or any memory of the same form. Out: `Ring`, which takes records as
bytes or, where they are all of one size, as lists of tuples unpacked in one sweep; `LiveRing`,
which gives instances of the declared `Struct`.

The form (kernel/bpf/ringbuf.c, Linux 5.8): a page with the reader's position, a page with the
writer's, then the data, mapped twice in a row so that no record is split. Positions are bytes since
the start and only grow. A record is a u32 length whose two upper bits mean "busy" (not committed
yet) and "discarded", a u32 of the kernel's own, and the data, filled up to 8 bytes.

Memory order: a position or a header is read and written as one aligned native word through a
`memoryview`; `struct.pack_into` would zero it first. The reader loads the writer's position, then
headers, then data, and at last stores its own position. x86-64 keeps loads in order among
themselves, stores too, and no store passes an earlier load, so plain accesses are the acquire and
release that the kernel pairs with. On other machines they are not: there the ring is refused.

Wake-ups: the kernel wakes a waiter when it commits a record exactly where the reader stands. So the
reader moves its position once for a whole batch, drains no further than the writer was when it
began, and leaves `PAUSE` between two drains: a busy ring wakes it some 200 times a second instead
of at each record, a lone record is there at once, and while nothing happens no timer runs. Where
the ring fills in that time, the pauses get shorter, until there are none.
"""

from __future__ import annotations

import os

from probee.errors import FormatError, KernelError, NotSupportedError
from probee.runtime.records import HEADER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Generic, Protocol, TypeAlias, TypeVar

    from probee.lang.types import Struct
    from probee.runtime.records import RecordLayout

    R = TypeVar("R", bound=Struct)
    Row: TypeAlias = tuple[Any, ...]

    class Source(Protocol):
        """What records are read from: a `Ring`, or something in its form."""

        @property
        def filled(self) -> float:
            """How much of it waits to be read."""

        @property
        def end(self) -> Any:
            """The writer's position."""

        def rows(self, end: Any, record: RecordLayout, limit: int = ...) -> list[Row]:
            """Records that stand before `end`."""

        def close(self) -> None:
            """Gives the memory back."""

else:
    from probee.lang.generics import Generic

    R = None


BUSY = 1 << 31
DISCARD = 1 << 30

PAUSE = 0.005  # seconds between two drains, at most
_SHORTEST = 0.001  # what poll can wait; a shorter pause is none
_LONGEST = 2_000_000_000  # ms, 23 days: poll takes an int
BATCH = 256  # records taken before their space is given back


def check_machine(what: str) -> None:
    """NotSupportedError where plain loads and stores are not in the order that is relied on."""
    machine = os.uname().machine
    if machine != "x86_64":
        raise NotSupportedError(
            f"reading {what} on {machine}",
            hint="probee reads it on x86_64, whose memory order its reader relies on",
        )


class Ring:
    """The reader's end of a ring. One reader only: two would tear each other's records.

    `consumer` and `producer` are one native u64 each, `data` is the bytes, twice in a row, and
    `size` is the number of them in one copy, a power of two.
    """

    __slots__ = ("_consumer", "_data", "_mask", "_mmaps", "_producer", "_size", "_words")

    def __init__(
        self, consumer: memoryview, producer: memoryview, data: memoryview, size: int
    ) -> None:
        self._consumer, self._producer, self._data = consumer, producer, data
        self._words = data.cast("I")
        self._size, self._mask = size, size - 1
        self._mmaps: tuple[Any, ...] = ()

    @classmethod
    def map(cls, fd: int, size: int) -> Ring:
        """Maps the ring-buffer map `fd` of `size` bytes. KernelError where the kernel refuses."""
        check_machine("a ring buffer")
        from mmap import MAP_SHARED, PAGESIZE, PROT_READ, PROT_WRITE, mmap

        try:
            own = mmap(fd, PAGESIZE, MAP_SHARED, PROT_READ | PROT_WRITE)
        except OSError as error:
            raise KernelError("mmap of a ring buffer", error.errno or 0) from None
        try:
            rest = mmap(fd, PAGESIZE + 2 * size, MAP_SHARED, PROT_READ, offset=PAGESIZE)
        except OSError as error:
            own.close()
            raise KernelError("mmap of a ring buffer", error.errno or 0) from None
        view = memoryview(rest)
        ring = cls(memoryview(own)[:8].cast("Q"), view[:8].cast("Q"), view[PAGESIZE:], size)
        ring._mmaps = (own, rest)
        return ring

    def close(self) -> None:
        """Gives the memory back. Harmless twice, and in a child process: it has its own mapping."""
        for view in (self._words, self._consumer, self._producer, self._data):
            view.release()
        for mapping in self._mmaps:
            mapping.close()
        self._mmaps = ()

    @property
    def filled(self) -> float:
        """How much of the ring waits to be read: 0 to 1."""
        return float((self.end - self._consumer[0]) / self._size)

    @property
    def end(self) -> int:
        """The writer's position: records up to here may be read, unless one of them is busy."""
        return int(self._producer[0])

    def _begin(self, end: int) -> int:
        at: int = self._consumer[0]
        if end - at > self._size or at > self.end:
            raise FormatError(
                f"a ring of {self._size} bytes whose reader stands at {at}, its writer at {end}",
                hint="a ring buffer has one reader: is another process reading this one?",
            )
        return at

    def _head(self, at: int, end: int) -> tuple[int, int]:
        """The header at `at` and how far the next record is."""
        head: int = self._words[(at & self._mask) >> 2]
        step = (head & ~(BUSY | DISCARD)) + HEADER + 7 & ~7
        if step > end - at:
            raise FormatError(f"a ring-buffer record of {step} bytes where {end - at} are written")
        return head, step

    def records(self, end: int, limit: int = BATCH) -> list[bytes]:
        """Takes up to `limit` records that stand before position `end`; [] when there are no more.

        A busy record ends the list: what stands behind it comes later. Discarded ones are skipped.
        """
        at = start = self._begin(end)
        found: list[bytes] = []
        while at < end and len(found) < limit:
            head, step = self._head(at, end)
            if head & BUSY:
                break
            if not head & DISCARD:
                first = (at & self._mask) + HEADER
                found.append(bytes(self._data[first : first + head]))
            at += step
        if at != start:
            self._consumer[0] = at
        return found

    def rows(self, end: int, record: RecordLayout, limit: int = BATCH) -> list[Row]:
        """As `records`, each unpacked by `record`. FormatError for one that is too long for it."""
        at = start = self._begin(end)
        found: list[Row] = []
        while at < end and len(found) < limit:
            run = self._run(at, min((end - at) // record.stride, limit - len(found)), record)
            if run:
                first, length = at & self._mask, run * record.stride
                found.extend(record.run.iter_unpack(self._data[first : first + length]))
                at += length
                continue
            at, before = self._varied(at, end, record, found, limit), at
            if at != before:
                continue
            # Of another length, or not to be read: one by one.
            head, step = self._head(at, end)
            if head & BUSY or (found and not head & DISCARD and not record.holds(head)):
                break
            first = (at & self._mask) + HEADER
            at += step
            if not head & DISCARD:
                self._check_length(head, at, record)
                found.append(record.unpack(bytes(self._data[first : first + head])))
        if at != start:
            self._consumer[0] = at
        return found

    def _varied(self, at: int, end: int, record: RecordLayout, found: list[Row], limit: int) -> int:
        """Appends records from `at` on that end in their text, up to one that does not.

        What stands behind the text's NUL was not sent. Gives the position behind the last.
        """
        words, data, mask, shapes = self._words, self._data, self._mask, record.shapes
        for _ in range(limit - len(found)):
            place = at & mask
            shape = shapes[words[place >> 2]]  # of a stale header, where `at` is `end`
            if shape is None:
                break
            unpack, step = shape
            if at + step > end:
                break
            row = unpack(data, place + HEADER)
            if row[-1][-1]:  # the text goes on to the end of the record: zeroes follow
                length = words[place >> 2]
                row = record.unpack(bytes(data[place + HEADER : place + HEADER + length]))
            found.append(row)
            at += step
        return at

    def _check_length(self, length: int, behind: int, record: RecordLayout) -> None:
        """FormatError for a record that cannot be the declared one, and is left behind."""
        if not record.holds(length):
            self._consumer[0] = behind
            least = f"{record.least} to " if record.least < record.size else ""
            raise FormatError(
                f"a ring-buffer record of {length} bytes; the declared one has {least}{record.size}"
            )

    def _run(self, at: int, count: int, record: RecordLayout) -> int:
        """How many of the next `count` records are committed ones of the declared size.

        Their headers stand at a fixed distance for as long as this holds, which one slice reads.
        """
        first, stride = (at & self._mask) >> 2, record.stride >> 2
        if not count or self._words[first] != record.size:
            return 0
        heads = self._words[first : first + count * stride : stride].tolist()
        if heads.count(record.size) == count:
            return count
        return next(i for i, head in enumerate(heads) if head != record.size)


def wait(fd: int, timeout: float | None, stop: int | None, not_before: float) -> bool:
    """Waits until ring `fd` has records, `stop` is readable or `timeout` seconds are over.

    True if there are records. It returns no sooner than `not_before` on the monotonic clock (so
    that they gather), unless `stop` or the timeout end it. None: no timeout, no stop descriptor.
    """
    from select import POLLIN, poll
    from time import monotonic

    deadline = None if timeout is None else monotonic() + timeout
    both, ends = poll(), poll()
    both.register(fd, POLLIN)
    if stop is not None:
        both.register(stop, POLLIN)
        ends.register(stop, POLLIN)
    limit = None if timeout is None else min(max(timeout, 0) * 1000, _LONGEST)
    ready = [at for at, _ in both.poll(limit)]
    if fd in ready and stop not in ready:
        until = not_before if deadline is None else min(not_before, deadline)
        rest = until - monotonic()
        if rest > 0:
            ends.poll(rest * 1000)
    return fd in ready


def next_pause(pause: float, filled: float) -> float:
    """The pause after a drain that found the ring so full (0 to 1), in seconds.

    Halved where a quarter of the ring was full, doubled again up to `PAUSE` where a sixteenth was
    not: in between it fits.
    """
    if filled > 1 / 4:
        return pause / 2 if pause >= 2 * _SHORTEST else 0.0
    if filled < 1 / 16:
        return min(max(2 * pause, _SHORTEST), PAUSE)
    return pause


class LiveRing(Generic[R]):
    """The live ring of a `RingBuf` declaration: `session[declaration]`.

    For one thread at a time. `drain` and `batches` may be mixed; no record is given twice or lost
    when a loop over them is left early.
    """

    def __init__(
        self,
        ring: Source,
        fd: int,
        layout: RecordLayout,
        decode: Callable[[Row], R],
        guard: Callable[[], None],
    ) -> None:
        self._ring, self._fd, self._layout, self._decode = ring, fd, layout, decode
        self._guard = guard
        self._pending: list[Row] = []  # taken out of the ring, not given yet; last one first
        self._drained = 0.0
        self._pause = PAUSE

    def fileno(self) -> int:
        """The map's descriptor, readable for poll and epoll while records wait."""
        self._guard()
        return self._fd

    def drain(self) -> Iterator[R]:
        """The records that stand in the ring now, oldest first. Does not wait."""
        decode, pending = self._decode, self._pending
        for batch in self.batches():
            batch.reverse()
            pending[:] = batch
            while pending:
                yield decode(pending.pop())

    def batches(self) -> Iterator[list[Row]]:
        """The same as lists of tuples: the struct's fields in order, nested ones flat, text raw.

        Of a record that was sent up to its text's end that text has no bytes behind its NUL.

        For tools that print many rows: less than a microsecond a record. `decode.text` makes
        `Chars` of a raw field.
        """
        from time import monotonic

        self._guard()
        self._drained = monotonic()
        self._pause = next_pause(self._pause, self._ring.filled)
        end = self._ring.end
        if self._pending:
            left = self._pending[::-1]
            self._pending.clear()
            yield left
        while True:
            self._guard()
            batch = self._ring.rows(end, self._layout)
            if not batch:
                return
            yield batch

    def wait(self, timeout: float | None = None, stop: int | None = None) -> bool:
        """Waits for records: True if there are some. `timeout` in seconds; None waits for ever.

        `stop`: a descriptor (eventfd, pipe, signal wake-up socket) that ends the wait at once when
        it becomes readable. Two drains are mostly `PAUSE` apart, see the module's docstring.
        """
        self._guard()
        if self._pending:
            return True
        return wait(self._fd, timeout, stop, self._drained + self._pause)

    def unmap(self) -> None:
        """Gives the memory back; the Session calls it."""
        self._ring.close()
