"""Live maps against the kernel's."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from probee.errors import KernelError, UsageError
from probee.host import bpf
from probee.lang.types import Chars
from probee.runtime.cpus import possible_cpus
from probee.runtime.reuse import KeysOf
from probee.uapi.bpf import BPF_MAP_TYPE_LRU_HASH
from tests.kernel.live_programs import (
    Key,
    Stat,
    by_key,
    by_pid,
    events,
    per_cpu,
    recent,
    session,
    slots,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from probee.runtime.session import Session

pytestmark = pytest.mark.kernel


@pytest.fixture
def live() -> Iterator[Session]:
    with closing(session(sizes={by_pid: 100}).load()) as made:
        yield made


def without_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before Linux 5.6."""

    def refuse(*_: object) -> None:
        raise KernelError("BPF_MAP_LOOKUP_BATCH", 22)

    monkeypatch.setattr(bpf, "map_lookup_batch", refuse)


def test_a_hash_as_a_dict(live: Session) -> None:
    table = live[by_pid]
    assert (len(table), table.max_entries, list(table)) == (0, 100, [])
    table[1] = 1 << 40
    table[2] = 3
    table[2] = 4
    assert (table[1], table.get(2), table.get(3), table.get(3, 0)) == (1 << 40, 4, None, 0)
    assert (1 in table, 3 in table, len(table)) == (True, False, 2)
    assert dict(table.items()) == {1: 1 << 40, 2: 4}
    del table[1]
    with pytest.raises(KeyError):
        del table[1]
    with pytest.raises(KeyError):
        table[1]
    table.clear()
    assert list(table.items()) == []
    assert live[by_pid] is table


def test_a_full_hash_says_so(live: Session) -> None:
    table = live[by_pid]
    for number in range(100):
        table[number] = number
    with pytest.raises(KernelError) as caught:
        table[100] = 1
    assert caught.value.errno_name == "E2BIG"
    table[5] = 6  # what is there can change
    assert len(table) == 100


def test_structs_as_keys_and_values(live: Session) -> None:
    table = live[by_key]
    one, two = Key(pid=1, comm=Chars(b"cat")), Key(pid=1, comm=Chars(b"dog"))
    table[one] = Stat(count=7, least=-5, cpu=1)
    table[two] = Stat(count=8, least=1, cpu=0)
    assert table[one] == Stat(count=7, least=-5, cpu=1)
    assert {key.comm: value.count for key, value in table.items()} == {"cat": 7, "dog": 8}
    del table[one]
    assert list(table) == [two]
    with pytest.raises(UsageError, match=r"by_key key\.pid"):
        table[Key(pid=-1, comm=Chars(b""))] = Stat(count=1, least=1, cpu=1)
    with pytest.raises(UsageError, match=r"by_key value\.cpu"):
        table[two] = Stat(count=1, least=1, cpu=1 << 32)


@pytest.mark.parametrize("batches", [True, False])
def test_many_elements_come_once_each(
    live: Session, monkeypatch: pytest.MonkeyPatch, batches: bool
) -> None:
    if not batches:
        without_batches(monkeypatch)
    table = live[by_key]
    for number in range(3000):
        table[Key(pid=number, comm=Chars(b"x"))] = Stat(count=number, least=0, cpu=0)
    seen = {key.pid: value.count for key, value in table.items()}
    assert seen == {number: number for number in range(3000)}
    assert len(list(table)) == 3000
    for key in table:
        del table[key]
    assert len(table) == 0


@pytest.mark.parametrize("batches", [True, False])
def test_a_walk_beside_deletions(
    live: Session, monkeypatch: pytest.MonkeyPatch, batches: bool
) -> None:
    """Another thread deletes half: the other half comes exactly once."""
    if not batches:
        without_batches(monkeypatch)
    table, other = live[by_key], session().load()
    with closing(other):
        for number in range(2000):
            table[Key(pid=number, comm=Chars(b"x"))] = Stat(count=number, least=0, cpu=0)

        def delete() -> None:
            for number in range(0, 2000, 2):
                del table[Key(pid=number, comm=Chars(b"x"))]

        thread = threading.Thread(target=delete)
        thread.start()
        seen = [key.pid for key in table]
        thread.join()
    assert len(seen) == len(set(seen))
    assert set(seen) >= set(range(1, 2000, 2))


def test_an_lru_hash_forgets(live: Session) -> None:
    table = live[recent]
    for number in range(1000):
        table[number] = number
    assert 0 < len(table) <= 64
    assert all(key == value for key, value in table.items())


def test_an_array_as_a_list(live: Session) -> None:
    array = live[slots]
    assert len(array) == 5
    assert list(array) == [Stat(count=0, least=0, cpu=0)] * 5
    array[1] = Stat(count=1, least=-1, cpu=2)
    array[-1] = Stat(count=4, least=0, cpu=0)
    assert [stat.count for stat in array] == [0, 1, 0, 0, 4]
    for wrong in (5, -6):
        with pytest.raises(IndexError):
            array[wrong]


def test_a_per_cpu_array(live: Session) -> None:
    array = live[per_cpu]
    cpus = possible_cpus()
    assert list(array) == [[0] * cpus] * 3
    array[1] = list(range(10, 10 + cpus))
    assert array[1] == list(range(10, 10 + cpus))
    assert array[0] == array[2] == [0] * cpus


def test_after_the_end(live: Session) -> None:
    table, array, ring = live[by_pid], live[slots], live[events]
    live.close()
    for use in (lambda: table[1], lambda: list(table), lambda: array[0], lambda: ring.wait(0)):
        with pytest.raises(UsageError, match="closed"):
            use()


def test_a_map_of_somebody_else(live: Session) -> None:
    fd = live[by_pid].fileno()
    with closing(session(reuse={by_pid: fd}).load()) as second:
        live[by_pid][7] = 70
        assert (second[by_pid][7], second[by_pid].max_entries) == (70, 100)
        second[by_pid][8] = 80
        assert second[by_pid].fileno() != fd
    assert dict(live[by_pid].items()) == {7: 70, 8: 80}


def test_maps_that_do_not_fit(live: Session, tmp_path: Path) -> None:
    fd = live[by_pid].fileno()
    folder = os.open(tmp_path, os.O_RDONLY)
    for declaration, given, why in (
        (recent, fd, "it is of type hash, and lru_hash is wanted"),
        (by_key, fd, "its keys have 4 bytes, not"),
        (by_pid, live[events].fileno(), "it is of type ringbuf, and hash is wanted"),
        (by_pid, KeysOf(live[slots].fileno()), "it is of type array, and hash or"),
        (by_pid, folder, "is no map"),
    ):
        with (
            closing(session(reuse={declaration: given})) as m,
            pytest.raises(UsageError, match=why),
        ):
            m.load()
    os.close(folder)
    with pytest.raises(UsageError, match="has its size"):
        session(reuse={by_pid: fd}, sizes={by_pid: 5})
    with pytest.raises(KernelError, match="ENOENT"), closing(session(reuse={by_pid: "/x/y"})) as x:
        x.load()


def test_keys_of_a_map_with_other_values() -> None:
    fd = bpf.map_create(BPF_MAP_TYPE_LRU_HASH, 4, 24, 10)
    try:
        match = "by_pid is a map of others"
        with (
            closing(session(reuse={by_pid: KeysOf(fd)}).load()) as made,
            pytest.raises(UsageError, match=match),
        ):
            made[by_pid]
        match = "of type lru_hash, and hash is wanted"
        with (
            closing(session(reuse={by_pid: fd})) as strict,
            pytest.raises(UsageError, match=match),
        ):
            strict.load()
    finally:
        os.close(fd)
