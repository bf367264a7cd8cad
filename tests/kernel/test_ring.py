"""The ring reader against the kernel's own writer."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from probee.errors import KernelError, UsageError
from probee.runtime.ring import Ring
from tests.kernel.live_programs import (
    PACKET,
    events,
    every,
    lost,
    numbers_are_unique,
    probe,
    session,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.runtime.session import Session

pytestmark = pytest.mark.kernel


def producers(live: Session, runs: int) -> list[threading.Thread]:
    """A thread on each CPU that lets the program run; bpf() is called without the GIL."""
    program = live[probe]

    def produce(cpu: int) -> None:
        os.sched_setaffinity(threading.get_native_id(), {cpu})
        program.test_run(PACKET, repeat=runs)

    threads = [threading.Thread(target=produce, args=(cpu,)) for cpu in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    return threads


def follow(live: Session, runs: int, take: Callable[[], list[int]]) -> list[int]:
    """The numbers of all events that got through while the producers ran."""
    threads = producers(live, runs)
    numbers: list[int] = []
    while any(thread.is_alive() for thread in threads):
        live[events].wait(0.05)
        numbers += take()
    for thread in threads:
        thread.join()
    return numbers + take()


@pytest.mark.parametrize("how", ["drain", "batches"])
def test_rows_and_losses_are_all_events(how: str) -> None:
    """A ring of 64 KB holds 210 records: most are lost, none uncounted, doubled or torn."""
    runs = 20_000
    with closing(session().load()) as live:
        ring = live[events]

        def take() -> list[int]:
            if how == "batches":
                rows = [row for batch in ring.batches() for row in batch]
                assert all(row[2] == b"name" + bytes(8) for row in rows)
                return [row[0] for row in rows]
            found = list(ring.drain())
            assert all(event.name == "name" for event in found)
            return [event.number for event in found]

        numbers = follow(live, runs, take)
        events_in_all = runs * len(os.sched_getaffinity(0))
        assert live[total].value == events_in_all
        assert len(set(numbers)) == len(numbers) or not numbers_are_unique()
        assert set(numbers) <= set(range(events_in_all))
        assert len(numbers) + live[lost].value == events_in_all
        assert live[lost].value > 0
        full = next(loss for loss in live.losses() if loss.kind == "ring_full")
        assert (full.subject, full.count) == ("events", live[lost].value)


def test_a_ring_that_is_large_enough_loses_nothing() -> None:
    runs = 10_000
    with closing(session(sizes={events: "16M"}).load()) as live:
        ring = live[events]
        numbers = follow(live, runs, lambda: [row[0] for batch in ring.batches() for row in batch])
        wanted = list(range(runs * len(os.sched_getaffinity(0))))
        assert sorted(numbers) == wanted or not numbers_are_unique()
        assert len(numbers) == len(wanted)
        assert [loss.kind for loss in live.losses()] == ["trap"]  # counts `total`, see there


def test_discarded_records_are_not_seen() -> None:
    with closing(session().load()) as live:
        live[every].value = 3
        live[probe].test_run(PACKET, repeat=100)
        numbers = [event.number for event in live[events].drain()]
        assert numbers == [number for number in range(100) if number % 3]
        assert live[lost].value == 0


def test_around_the_ring_many_times() -> None:
    with closing(session().load()) as live:
        ring, expected = live[events], 0
        for step in range(300):
            live[probe].test_run(PACKET, repeat=1 + step % 150)
            for event in ring.drain():
                assert (event.number, event.name) == (expected, "name")
                expected += 1
        assert expected == live[total].value
        assert live[lost].value == 0


def test_every_commit_wakes_a_reader_that_waits() -> None:
    """No wake-up is lost however the waiting and the writing meet."""
    with closing(session().load()) as live:
        ring, program = live[events], live[probe]

        def produce() -> None:
            for step in range(300):
                program.test_run(PACKET)
                time.sleep((step % 7) / 2000)

        thread = threading.Thread(target=produce)
        thread.start()
        seen = 0
        while seen < 300:
            assert ring.wait(5)
            seen += sum(1 for _ in ring.drain())
        thread.join()
        assert not ring.wait(0)


def test_a_program_on_a_tracepoint() -> None:
    """raw_tp sys_enter, in the kernel filtered to this process: each system call is an event."""
    from tests.kernel.live_programs import only

    with session(hook=True, consts={only: os.getpid()}, sizes={events: "1M"}) as live:
        list(live[events].drain())
        before = live[total].value
        for _ in range(500):
            os.getppid()
        after = live[total].value
        assert after - before >= 500
        live.detach()
        numbers = [event.number for event in live[events].drain()]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert set(range(before, after)) <= set(numbers)
        quiet = live[total].value
        os.getppid()
        assert live[total].value == quiet
        live.attach()
        os.getppid()
        assert live[total].value > quiet


def test_a_child_has_no_part_of_it() -> None:
    """After a fork neither descriptors nor memory of the maps are left in the child."""
    with closing(session().load()) as live:
        live[probe].test_run(PACKET, repeat=3)
        ring, number = live[events], live[total]
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            found: list[str] = []
            uses: list[Callable[[], Any]] = [
                lambda: list(ring.drain()),
                lambda: ring.wait(0),
                lambda: number.value,
                lambda: live[events],
                live.attach,
            ]
            for use in uses:
                try:
                    use()
                    found.append("used")
                except UsageError:
                    pass
            with open("/proc/self/maps", encoding="utf-8") as file:
                found += [line for line in file if "anon_inode:bpf" in line]
            for fd in os.listdir("/proc/self/fd"):
                try:
                    target = os.readlink(f"/proc/self/fd/{fd}")
                except OSError:
                    continue
                found += [target] if "bpf" in target else []
            live.close()
            os.write(write, repr(found).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 4096) == b"[]"
        os.close(read)
        os.close(write)
        assert [event.number for event in ring.drain()] == [0, 1, 2]


def test_two_sessions_of_one_program() -> None:
    with closing(session().load()) as one, closing(session().load()) as two:
        one[probe].test_run(PACKET, repeat=2)
        two[probe].test_run(PACKET, repeat=5)
        assert len(list(one[events].drain())) == 2
        assert len(list(two[events].drain())) == 5


def test_what_is_no_ring_cannot_be_mapped() -> None:
    read, write = os.pipe()
    with pytest.raises(KernelError, match="mmap"):
        Ring.map(read, 4096)
    os.close(read)
    os.close(write)
    with closing(session().load()) as live, pytest.raises(KernelError, match="mmap"):
        Ring.map(live[events].fileno(), 1 << 20)  # it has 64 KB
