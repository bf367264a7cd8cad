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


def found_by_fuzzing() -> list[str]:
    """Lines of corpus.txt: a target, a seed, and what is over it: `offset=bytes`, `cut=size`."""
    return (Path(__file__).parent / "corpus.txt").read_text().splitlines()


def damaged(line: str) -> tuple[str, bytes]:
    target, name, *changes = line.split()
    numbers = {path.stem: number for number, path in enumerate(SEEDS)}
    data = bytearray(seeds(target)[numbers[name]])
    for place, written in (change.split("=") for change in changes):
        if place == "cut":
            del data[int(written, 16) :]
        else:
            at, new = int(place, 16), bytes.fromhex(written)
            data[at : at + len(new)] = new
    return target, bytes(data)


def test_what_fuzzing_found() -> None:
    """Small damage, each of which leads the readers somewhere that no other does."""
    lines = found_by_fuzzing()
    read = sum(judge(*damaged(line)) for line in lines)
    assert {line.split()[0] for line in lines} == set(PARTS)
    assert len(lines) > 200
    assert 10 < read < len(lines) - 100
