"""Objects that are damaged, or made to hurt: read, or refused with a place in the file."""

from __future__ import annotations

import tracemalloc
from itertools import repeat
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, strategies as st

from probee.elf.read import file_bytes
from probee.objfile.read import read
from probee.objfile.write import write
from tests.fuzz import made
from tests.fuzz.cases import PARTS, case, in_all_ways, kept, line_of, named_seeds, read_line, seeds
from tests.fuzz.mutators import shown_otherwise
from tests.fuzz.shown import SHOWN, TooLong, within
from tests.objects.judge import judge
from tests.objects.mutate import mutated

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.o"))
# Not all of which are sound.
BY_HAND = {*made.types().values(), *made.objects().values(), *made.large_objects().values()}
ROUNDS = 150  # of each seed and target


@pytest.mark.parametrize("target", PARTS)
def test_sound_ones_are_read(target: str) -> None:
    assert all(judge(target, data) for data in seeds(target) if data not in BY_HAND)


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


def test_what_fuzzing_found() -> None:
    """Small damage, each of which leads the readers somewhere that no other does."""
    lines = [(target, line) for target, line in kept() if target in PARTS]
    read = sum(judge(target, read_line(target, line)) for target, line in lines)
    assert {target for target, _ in lines} == set(PARTS)
    assert 10 < read < len(lines) - 50


@pytest.mark.parametrize("target", SHOWN)
def test_what_is_damaged_is_shown_or_refused(target: str) -> None:
    random = Random(f"{target} 1")
    found = named_seeds(target).values()
    for data in in_all_ways(target):
        refused = target in ("readelf", "back") or data[:-1] in BY_HAND
        assert case(target, data) or refused
    shown = sum(case(target, shown_otherwise(data, random)) for data in found for _ in range(40))
    assert 0 < shown < 40 * len(found)


def test_a_kept_case_is_told_by_its_changes() -> None:
    seed = named_seeds("cfg")["smallest.bpfel"]
    for data in (seed, seed[:100], seed + b"more", b"X" + seed[1:9] + b"Y" + seed[10:] + b"\xff"):
        line = line_of("cfg", data)
        assert read_line("cfg", line) == data
        assert len(line) < 100


def test_a_case_ends() -> None:
    with within(0.01), pytest.raises(TooLong):
        all(found for found in repeat(True))


def test_a_license_that_is_no_text_is_written_back() -> None:
    spec = read(named_seeds("back")["percpu.bpfeb"][:-1].replace(b"GPL", b"G\xffL"))
    assert spec.license == "Dual MIT/G\udcffL"
    assert read(write(spec)).license == spec.license


def test_a_file_is_read_with_as_much_memory_as_it_has_bytes() -> None:
    tracemalloc.start()
    try:
        assert file_bytes(SEEDS[0]) == SEEDS[0].read_bytes()
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
