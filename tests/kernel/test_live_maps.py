"""Maps that programs and user space share: what one side writes, the other reads."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import KernelError, NotSupportedError, UsageError
from probee.host import bpf
from probee.runtime.cpus import possible_cpus
from probee.runtime.session import Session
from tests.meaning.facts import Facts
from tests.meaning.machine import load_module
from tests.older import has_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.kernel

SOURCE = """
from probee import (
    BloomFilter, Context, Counter, Hash, LpmTrie, LruHash, PerCpuGlobal, PerCpuHash, Queue, Stack,
    Struct, Global, atomic_add, chars, raw_tracepoint, s64, u8, u16, u32, u64,
)

class Point(Struct):
    x: u32
    y: s64

class Prefix(Struct):
    prefixlen: u32
    a: u8
    b: u8
    c: u16

by_key = Hash(u32, Point, max_entries=50)
hits = Counter(u32, max_entries=4)
split = Counter(u32, max_entries=40, per_cpu=True)
cpus = PerCpuHash(u32, u32, max_entries=50)
todo = Queue(Point, max_entries=3)
pile = Stack(u64, max_entries=3)
seen = BloomFilter(u32, max_entries=1000)
routes = LpmTrie(Prefix, u32, max_entries=20)
mine = PerCpuGlobal(u64, 5)
shared = Global(u64, 0)
label = PerCpuGlobal(chars(8), "ab")

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    hits[ctx.n] += 1
    atomic_add(shared.value, 1)
    split[ctx.n] += 2
    cpus[ctx.n] = cpus.get(ctx.n, 0) + 1
    mine.value += ctx.n
    if label.value == "ab":
        mine.value += 1
    if ctx.n in seen:
        mine.value += 100
    pile.push(ctx.n)
    point = todo.pop()
    if point is not None:
        by_key[point.x] = point
    return routes.get(Prefix(prefixlen=32, a=10, b=u8(ctx.n)), 0)
"""


# A kernel that has no Bloom filters runs the rest.
WITHOUT_BLOOM = SOURCE.replace("seen = ", "# seen = ").replace("if ctx.n in seen:", "if False:")


class Live:
    def __init__(self, path: Path, source: str) -> None:
        self.names = load_module(path, source)
        self.session = Session(self.names["program"], facts=Facts({"n": "u64"})).load()

    def __getitem__(self, name: str) -> Any:
        return self.session[self.names[name]]

    def run(self, n: int, cpu: int = 0) -> int:
        context = struct.pack("=Q", n)
        done: int = self["program"].test_run(context=context, flags=1, cpu=cpu).result
        return done


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    source = SOURCE if has_map("bloom_filter") else WITHOUT_BLOOM
    made = Live(tmp_path / "live_maps.py", source)
    yield made
    made.session.close()


def test_counts_that_find_no_room_are_counted(live: Live) -> None:
    for number in (1, 2, 3, 4, 5, 5, 1):
        live.run(number)
    hits = live["hits"]
    assert dict(hits.items()) == {1: 2, 2: 1, 3: 1, 4: 1}
    (loss,) = [loss for loss in live.session.losses() if loss.subject == "hits"]
    assert (loss.kind, loss.count) == ("map_update", 2)
    assert (hits[1], hits[9], hits.get(9), 9 in hits, hits.total()) == (2, 0, None, False, 5)
    assert hits.most_common(1) == [(1, 2)]
    assert hits.most_common()[0] == (1, 2)
    with pytest.raises(UsageError, match=r"update\(\) would add"):
        hits.update({1: 5})
    del hits[9]
    del hits[1]
    assert hits.total() == 3


def test_nothing_is_lost_between_cpus(live: Live) -> None:
    """Two CPUs count the same keys at the same time, and make the same entries."""
    runs = 1500

    def count(cpu: int) -> None:
        for number in range(runs):
            live.run(number // 500, cpu)

    threads = [threading.Thread(target=count, args=(cpu,)) for cpu in (0, possible_cpus() - 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(live["hits"].items()) == {0: 1000, 1: 1000, 2: 1000}
    assert live["shared"].value == 2 * runs
    assert live["split"].total() == 4 * runs


def test_each_cpu_counts_for_itself(live: Live) -> None:
    count = possible_cpus()
    for cpu in range(count):
        for _ in range(cpu + 1):
            live.run(7, cpu)
    assert live["split"][7] == count * (count + 1)
    assert live["split"].most_common(5) == [(7, count * (count + 1))]
    live["split"][8] = -4
    assert (live["split"][8], live["split"].total()) == (-4, count * (count + 1) - 4)
    assert live["cpus"][7] == list(range(1, count + 1))
    assert dict(live["cpus"].items()) == {7: list(range(1, count + 1))}
    live["cpus"][1] = [9] * count
    assert live["cpus"].pop(1) == [9] * count
    with pytest.raises(UsageError, match="one a possible CPU"):
        live["cpus"][1] = 3
    assert live["mine"].values == [5 + 8 * (cpu + 1) for cpu in range(count)]
    assert live["mine"].total == sum(live["mine"].values)
    assert live["label"].values == ["ab"] * count
    with pytest.raises(UsageError, match="no sum"):
        _ = live["label"].total
    with pytest.raises(UsageError, match="on each CPU"):
        _ = live["mine"].value
    with pytest.raises(UsageError, match="only programs write it"):
        live["mine"].value = 3


def test_queues_and_stacks(live: Live) -> None:
    point = live.names["Point"]
    todo, pile = live["todo"], live["pile"]
    assert (todo.pop(), todo.peek(), pile.pop()) == (None, None, None)
    assert [todo.push(point(x=i, y=-i)) for i in range(4)] == [True, True, True, False]
    assert todo.peek() == point(x=0, y=0)
    live.run(20)
    live.run(21)
    assert live["by_key"][1] == point(x=1, y=-1)
    assert list(todo.drain()) == [point(x=2, y=-2)]
    assert pile.peek() == 21
    assert pile.push(22)
    assert not pile.push(23)
    assert list(pile.drain()) == [22, 21, 20]
    with pytest.raises(UsageError, match="todo value"):
        todo.push(5)


def test_a_bloom_filter(live: Live, tmp_path: Path) -> None:
    if not has_map("bloom_filter"):
        with pytest.raises(NotSupportedError, match="bloom_filter"):
            Live(tmp_path / "bloom.py", SOURCE)
        return
    seen = live["seen"]
    seen.add(12)
    assert 12 in seen
    assert sum(number in seen for number in range(100, 200)) < 20
    live.run(12)
    assert live["mine"].total == 5 * possible_cpus() + 113


def test_a_trie(live: Live) -> None:
    prefix, routes = live.names["Prefix"], live["routes"]
    routes[prefix(prefixlen=8, a=10)] = 1
    routes[prefix(prefixlen=16, a=10, b=3)] = 2
    assert (live.run(3), live.run(4)) == (2, 1)
    assert routes[prefix(prefixlen=32, a=10, b=3, c=5)] == 2
    assert prefix(prefixlen=8, a=11) not in routes
    assert sorted((key.prefixlen, value) for key, value in routes.items()) == [(8, 1), (16, 2)]
    with pytest.raises(KeyError):
        del routes[prefix(prefixlen=12, a=10)]
    with pytest.raises(UsageError, match=r"routes key.prefixlen: 33 of 32 bits"):
        routes[prefix(prefixlen=33)] = 1
    del routes[prefix(prefixlen=16, a=10, b=3)]
    assert live.run(3) == 1
    routes.clear()
    assert len(routes) == 0


@pytest.mark.parametrize("one_step", [True, False])
def test_a_hash_as_a_dict(live: Live, monkeypatch: pytest.MonkeyPatch, one_step: bool) -> None:
    if not one_step:  # as before Linux 5.14

        def refuse(*_: object) -> None:
            raise KernelError("BPF_MAP_LOOKUP_AND_DELETE_ELEM", 524)

        monkeypatch.setattr(bpf, "map_pop", refuse)
    point, table = live.names["Point"], live["by_key"]
    table.update({1: point(x=1), 2: point(x=2)})
    table.update([(3, point(x=3))])
    assert table.setdefault(1, point(x=9)) == point(x=1)
    assert table.setdefault(4, point(x=9)) == point(x=9)
    assert table.pop(1) == point(x=1)
    assert table.pop(1, None) is None
    with pytest.raises(KeyError):
        table.pop(1)
    assert sorted(table) == [2, 3, 4]


def test_a_kernel_without_a_map_type_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before Linux 5.16: no bloom filters."""
    create = bpf.map_create

    def old(type: int, *args: Any, **kwargs: Any) -> int:
        if type == 30:
            raise KernelError("BPF_MAP_CREATE", 22)
        return create(type, *args, **kwargs)

    monkeypatch.setattr(bpf, "map_create", old)
    with pytest.raises(NotSupportedError, match=r"seen.*bloom_filter.*5\.16"):
        Live(tmp_path / "live_maps.py", SOURCE)
