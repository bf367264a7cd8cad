"""Objects that are damaged, or made to hurt: read, or refused with a place in the file."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, strategies as st

from tests.fuzz.readers import PARTS, seeds
from tests.objects.judge import judge
from tests.objects.mutate import mutated

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.o"))
ROUNDS = 150  # of each seed and target


@pytest.mark.parametrize("target", PARTS)
def test_sound_ones_are_read(target: str) -> None:
    assert all(judge(target, data) for data in seeds(target))


@pytest.mark.parametrize("target", PARTS)
def test_damaged_ones_are_refused_or_read(target: str) -> None:
    random = Random(f"{target} 1")
    read = 0
    for data in seeds(target):
        for _ in range(ROUNDS):
            read += judge(target, mutated(data, random))
    assert 0 < read < ROUNDS * len(seeds(target))


@pytest.mark.parametrize("target", PARTS)
def test_every_length_of_the_smallest(target: str) -> None:
    data = min(seeds(target), key=len)
    for length in range(len(data)):
        judge(target, data[:length])
    assert not judge(target, data[: len(data) // 2])


@given(st.binary(max_size=300), st.sampled_from(sorted(PARTS)))
def test_any_bytes(data: bytes, target: str) -> None:
    judge(target, data)
    judge(target, b"\x7fELF\x02\x01\x01" + data)


@pytest.mark.parametrize("target", ["elf", "object"])
def test_every_bit_of_the_header(target: str) -> None:
    data = SEEDS[-1].read_bytes()
    for at in range(64):
        for bit in range(8):
            judge(target, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
