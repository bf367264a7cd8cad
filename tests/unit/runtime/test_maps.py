"""Live maps over a fake kernel: what dicts and lists do, and iteration while others delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError, KernelError, UsageError
from probee.host import bpf
from probee.runtime import cpus
from probee.runtime.arrays import LiveArray, LivePerCpuArray
from probee.runtime.cpus import PerCpuCodec, count_cpus
from probee.runtime.decode import ValueCodec
from probee.runtime.maps import LiveHash
from probee.runtime.walk import raw_items
from probee.spec.types import Int

if TYPE_CHECKING:
    from collections.abc import Callable

U32 = Int("u32", 4, False)
EINVAL, ENOSPC = 22, 28


class FakeMap:
    """One map of keys and values of 4 bytes, with the kernel's answers to the calls of host.bpf."""

    def __init__(self) -> None:
        self.elements: dict[bytes, bytes] = {}
        self.batches = True
        self.bucket = 1  # elements that one bucket holds: a batch cannot be smaller
        self.next_calls = 0
        self.after: Callable[[], None] = lambda: None

    def lookup(self, _fd: int, key: bytes, size: int, flags: int = 0) -> bytes | None:
        value = self.elements.get(key)
        return None if value is None else value.ljust(size, b"\0")

    def update(self, _fd: int, key: bytes, value: bytes, flags: int = 0) -> None:
        self.elements[key] = value

    def delete(self, _fd: int, key: bytes) -> bool:
        return self.elements.pop(key, None) is not None

    def next_key(self, _fd: int, key: bytes | None, _size: int) -> bytes | None:
        self.next_calls += 1
        self.after()
        keys = list(self.elements)
        at = keys.index(key) + 1 if key in self.elements else 0
        return keys[at] if at < len(keys) else None

    def batch(
        self, _fd: int, _key_size: int, _value_size: int, count: int, cursor: bytes | None = None
    ) -> tuple[bytes, bytes, int, bytes | None]:
        if not self.batches:
            raise KernelError("BPF_MAP_LOOKUP_BATCH", EINVAL)
        if count < self.bucket:
            raise KernelError("BPF_MAP_LOOKUP_BATCH", ENOSPC)
        first = int.from_bytes(cursor or b"", "little")
        some = list(self.elements.items())[first : first + count]
        end = first + len(some)
        following = end.to_bytes(4, "little") if end < len(self.elements) else None
        keys, values = (b"".join(part) for part in zip(*some, strict=True)) if some else (b"", b"")
        return keys, values, len(some), following


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeMap:
    return install(FakeMap(), monkeypatch)


def install(fake: FakeMap, monkeypatch: pytest.MonkeyPatch) -> FakeMap:
    monkeypatch.setattr(bpf, "map_lookup", fake.lookup)
    monkeypatch.setattr(bpf, "map_update", fake.update)
    monkeypatch.setattr(bpf, "map_delete", fake.delete)
    monkeypatch.setattr(bpf, "map_get_next_key", fake.next_key)
    monkeypatch.setattr(bpf, "map_lookup_batch", fake.batch)
    return fake


def ready() -> None:
    pass


def hash_map() -> LiveHash[int, int]:
    return LiveHash("seen", 3, ValueCodec(U32), ValueCodec(U32), 10_240, ready)


def word(number: int) -> bytes:
    return number.to_bytes(4, "little")


def test_a_hash_is_a_dict(fake: FakeMap) -> None:
    table = hash_map()
    table[1] = 10
    table[2] = 20
    assert (table[1], table.get(2), table.get(3), table.get(3, "no")) == (10, 20, None, "no")
    assert (1 in table, 3 in table, len(table)) == (True, False, 2)
    assert (list(table), list(table.keys()), list(table.values())) == ([1, 2], [1, 2], [10, 20])
    assert dict(table.items()) == {1: 10, 2: 20}
    del table[1]
    with pytest.raises(KeyError):
        table[1]
    with pytest.raises(KeyError):
        del table[1]
    table.clear()
    assert list(table.items()) == []
    assert fake.elements == {}


@pytest.mark.usefixtures("fake")
def test_keys_and_values_that_do_not_fit_are_named() -> None:
    table = hash_map()
    with pytest.raises(UsageError, match="seen key: 4294967296 does not fit u32"):
        table[1 << 32] = 1
    with pytest.raises(UsageError, match="seen value: -1 does not fit u32"):
        table[1] = -1
    with pytest.raises(UsageError, match="seen key"):
        table.get("1")  # type: ignore[call-overload]


@pytest.mark.parametrize("batches", [True, False])
@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
def test_every_element_comes_once(fake: FakeMap, batches: bool, count: int) -> None:
    fake.batches = batches
    fake.elements = {word(i): word(i * 2) for i in range(count)}
    assert dict(hash_map().items()) == {i: i * 2 for i in range(count)}


def test_a_bucket_larger_than_a_batch(fake: FakeMap) -> None:
    fake.bucket = 3000
    fake.elements = {word(i): word(i) for i in range(4000)}
    assert len(hash_map()) == 4000


@pytest.mark.parametrize("batches", [True, False])
def test_the_loop_may_delete(fake: FakeMap, batches: bool) -> None:
    fake.batches = batches
    table = hash_map()
    fake.elements = {word(i): word(i) for i in range(100)}
    seen = []
    for key in table:
        seen.append(key)
        del table[key]
    if not batches:
        assert seen == list(range(100))
    assert fake.elements == {}


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 39)), max_size=60))
def test_others_delete_during_the_walk(deletions: list[tuple[int, int]]) -> None:
    """By next-key: what stays comes exactly once, nothing comes twice, and it ends."""
    with pytest.MonkeyPatch.context() as patch:
        fake = install(FakeMap(), patch)
        fake.batches = False
        fake.elements = {word(i): word(i) for i in range(40)}
        plan = sorted(deletions)

        def disturb() -> None:
            while plan and plan[0][0] <= fake.next_calls:
                fake.elements.pop(word(plan.pop(0)[1]), None)

        fake.after = disturb
        seen = list(hash_map())
        assert len(seen) == len(set(seen))
        assert set(seen) >= {key for key in range(40) if word(key) in fake.elements}


def test_a_walk_that_can_never_end_is_an_error(
    fake: FakeMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that is asked about is always gone, and the one that comes instead is known."""
    fake.batches = False
    monkeypatch.setattr(
        bpf, "map_get_next_key", lambda _, key, __: word(1) if key == word(0) else word(0)
    )
    with pytest.raises(KernelError, match="faster than they can be read"):
        list(raw_items(3, 4, 4, 2, ready))


def test_other_errors_of_a_batch_are_not_hidden(
    fake: FakeMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise KernelError("BPF_MAP_LOOKUP_BATCH", 1)

    monkeypatch.setattr(bpf, "map_lookup_batch", refuse)
    fake.elements = {word(0): word(0)}
    with pytest.raises(KernelError, match="EPERM"):
        list(hash_map())


def test_an_array_is_a_list(fake: FakeMap) -> None:
    fake.elements = {word(i): word(0) for i in range(4)}
    array: LiveArray[int] = LiveArray("a", 3, ValueCodec(U32), ValueCodec(U32), 4, ready)
    array[1] = 5
    array[-1] = 7
    assert list(array) == [0, 5, 0, 7]
    assert (len(array), array[-3]) == (4, 5)
    for wrong in (4, -5):
        with pytest.raises(IndexError):
            array[wrong]
        with pytest.raises(IndexError):
            array[wrong] = 1
    with pytest.raises(UsageError, match="integer"):
        array["0"]  # type: ignore[index]


def test_a_per_cpu_array_has_a_list_in_each_place(
    fake: FakeMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "possible_cpus", lambda: 3)
    fake.elements = {word(i): bytes(24) for i in range(2)}
    array: LivePerCpuArray[int] = LivePerCpuArray(
        "a", 3, ValueCodec(U32), PerCpuCodec(ValueCodec(U32)), 2, ready
    )
    array[1] = [1, 2, 3]
    assert list(array) == [[0, 0, 0], [1, 2, 3]]
    assert fake.elements[word(1)] == b"".join(word(i) + bytes(4) for i in (1, 2, 3))
    for wrong in ([1, 2], [1, 2, 3, 4]):
        with pytest.raises(UsageError, match="a list of 3 values"):
            array[0] = wrong
    with pytest.raises(UsageError, match=r"a\[0\]\[1\]: -1 does not fit"):
        array[0] = [1, -1, 3]


@pytest.mark.parametrize(
    ("listing", "count"), [("0", 1), ("0-3", 4), ("0-1,8-9", 4), ("0,2,4-5", 4), ("3-3", 1)]
)
def test_lists_of_cpus(listing: str, count: int) -> None:
    assert count_cpus(listing) == count


@pytest.mark.parametrize("listing", ["", "a", "3-1", "1-", "-1", "1,,2", "1-2-3", "0 1"])
def test_wrong_lists_of_cpus(listing: str) -> None:
    with pytest.raises(FormatError):
        count_cpus(listing)


@pytest.mark.usefixtures("fake")
def test_the_guard_is_asked_before_the_kernel() -> None:
    def closed() -> None:
        raise UsageError("closed")

    codec = ValueCodec(U32)
    table: LiveHash[int, int] = LiveHash("m", 3, codec, codec, 4, closed)
    array: LiveArray[int] = LiveArray("a", 3, codec, codec, 4, closed)
    cpus: LivePerCpuArray[int] = LivePerCpuArray("p", 3, codec, codec, 4, closed)
    for use in (
        lambda: table[1],
        lambda: table.get(1),
        lambda: 1 in table,
        lambda: len(table),
        lambda: list(table),
        table.clear,
        table.fileno,
        lambda: table.__setitem__(1, 1),
        lambda: table.__delitem__(1),
        lambda: array[0],
        lambda: array.__setitem__(0, 0),
        lambda: cpus[0],
        lambda: cpus.__setitem__(0, [0]),
    ):
        with pytest.raises(UsageError, match="closed"):
            use()
