"""Compiled programs mean in the simulator what CPython makes of them: no kernel takes part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probee.errors import CompileError
from tests.fuzz import coverage
from tests.kernel import (
    test_meaning_atomics,
    test_meaning_hist,
    test_meaning_maps,
    test_meaning_structs,
)
from tests.kernel.test_meaning import HEADER, NAMED, ROUNDS
from tests.meaning.compare import case, check, check_random
from tests.meaning.found import FOUND
from tests.meaning.header import IMPORTS
from tests.meaning.machine import load_module
from tests.meaning.programs import SHARING

SEEDS = 300


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    for isa in (1, 2, 3, 4):
        path = tmp_path / f"meaning_named_{isa}.py"
        source = HEADER + NAMED[name].replace("2**0", "1")
        assert not check(source, ROUNDS, {}, path, isa=isa, kernel=False).unsimulated


OTHERS = [
    (module, name)
    for module in (test_meaning_atomics, test_meaning_hist, test_meaning_maps, test_meaning_structs)
    for name in module.NAMED
]


@pytest.mark.parametrize(("module", "name"), OTHERS, ids=[name for _, name in OTHERS])
def test_named_program_of_another_subject(module: Any, name: str, tmp_path: Path) -> None:
    source = module.HEADER + module.NAMED[name].replace("2**0", "1")
    found = check(source, ROUNDS, {}, tmp_path / "meaning_others.py", isa=4, kernel=False)
    assert not found.unsimulated


@pytest.mark.parametrize("name", FOUND)
def test_program_that_once_failed(name: str, tmp_path: Path) -> None:
    isa, consts, rounds, source = FOUND[name]
    path = tmp_path / "meaning_found.py"
    check(IMPORTS + source, rounds, consts, path, isa=isa, kernel=False)


def test_random_programs(tmp_path: Path) -> None:
    """A few hundred fixed ones, which together hit every row of the syntax and of the IR."""
    done = traps = 0
    hit: set[str] = set()
    for seed in range(SEEDS):
        try:
            found = check_random(seed, tmp_path, kernel=False)
        except CompileError as error:
            if {d.code for d in error.diagnostics} <= set(SHARING):
                continue
            raise
        assert not found.unsimulated
        done += 1
        source, _, consts, _ = case(seed)
        hit |= coverage.syntax_of(source)
        hit |= coverage.operations_of(load_module(tmp_path / "covered.py", source), consts)
        traps += found.traps
    assert done > SEEDS * 2 // 3
    assert traps > 5
    assert coverage.unhit(hit) == []
