"""Maps, counters and atomics, with the types that checkers must see in them on both sides.

mypy and pyright read this file; it is not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from probee import (
    Array,
    BloomFilter,
    Context,
    Counter,
    Hash,
    LpmTrie,
    LruPerCpuHash,
    PerCpuArray,
    PerCpuGlobal,
    PerCpuHash,
    Queue,
    Session,
    Stack,
    Struct,
    atomic_add,
    atomic_compare_exchange,
    atomic_fetch_add,
    chars,
    raw_tracepoint,
    u32,
    u64,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.runtime.arrays import LiveArray, LivePerCpuArray
    from probee.runtime.counters import LiveCounter
    from probee.runtime.maps import LiveHash, LiveTrie
    from probee.runtime.queues import LiveBloomFilter, LiveQueue
    from probee.runtime.variables import LivePerCpuGlobal


class Point(Struct):
    x: u32
    y: u64


class Prefix(Struct):
    prefixlen: u32
    address: u32


counts = Hash(u32, u64, prealloc=False)
points = Hash(u32, Point)
cpus = PerCpuHash(u32, Point)
recent = LruPerCpuHash(u32, u64, common_lru=False)
hits = Counter(Point, per_cpu=True)
todo = Queue(Point, max_entries=8)
pile = Stack(u32, max_entries=8)
seen = BloomFilter(u32, max_entries=100, hashes=3)
routes = LpmTrie(Prefix, Point)
by_name = PerCpuHash(chars(16), u64)
last_names = LruPerCpuHash(u32, chars(16))
names = Queue(chars(16), max_entries=8)
letters = Stack(chars(16), max_entries=8)
known = BloomFilter(chars(16), max_entries=8)
mine = PerCpuGlobal(u64, 0)
slots = Array(u64, max_entries=8)
labels = Array(chars(16), max_entries=8)
own_labels = PerCpuArray(chars(16), max_entries=8)
networks = LpmTrie(Prefix, chars(16))


@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    assert_type(counts.get(1), int | None)
    assert_type(counts.get(1, 0), int)
    assert_type(counts.pop(1), int)
    assert_type(counts.pop(1, None), int | None)
    assert_type(counts.pop(1, 7), int)
    assert_type(points.pop(1, None), Point | None)
    assert_type(points.setdefault(1, Point()), Point)
    assert_type(cpus[1].x, int)
    hits[Point(x=1)] += 1
    assert_type(hits[Point(x=1)], int)
    if todo.push(Point(x=1)):
        assert_type(todo.pop(), Point | None)
    assert_type(pile.peek(), int | None)
    seen.add(3)
    if names.push("x") and "y" in known:
        assert_type(names.pop(), str | None)
        assert_type(letters.pop(), str | None)
    if 3 in seen and Prefix(prefixlen=8) in routes:
        del routes[Prefix(prefixlen=8)]
    found = routes.get(Prefix(prefixlen=32, address=1))
    if found is not None:
        atomic_add(found.x, 1)
        assert_type(atomic_fetch_add(found.y, 1), int)
    assert_type(slots.get(1), int | None)
    assert_type(slots.get(1, 0), int)
    assert_type(labels[1], str)
    assert_type(own_labels.get(1), str | None)
    assert_type(networks.get(Prefix(prefixlen=32)), str | None)
    mine.value += atomic_compare_exchange(mine.value, 0, 1)


def user_side() -> None:
    with Session(program) as session:
        assert_type(session[counts], LiveHash[int, int])
        assert_type(session[cpus], LiveHash[int, list[Point]])
        assert_type(session[recent], LiveHash[int, list[int]])
        assert_type(session[by_name], LiveHash[str, list[int]])
        assert_type(session[last_names], LiveHash[int, list[str]])
        assert_type(session[hits], LiveCounter[Point])
        assert_type(session[hits].most_common(3), list[tuple[Point, int]])
        assert_type(session[todo], LiveQueue[Point])
        assert_type(session[todo].drain(), Iterator[Point])
        assert_type(session[pile].pop(), int | None)
        assert_type(session[seen], LiveBloomFilter[int])
        assert_type(session[routes], LiveTrie[Prefix, Point])
        assert_type(session[labels], LiveArray[str])
        assert_type(session[own_labels], LivePerCpuArray[str])
        assert_type(session[own_labels][0], list[str])
        assert_type(session[networks], LiveTrie[Prefix, str])
        assert_type(session[mine], LivePerCpuGlobal[int])
        assert_type(session[mine].values, list[int])
        assert_type(session[mine].total, int)
        session[counts].update({1: 2})
        assert_type(session[counts].pop(1, None), int | None)
