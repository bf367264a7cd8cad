"""The ring reader over memory in which a test plays the kernel."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError, NotSupportedError, UsageError
from probee.lang.types import Chars, Struct, chars, u32, u64
from probee.runtime.decode import row_decoder
from probee.runtime.ring import BATCH, PAUSE, LiveRing, RecordLayout, Ring, next_pause, wait
from tests.unit.runtime.fake_ring import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIR = RecordLayout("IQ")  # 16 bytes with its padding
ODD = RecordLayout("I5s")  # 9 bytes: filled up to 16


def pair(a: int, b: int = 0) -> bytes:
    return PAIR.single.pack(a, b)


def all_records(ring: Ring) -> list[bytes]:
    found: list[bytes] = []
    end = ring.end
    while some := ring.records(end):
        found += some
    return found


def all_rows(ring: Ring, layout: RecordLayout) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    end = ring.end
    while some := ring.rows(end, layout):
        found += some
    return found


def test_records_come_once_in_order() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    assert ring.records(ring.end) == []
    for text in (b"a", b"", b"12345678", b"x" * 100):
        assert kernel.output(text)
    assert ring.records(ring.end, 3) == [b"a", b"", b"12345678"]
    assert ring.records(ring.end) == [b"x" * 100]
    assert ring.records(ring.end) == []
    assert kernel.consumer[0] == kernel.producer[0]


def test_a_busy_record_holds_back_what_stands_behind_it() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    kernel.output(pair(1))
    busy = kernel.reserve(16)
    assert busy is not None
    kernel.output(pair(3))
    assert all_rows(ring, PAIR) == [(1, 0)]
    assert all_rows(ring, PAIR) == []
    kernel.fill(busy, pair(2))
    kernel.commit(busy)
    assert all_rows(ring, PAIR) == [(2, 0), (3, 0)]


def test_discarded_records_are_skipped_and_their_space_given_back() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    for number in range(10):
        at = kernel.reserve(16)
        assert at is not None
        kernel.fill(at, pair(number))
        kernel.commit(at, discard=number % 3 == 0)
    assert [row[0] for row in all_rows(ring, PAIR)] == [1, 2, 4, 5, 7, 8]
    only = kernel.reserve(16)
    assert only is not None
    kernel.commit(only, discard=True)
    assert all_records(ring) == []
    assert kernel.consumer[0] == kernel.producer[0]


def test_nothing_behind_the_given_end_is_read() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    kernel.output(pair(1))
    end = ring.end
    kernel.output(pair(2))
    assert ring.rows(end, PAIR) == [(1, 0)]
    assert ring.rows(end, PAIR) == []
    assert ring.records(end) == []


def test_stale_bytes_behind_the_writer_are_no_records() -> None:
    """After a turn around the ring old headers stand there, committed."""
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    for number in range(1000):
        assert kernel.output(pair(number))
        if number % 7 == 0:
            all_rows(ring, PAIR)
    all_rows(ring, PAIR)
    kernel.output(pair(7))
    assert all_rows(ring, PAIR) == [(7, 0)]


def test_records_of_other_lengths() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    kernel.output(pair(1, 2))
    kernel.output(pair(3, 4)[:4])  # an unused tail left out
    kernel.output(b"")
    kernel.output(pair(5, 6))
    assert all_rows(ring, PAIR) == [(1, 2), (3, 0), (0, 0), (5, 6)]
    kernel.output(pair(1))
    kernel.output(bytes(17))
    kernel.output(pair(2))
    assert ring.rows(ring.end, PAIR) == [(1, 0)]  # what is right is not lost to what is wrong
    with pytest.raises(FormatError, match="17 bytes; the declared one has 16"):
        ring.rows(ring.end, PAIR)
    assert all_rows(ring, PAIR) == [(2, 0)]


def test_positions_near_the_end_of_u64_and_around_the_ring() -> None:
    kernel = FakeKernel(4096, start=(1 << 64) - (1 << 20))
    ring = kernel.ring()
    for number in range(600):
        assert kernel.output(struct.pack("I5s", number, b"abcde"))
        if number % 50 == 0:
            assert all_rows(ring, ODD)[-1] == (number, b"abcde")


def test_broken_positions_and_lengths_are_errors() -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    kernel.producer[0] = 8192
    with pytest.raises(FormatError, match="another process"):
        ring.records(ring.end)
    kernel.producer[0], kernel.consumer[0] = 16, 32
    with pytest.raises(FormatError, match="another process"):
        ring.rows(ring.end, PAIR)
    kernel.consumer[0] = 0
    kernel.words[0] = 4000
    for read in (lambda: ring.records(ring.end), lambda: ring.rows(ring.end, PAIR)):
        with pytest.raises(FormatError, match="are written"):
            read()


operations = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from([0, 1, 4, 16, 16, 16, 16, 40, 700])),
        st.tuples(st.just("commit"), st.integers(0, 9)),
        st.tuples(st.just("discard"), st.integers(0, 9)),
        st.tuples(st.just("records"), st.integers(1, 5)),
        st.tuples(st.just("rows"), st.integers(1, 5)),
        st.tuples(st.just("drain"), st.just(0)),
    ),
    max_size=120,
)


class Model:
    """What should come out: a list of records, each [state, bytes]."""

    def __init__(self) -> None:
        self.records: list[list[object]] = []

    def take(self, limit: int) -> list[object]:
        found: list[object] = []
        while self.records and self.records[0][0] != "busy" and len(found) < limit:
            state, data = self.records.pop(0)
            if state == "done":
                found.append(data)
        return found


@given(operations, st.integers(0, 1 << 40).map(lambda n: n * 8))
def test_any_course_of_events(steps: list[tuple[str, int]], start: int) -> None:
    layout = RecordLayout("700s")
    kernel, model = FakeKernel(4096, start=start), Model()
    ring = kernel.ring()
    busy: list[tuple[int, list[object]]] = []
    counter = 0
    for step, number in steps:
        if step == "reserve":
            at = kernel.reserve(number)
            if at is not None:
                counter += 1
                data = bytes([counter % 256]) * number
                kernel.fill(at, data)
                model.records.append(["busy", data])
                busy.append((at, model.records[-1]))
        elif step in {"commit", "discard"}:
            if number < len(busy):
                at, record = busy.pop(number)
                kernel.commit(at, discard=step == "discard")
                record[0] = "done" if step == "commit" else "discarded"
        elif step == "records":
            assert ring.records(ring.end, number) == model.take(number)
        elif step == "rows":
            rows = [row[0] for row in ring.rows(ring.end, layout, number)]
            assert rows == [data.ljust(700, b"\0") for data in model.take(number)]  # type: ignore[attr-defined]
        else:
            assert all_records(ring) == model.take(1 << 30)
    for at, record in busy:
        kernel.commit(at)
        record[0] = "done"
    assert all_records(ring) == model.take(1 << 30)
    assert kernel.consumer[0] == kernel.producer[0]


@given(operations)
def test_runs_of_equal_records_are_found_among_others(steps: list[tuple[str, int]]) -> None:
    """The sweep over equal records gives what the walk over all of them gives."""
    kernel = FakeKernel(4096)
    for index, (step, length) in enumerate(steps):
        at = kernel.reserve(min(length, 16) if step == "reserve" else 16)
        if at is not None:
            kernel.fill(at, struct.pack("I", index))
            if step != "drain":
                kernel.commit(at, discard=step == "discard")
    ring = kernel.ring()
    rows = all_rows(ring, PAIR)
    kernel.consumer[0] = 0
    expected = [PAIR.unpack(data) for data in all_records(ring)]
    assert rows == expected


def produce(kernel: FakeKernel, total: int) -> Iterator[int]:
    """In the other process: `total` records numbered in order; yields how many found no room."""
    lost = 0
    for number in range(total):
        length = 16 if number % 5 else 8 + number % 64
        at = kernel.reserve(length)
        if at is None:
            lost += 1
            continue
        if number % 11 == 0:
            time.sleep(0)  # stay busy while the reader looks
        kernel.fill(at, struct.pack("II", number, number * 7 & 0xFFFFFFFF))
        kernel.commit(at, discard=number % 13 == 0)
        if number % 13 == 0:
            lost += 1
    yield lost


@pytest.mark.parametrize("how", ["records", "rows"])
def test_a_writer_in_another_process(how: str) -> None:
    """Both sides at full speed on shared memory: nothing torn, doubled or out of order."""
    total, kernel = 30_000, FakeKernel(4096)
    layout = RecordLayout("II64s")
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            (lost,) = produce(kernel, total)
            os.write(write_end, struct.pack("I", lost))
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    ring = kernel.ring()
    numbers: list[int] = []
    ended = False
    while True:
        if how == "rows":
            heads = [(row[0], row[1]) for row in ring.rows(ring.end, layout)]
        else:
            heads = [struct.unpack_from("II", data) for data in ring.records(ring.end)]
        assert all(check == number * 7 & 0xFFFFFFFF for number, check in heads)
        numbers += [number for number, _ in heads]
        if not heads and ended:
            break
        if not heads:
            ended = os.waitpid(child, os.WNOHANG)[0] == child
    (lost,) = struct.unpack("I", os.read(read_end, 4))
    os.close(read_end)
    assert numbers == sorted(set(numbers))
    assert len(numbers) + lost == total
    assert len(numbers) > 100


class Event(Struct):
    number: u32
    time: u64
    name: Chars = chars(8)


def live(kernel: FakeKernel, fd: int = -1) -> LiveRing[Event]:
    layout = RecordLayout("I4xQ8s")
    decode = row_decoder(Event.layout_, Event)
    return LiveRing(kernel.ring(), fd, layout, decode, lambda: None)


def send(kernel: FakeKernel, *numbers: int) -> None:
    for number in numbers:
        assert kernel.output(struct.pack("I4xQ8s", number, 1 << 40, b"name"))


def test_a_live_ring_gives_instances() -> None:
    kernel = FakeKernel(4096)
    send(kernel, 1)
    (event,) = live(kernel).drain()
    assert event == Event(number=1, time=1 << 40, name=Chars(b"name"))
    assert (event.name, event.name.cut) == ("name", False)


def test_leaving_a_loop_early_loses_nothing() -> None:
    kernel = FakeKernel(1 << 16)
    ring = live(kernel)
    send(kernel, *range(10))
    for event in ring.drain():
        if event.number == 3:
            break
    kept = ring.drain()  # not run to its end either
    assert next(kept).number == 4
    assert [row[0] for row in next(ring.batches())] == [5, 6, 7, 8, 9]
    send(kernel, 10, 11)
    assert [event.number for event in kept] == []  # its view of the ring is over
    assert [event.number for event in ring.drain()] == [10, 11]


def test_two_loops_at_once_share_the_records() -> None:
    kernel = FakeKernel(1 << 16)
    ring = live(kernel)
    send(kernel, *range(4 * BATCH))
    first, second = ring.drain(), ring.drain()
    numbers = [event.number for pair in zip(first, second, strict=False) for event in pair]
    numbers += [event.number for event in ring.drain()]
    assert sorted(numbers) == list(range(4 * BATCH))


def test_batches_are_bounded_and_space_is_given_back_between_them() -> None:
    kernel = FakeKernel(1 << 16)
    send(kernel, *range(BATCH + 5))
    batches = live(kernel).batches()
    assert len(next(batches)) == BATCH
    assert kernel.consumer[0] == BATCH * 32
    assert len(next(batches)) == 5


def test_a_drain_ends_where_the_writer_was_when_it_began() -> None:
    kernel = FakeKernel(1 << 16)
    ring = live(kernel)
    send(kernel, 0)
    for number, event in enumerate(ring.drain(), 1):
        assert event.number < 3
        send(kernel, number)
    assert [event.number for event in ring.drain()] == [1]


def test_the_guard_is_asked() -> None:
    def guard() -> None:
        raise UsageError("closed")

    kernel = FakeKernel(4096)
    ring: LiveRing[Event] = LiveRing(kernel.ring(), -1, PAIR, list, guard)  # type: ignore[arg-type]
    for use in (lambda: list(ring.drain()), lambda: list(ring.batches()), ring.wait, ring.fileno):
        with pytest.raises(UsageError):
            use()


def test_closing_twice_is_harmless() -> None:
    ring = FakeKernel(4096).ring()
    ring.close()
    ring.close()


def test_other_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uname:
        machine = "aarch64"

    monkeypatch.setattr(os, "uname", Uname)
    with pytest.raises(NotSupportedError, match="aarch64"):
        Ring.map(0, 4096)


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Two pipes that stand for a ring's descriptor and a stop descriptor: read and write ends."""
    ends = (*os.pipe(), *os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def timed(
    fd: int, timeout: float | None, stop: int | None, not_before: float
) -> tuple[bool, float]:
    begin = time.monotonic()
    return wait(fd, timeout, stop, not_before), time.monotonic() - begin


def test_wait_returns_at_once_for_a_ring_that_was_quiet(pipes: tuple[int, int, int, int]) -> None:
    fd, write, stop, _ = pipes
    os.write(write, b"x")
    ready, took = timed(fd, None, stop, 0)
    assert ready
    assert took < PAUSE


def test_wait_lets_records_gather(pipes: tuple[int, int, int, int]) -> None:
    fd, write, stop, _ = pipes
    os.write(write, b"x")
    ready, took = timed(fd, None, stop, time.monotonic() + 0.05)
    assert ready
    assert took >= 0.045
    ready, took = timed(fd, 0.01, stop, time.monotonic() + 5)
    assert ready
    assert took < 1


def test_wait_ends_with_its_time(pipes: tuple[int, int, int, int]) -> None:
    fd, _, stop, _ = pipes
    ready, took = timed(fd, 0.03, stop, 0)
    assert not ready
    assert 0.03 <= took < 1
    assert timed(fd, 0, None, 0)[0] is False
    assert timed(fd, -1, None, 0)[0] is False


def test_a_stop_ends_the_wait_and_the_pause(pipes: tuple[int, int, int, int]) -> None:
    fd, write, stop, end = pipes
    child = os.fork()
    if child == 0:
        time.sleep(0.05)
        os.write(end, b"x")
        os._exit(0)
    assert timed(fd, 10, stop, 0)[0] is False
    os.waitpid(child, 0)
    os.write(write, b"x")
    ready, took = timed(fd, 10, stop, time.monotonic() + 10)
    assert ready
    assert took < 1


def test_pauses_fit_the_load() -> None:
    pause, course = PAUSE, []
    for filled in (0.9, 0.5, 0.3, 0.26, 0.2, 0.2, 0.01, 0.0, 0.1, 0.01, 0.01, 0.0):
        pause = next_pause(pause, filled)
        course.append(round(pause * 1000, 2))
    assert course == [2.5, 1.25, 0, 0, 0, 0, 1, 2, 2, 4, 5, 5]


def test_a_ring_that_fills_is_read_without_pause(pipes: tuple[int, int, int, int]) -> None:
    fd, write, _, _ = pipes
    os.write(write, b"x")
    kernel = FakeKernel(1 << 16)
    ring = live(kernel, fd)
    assert kernel.ring().filled == 0
    for _ in range(4):
        send(kernel, *range(1000))
        assert 0.48 < kernel.ring().filled < 0.5
        assert len(list(ring.drain())) == 1000
    begin = time.monotonic()
    for _ in range(50):
        ring.wait(1)
    assert time.monotonic() - begin < 50 * PAUSE / 2


def test_a_lone_wait_on_a_live_ring(pipes: tuple[int, int, int, int]) -> None:
    fd, write, _, _ = pipes
    kernel = FakeKernel(4096)
    ring = live(kernel, fd)
    assert ring.fileno() == fd
    assert not ring.wait(0)
    os.write(write, b"x")
    send(kernel, 1, 2)
    assert ring.wait()
    next(ring.drain())
    os.read(fd, 1)
    assert ring.wait(0)  # one was taken out and not given yet
    assert [event.number for event in ring.drain()] == [2]
    assert not ring.wait(0)
