"""Histograms count in the kernel what their buckets say, at every edge."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from probee import (
    Context,
    Global,
    Hist,
    Session,
    Struct,
    chars,
    current,
    raw_tracepoint,
    s8,
    s64,
    u32,
    u64,
)
from probee.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kernel


class Key(Struct):
    cpu: u32
    kind: u64


log2 = Hist()
of_signed = Hist()
of_bytes = Hist()
linear = Hist(linear=(-100, 1000, 30))
of_unsigned = Hist(linear=(0, 8, 1))
late = Hist(linear=(1000, 1010, 3))
by_number = Hist(u32, max_entries=4)
by_name = Hist(chars(16))
by_key = Hist(Key, linear=(0, 100, 10))
number = Global(s64, 0)
times = Global(u32, 1)
HISTS: dict[str, Hist[None]] = {
    "log2": log2, "of_signed": of_signed, "of_bytes": of_bytes,
    "linear": linear, "of_unsigned": of_unsigned, "late": late,
}  # fmt: skip


@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    n = number.value
    log2.add(u64(n))
    of_signed.add(n, times.value)
    of_bytes.add(s8(n))
    linear.add(n)
    of_unsigned.add(u64(n))
    late.add(u64(n))
    by_number[u32(n)].add(n)
    by_name[current.comm].add(n)
    by_key[Key(cpu=0, kind=u64(n) & 1)].add(n, count=2)


EDGES = [
    0, 1, 2, 3, 4, -1, -2, -99, -100, -101, -71, -70, 999, 1000, 1003, 1009, 1010, 7, 8, 127, 128,
    255,
    -128, -129, -(1 << 63), (1 << 63) - 1, *(1 << k for k in range(63)),
    *((1 << k) - 1 for k in range(63)),
]  # fmt: skip


@pytest.fixture
def live() -> Iterator[Session]:
    with closing(Session(program).load()) as session:
        yield session


def run(live: Session, value: int) -> None:
    live[number].value = value
    live[program].test_run(context=bytes(16))


def expected(hist: Hist[Any], values: list[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in values:
        slot = hist.slot(value)
        found[slot] = found.get(slot, 0) + 1
    return found


def counted(counts: tuple[int, ...]) -> dict[int, int]:
    return {slot: count for slot, count in enumerate(counts) if count}


def test_every_edge_falls_into_its_bucket(live: Session) -> None:
    live[times].value = 3
    for value in EDGES:
        run(live, value)
    unsigned = [value & (1 << 64) - 1 for value in EDGES]
    small = [(value + 128) % 256 - 128 for value in EDGES]
    wanted = {
        "log2": expected(log2, unsigned),
        "of_signed": {slot: 3 * n for slot, n in expected(of_signed, EDGES).items()},
        "of_bytes": expected(of_bytes, small),
        "linear": expected(linear, EDGES),
        "of_unsigned": expected(of_unsigned, unsigned),
        "late": expected(late, unsigned),
    }
    found = {name: counted(live[hist].read().counts) for name, hist in HISTS.items()}
    assert found == wanted
    assert live[log2].read().total == len(EDGES)


def test_a_histogram_for_each_key(live: Session) -> None:
    for value in (1, 2, 2, 3, 3, 3):
        run(live, value)
    table = live[by_number]
    assert {key: counted(found.counts) for key, found in table.items()} == {
        1: {1: 1}, 2: {2: 2}, 3: {2: 3},
    }  # fmt: skip
    assert (len(table), sorted(table), table.get(9)) == (3, [1, 2, 3], None)
    assert live[by_key][Key(cpu=0, kind=1)].counts[1] == 8
    sections = live[by_number].table("n", "number", order=lambda pair: pair[0]).split("\n\n")
    assert [section.strip().splitlines()[0] for section in sections] == [
        "number = 1", "number = 2", "number = 3",
    ]  # fmt: skip
    assert live.losses() == []
    del table[1]
    with pytest.raises(KeyError):
        _ = table[1]
    table.clear()
    assert list(table) == []


def test_text_as_the_key(live: Session) -> None:
    run(live, 5)
    ((name, found),) = live[by_name].items()
    with open("/proc/self/comm", encoding="ascii") as comm:
        assert str(name) == comm.read().strip()
    assert counted(found.counts) == {3: 1}
    assert live[by_name][str(name)] == found


def test_a_key_without_room_is_a_loss(live: Session) -> None:
    for value in (1, 2, 3, 4, 5, 6, 6, 1):
        run(live, value)
    assert {key: found.total for key, found in live[by_number].items()} == {1: 2, 2: 1, 3: 1, 4: 1}
    (loss,) = live.losses()
    assert (loss.kind, loss.subject, loss.count) == ("map_update", "by_number", 3)


def test_one_histogram_has_no_entries(live: Session) -> None:
    with pytest.raises(UsageError, match="log2 is one Hist"):
        Session(program, map_sizes={log2: 5})
    with closing(Session(program, map_sizes={by_number: 1}).load()) as small:
        assert small[by_number].max_entries == 1


def test_reading_between_and_clearing(live: Session) -> None:
    run(live, 5)
    before = live[log2].read()
    run(live, 5)
    run(live, 900)
    assert counted((live[log2].read() - before).counts) == {3: 1, 10: 1}
    live[log2].clear()
    assert (live[log2].buckets(), str(live[log2])) == ([], "")
