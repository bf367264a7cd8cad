"""Damaged objects: `probee readelf` complains as readelf does, in both releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import readelf_pair
from tests.readelf_damage import damaged
from tests.readelf_objects import one_of_each_relocation, sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BATCHES, CASES = 6, 50
SAMPLES = (
    sample(), sample(">"), sample("<", 62), sample(">", 183), one_of_each_relocation(247, 12),
    one_of_each_relocation(62, 12, ">"),
)  # fmt: skip
WORDS: tuple[tuple[str, ...], ...] = (
    ("-a",), ("-aW",), ("-t",), ("-hS",), ("-r", "-s"), ("-n",), ("-a", "--lint"),
    ("-rD", "-sD", "-l"),
    ("-x1", "-p2", "-x3", "-R1", "-R6", "-p6", "-p12"), ("-x", ".text", "-R", ".debug_info", "-z"),
    ("-g", "-u", "-V", "-A", "-d", "-I", "-c"),
)  # fmt: skip
NEWER_WORDS: tuple[tuple[str, ...], ...] = (
    ("-s", "-X"), ("-j1", "-j2", "-j7", "-j8", "-j9", "-j11", "-j12", "-j5"),
)  # fmt: skip


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize(
    "tool",
    [pytest.param(name, marks=pytest.mark.oracle(name)) for name in ("readelf-2.44", "readelf")],
)
def test_damaged_objects(
    tool: str, batch: int, oracle: Callable[[str], str], tmp_path: Path
) -> None:
    readelf, compat, choices = oracle(tool), [], WORDS + NEWER_WORDS
    if tool == "readelf":
        if not readelf_pair.is_2_40(readelf):
            pytest.skip("this system's readelf is not 2.40")
        compat, choices = ["--compat=2.40"], WORDS
    file = tmp_path / "x.o"
    compared = 0
    for seed in range(batch * CASES, (batch + 1) * CASES):
        file.write_bytes(damaged(SAMPLES[seed % len(SAMPLES)], seed))
        words = [*choices[seed % len(choices)], str(file)]
        mine = readelf_pair.ours([*compat, *words])
        if b" here" in mine.err:  # what is refused, and so not compared
            assert mine.status == 1
            continue
        compared += 1
        theirs = readelf_pair.real(readelf, words)
        assert not readelf_pair.difference(theirs, mine), (seed, words)
    assert compared > CASES * 0.8


@pytest.mark.oracle("readelf-2.44")
def test_a_broken_file_switches_parts_off_for_those_behind_it(
    oracle: Callable[[str], str], tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.o", tmp_path / "cut.o"
    whole.write_bytes(sample())
    cut.write_bytes(sample()[:300])
    for words in (["-a"], ["-x1", "-s"], ["-rD"], ["-n"]):
        line = [*words, str(whole), str(cut), str(whole)]
        theirs = readelf_pair.real(oracle("readelf-2.44"), line)
        assert not readelf_pair.difference(theirs, readelf_pair.ours(line))
