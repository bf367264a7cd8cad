"""Perf buffers over memory in which a test plays the kernel (kernel/events/ring_buffer.c)."""

from __future__ import annotations

import os
import random
import struct
from mmap import mmap

import pytest

from probee.errors import FormatError, UsageError
from probee.lang.perf import PerfEventArray
from probee.lang.types import Struct, u32, u64
from probee.runtime.decode import row_decoder
from probee.runtime.perf import LivePerf, PerfRing, PerfRings
from probee.runtime.records import RecordLayout

SAMPLE, LOST, THROTTLE = 9, 2, 5


class Event(Struct):
    number: u64
    extra: u32


LAYOUT = RecordLayout("QI4x")


class FakeKernel:
    """Writes one CPU's buffer of `size` bytes; what finds no room is told with what does."""

    def __init__(self, size: int, *, start: int = 0) -> None:
        self.size = size
        memory = memoryview(mmap(-1, 4096 + size))
        self.head, self.tail = memory[1024:1032].cast("Q"), memory[1032:1040].cast("Q")
        self.data = memory[4096:]
        self.ring = PerfRing(memory[1024:1032].cast("Q"), memory[1032:1040].cast("Q"), self.data)
        self.head[0] = self.tail[0] = start
        self.lost = 0

    def record(self, kind: int, body: bytes) -> bool:
        size = 8 + len(body)
        assert size % 8 == 0
        if self.head[0] + size - self.tail[0] > self.size:
            return False
        at = self.head[0]
        for index, byte in enumerate(struct.pack("=IHH", kind, 0, size) + body, at):
            self.data[index % self.size] = byte
        self.head[0] = at + size
        return True

    def send(self, number: int) -> bool:
        if self.lost and self.record(LOST, struct.pack("=QQ", 1, self.lost)):
            self.lost = 0
        data = struct.pack("=QI4x", number, number % 7)
        if not self.lost and self.record(SAMPLE, struct.pack("=I", 20) + data + bytes(4)):
            return True
        self.lost += 1
        return False


def live(*kernels: FakeKernel, fd: int = -1) -> LivePerf[Event]:
    rings = PerfRings()
    rings.rings = [kernel.ring for kernel in kernels]
    return LivePerf(rings, fd, LAYOUT, row_decoder(Event.layout_, Event), lambda: None)


def test_records_come_in_order_from_each_cpu() -> None:
    one, two = FakeKernel(4096), FakeKernel(4096)
    for number in range(5):
        assert one.send(number)
        assert two.send(100 + number)
    events = live(one, two)
    assert list(events.drain()) == [
        Event(number=n, extra=n % 7) for n in (*range(5), *range(100, 105))
    ]
    assert (list(events.drain()), events.lost) == ([], 0)


@pytest.mark.parametrize("start", [0, 8, 4088, (1 << 40) + 4072])
def test_records_that_go_on_at_the_start_are_put_together(start: int) -> None:
    kernel = FakeKernel(4096, start=start)
    events, got = live(kernel), []
    for number in range(1000):
        assert kernel.send(number)
        if number % 13 == 0:
            got += [event.number for event in events.drain()]
    got += [event.number for event in events.drain()]
    assert got == list(range(1000))


def test_what_was_sent_is_read_or_counted_as_lost() -> None:
    rng = random.Random(7)
    kernel = FakeKernel(4096)
    events, got, refused = live(kernel), 0, 0
    for number in range(5000):
        refused += not kernel.send(number)
        if rng.random() < 0.007:
            got += len(list(events.drain()))
    got += len(list(events.drain()))
    assert kernel.send(0)  # tells what was lost since the last one
    assert [event.number for event in events.drain()] == [0]
    assert refused > 100
    assert (got + refused, events.lost) == (5000, refused)


def test_other_kinds_of_record_are_passed_over() -> None:
    kernel = FakeKernel(4096)
    assert kernel.record(THROTTLE, bytes(24))
    assert kernel.send(1)
    assert [event.number for event in live(kernel).drain()] == [1]


def test_a_batch_has_a_bound_and_leaves_the_rest() -> None:
    kernel = FakeKernel(1 << 16)
    for number in range(600):
        assert kernel.send(number)
    batches = list(live(kernel).batches())
    assert [len(batch) for batch in batches] == [256, 256, 88]
    assert [row[0] for batch in batches for row in batch] == list(range(600))


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (SAMPLE, struct.pack("=I", 4) + bytes(4), "sample of 4 bytes"),
        (SAMPLE, struct.pack("=I", 60) + bytes(60), "sample of 60 bytes"),
        (SAMPLE, struct.pack("=I", 20) + bytes(4), "sample of 20 bytes"),
    ],
)
def test_a_sample_of_another_size_is_refused(kind: int, body: bytes, said: str) -> None:
    kernel = FakeKernel(4096)
    assert kernel.record(kind, body)
    assert kernel.send(3)
    events = live(kernel)
    with pytest.raises(FormatError, match=said):
        list(events.drain())
    assert [event.number for event in events.drain()] == [3]  # and left behind


def test_broken_positions_are_refused() -> None:
    kernel = FakeKernel(4096)
    kernel.head[0] = 5000
    with pytest.raises(FormatError, match="one reader"):
        list(live(kernel).drain())
    kernel.head[0] = 16
    kernel.data[:8] = struct.pack("=IHH", SAMPLE, 0, 0)
    with pytest.raises(FormatError, match="record of 0 bytes"):
        list(live(kernel).drain())


def test_waiting_looks_into_the_buffers_first() -> None:
    """The kernel's mark is gone after one poll; what it told of may be there still."""
    kernel = FakeKernel(4096)
    reader, writer = os.pipe()
    try:
        events = live(kernel, fd=reader)
        assert not events.wait(0)
        assert kernel.send(1)
        assert events.wait(0)
        assert events.wait(None)
        list(events.drain())
        os.write(writer, b"x")  # a wake-up with nothing behind it
        assert not events.wait(0.02)
    finally:
        os.close(reader)
        os.close(writer)


def test_the_declaration() -> None:
    assert PerfEventArray(Event, size="1M").max_entries == 1 << 20
    with pytest.raises(UsageError, match="kernel programs"):
        PerfEventArray(Event).output(Event(number=1, extra=1))
    with pytest.raises(UsageError, match="power of two"):
        PerfEventArray(Event, size=5000)
