"""Live rings: instances, batches, and waiting, over memory in which a test plays the kernel."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

import pytest

from probee.errors import UsageError
from probee.lang.types import Chars, Struct, chars, u32, u64
from probee.runtime.decode import row_decoder
from probee.runtime.records import RecordLayout
from probee.runtime.ring import BATCH, PAUSE, LiveRing, next_pause, wait
from tests.unit.runtime.fake_ring import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    ring: LiveRing[Event] = LiveRing(kernel.ring(), -1, RecordLayout("IQ"), list, guard)  # type: ignore[arg-type]
    for use in (lambda: list(ring.drain()), lambda: list(ring.batches()), ring.wait, ring.fileno):
        with pytest.raises(UsageError):
            use()


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
    assert timed(fd, 1e12, stop, 0)[0]
    assert took < 1


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


def test_a_ring_that_fills_is_read_without_pause(
    pipes: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fd, write, _, _ = pipes
    os.write(write, b"x")
    kernel = FakeKernel(1 << 16)
    ring = live(kernel, fd)
    assert kernel.ring().filled == 0
    for _ in range(4):
        send(kernel, *range(1000))
        assert 0.48 < kernel.ring().filled < 0.5
        assert len(list(ring.drain())) == 1000
    asked: list[float] = []

    def at_once(_: int, __: float | None, ___: int | None, not_before: float) -> bool:
        asked.append(not_before - time.monotonic())
        return True

    monkeypatch.setattr("probee.runtime.ring.wait", at_once)
    assert ring.wait(1)
    assert asked[0] <= 0


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
