"""The ring reader over memory in which a test plays the kernel."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError, NotSupportedError
from probee.lang.types import Chars, Struct, array, chars, u16, u32, u64
from probee.runtime.records import REMEMBERED, RecordLayout
from probee.runtime.ring import Ring
from tests.unit.runtime.fake_ring import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIR = RecordLayout("IQ", 1)  # 16 bytes with its padding
ODD = RecordLayout("I5s")  # 9 bytes: filled up to 16
NAMED = RecordLayout("II16s", 8)


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
    kernel.output(b"\5")
    kernel.output(pair(5, 6))
    assert all_rows(ring, PAIR) == [(1, 2), (3, 0), (5, 0), (5, 6)]


@pytest.mark.parametrize(
    ("layout", "length", "words"),
    [
        (PAIR, 17, "17 bytes; the declared one has 1 to 16"),
        (PAIR, 0, "0 bytes; the declared one has 1 to 16"),
        (NAMED, 7, "7 bytes; the declared one has 8 to 24"),
        (NAMED, 25, "25 bytes; the declared one has 8 to 24"),
        (RecordLayout("IQ"), 15, "15 bytes; the declared one has 16"),
    ],
)
def test_records_of_wrong_lengths(layout: RecordLayout, length: int, words: str) -> None:
    kernel = FakeKernel(4096)
    ring = kernel.ring()
    kernel.output(bytes(layout.size))
    kernel.output(bytes(length))
    kernel.output(bytes(layout.size))
    right = layout.unpack(bytes(layout.size))
    assert ring.rows(ring.end, layout) == [right]  # what is right is not lost to what is wrong
    with pytest.raises(FormatError, match=words):
        ring.rows(ring.end, layout)
    assert all_rows(ring, layout) == [right]


class Named(Struct):
    n: u32
    wide: u64
    name: Chars = chars(2000)


class Nested(Struct):
    kind: u16
    inner: Named
    # 4 bytes of filling behind the name


class Padded(Struct):
    n: u64
    name: Chars = chars(9)


class Listed(Struct):
    n: u16
    items: list[u16] = array(u16, 5)


STRUCTS = (Named, Nested, Padded, Listed)


@given(st.sampled_from(STRUCTS), st.lists(st.tuples(st.integers(0, 2016), st.booleans())))
def test_records_of_any_length_read_as_if_zeroes_followed(
    struct: type[Struct], lengths: list[tuple[int, bool]]
) -> None:
    """`whole`: a record's text ends where the record does; else it may go on."""
    layout = RecordLayout.of(struct.layout_)
    kernel = FakeKernel(1 << 17)
    expected = []
    for length, whole in lengths:
        size = layout.least + length % (layout.size - layout.least + 1)
        data = bytes(1 + i % 255 for i in range(size))
        if whole and size > layout.least:
            data = data[:-1] + b"\0"
        if kernel.output(data):
            expected.append(layout.single.unpack(data.ljust(layout.size, b"\0")))
    rows = all_rows(kernel.ring(), layout)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        *fixed, text = row
        assert fixed == list(wanted[:-1])
        if isinstance(text, bytes):
            assert 0 in text or len(text) == len(wanted[-1])
            text = text.ljust(len(wanted[-1]), b"\0")
        assert text == wanted[-1]


def test_more_lengths_than_are_remembered() -> None:
    layout = RecordLayout.of(Named.layout_)
    kernel = FakeKernel(1 << 20)
    ring = kernel.ring()
    for size in range(REMEMBERED + 200):
        kernel.output(struct.pack("I4xQ", size, 0) + b"x" * size + b"\0")
    rows = all_rows(ring, layout)
    assert [(row[0], row[2]) for row in rows] == [(n, b"x" * n + b"\0") for n in range(len(rows))]
    assert len(rows) > REMEMBERED
    assert 0 < len(layout.shapes) <= REMEMBERED


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
        st.tuples(st.just("reserve"), st.sampled_from([1, 4, 16, 16, 16, 16, 40, 700])),
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
    layout = RecordLayout("700s", 1)
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
    layout = RecordLayout("II64s", 8)
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
