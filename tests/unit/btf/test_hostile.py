"""Bytes made by chance or malice: types or a FormatError, in bounded time, never anything else."""

from __future__ import annotations

import random
import struct
import time

import pytest
from hypothesis import given, settings, strategies as st

from probee.btf import kinds
from probee.btf.check import check
from probee.btf.index import IndexedBtf, build_index
from probee.btf.reader import Btf
from probee.errors import FormatError
from tests.unit.btf.samples import info, newest_kinds, raw

BLOB = newest_kinds().build()


def ask_everything(btf: Btf | IndexedBtf) -> None:
    """Every question about every type: answers or FormatErrors."""
    for id in range(len(btf) + 2):
        for ask in (btf.type, btf.name, btf.resolve, btf.size_of):
            try:
                ask(id)
            except FormatError:
                pass
        try:
            btf.member(id, "x")
        except FormatError:
            pass
    for kind in range(21):
        try:
            btf.by_name(kind, "node")
        except FormatError:
            pass
    try:
        check(btf)
    except FormatError:
        pass


def read_hostile(data: bytes) -> None:
    try:
        btf = Btf(data)
    except FormatError:
        return
    ask_everything(btf)
    try:
        ask_everything(IndexedBtf(data, build_index(data)))
    except FormatError:
        pass


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    read_hostile(data)
    body = data[: len(data) & ~3]
    read_hostile(raw(list(struct.unpack(f"<{len(body) // 4}I", body)), BLOB[-50:]))


WORD = st.one_of(
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 8),
    st.builds(info, st.integers(0, 20), st.integers(0, 4), st.integers(0, 1)),
)


@settings(max_examples=300, deadline=2000)
@given(st.lists(WORD, max_size=60))
def test_random_words(words: list[int]) -> None:
    read_hostile(raw(words))


@settings(max_examples=300, deadline=2000)
@given(st.lists(st.tuples(st.integers(0, len(BLOB) * 8 - 1)), min_size=1, max_size=4))
def test_flipped_bits(bits: list[tuple[int]]) -> None:
    data = bytearray(BLOB)
    for (bit,) in bits:
        data[bit // 8] ^= 1 << bit % 8
    read_hostile(bytes(data))


def test_every_truncation() -> None:
    for size in range(len(BLOB)):
        with pytest.raises(FormatError):
            Btf(BLOB[:size])


def test_hostile_names_and_members_take_bounded_time() -> None:
    # 4,000 types, each named by another suffix of one long string; one struct of 60,000 members.
    strings = b"\0" + b"a" * 8000 + b"\0"
    words: list[int] = []
    for at in range(4000):
        words += (1 + at, info(kinds.STRUCT), 4)
    words += (
        1,
        info(kinds.STRUCT, 60_000),
        4,
        *[word for _ in range(60_000) for word in (0, 4001, 0)],
    )
    data = raw(words, strings)
    start = time.process_time()
    index = build_index(data)
    btf = IndexedBtf(data, index)
    assert btf.by_name(kinds.STRUCT, "a" * 8000) == (1, 4001)
    assert btf.member(4001, "x") is None
    assert time.process_time() - start < 5


def test_random_shuffles_of_valid_records() -> None:
    chance = random.Random(7)
    for _ in range(200):
        words = list(
            struct.unpack(f"<{(len(BLOB) - 24) // 4}I", BLOB[24 : 24 + (len(BLOB) - 24) // 4 * 4])
        )
        chance.shuffle(words)
        read_hostile(raw(words[:40], b"\0node\0x\0"))
