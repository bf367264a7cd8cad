"""Compiled programs mean in the simulator what CPython makes of them: no kernel takes part."""

from __future__ import annotations

from pathlib import Path

import pytest

from probee.errors import CompileError
from tests.kernel.test_meaning import HEADER, NAMED, ROUNDS
from tests.meaning.compare import check, check_random
from tests.meaning.programs import SHARING

SEEDS = 60


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    for isa in (1, 2, 3, 4):
        path = tmp_path / f"meaning_named_{isa}.py"
        source = HEADER + NAMED[name].replace("2**0", "1")
        assert not check(source, ROUNDS, {}, path, isa=isa, kernel=False).unsimulated


def test_random_programs(tmp_path: Path) -> None:
    done = traps = 0
    for seed in range(SEEDS):
        try:
            found = check_random(seed, tmp_path, isa=1 + seed % 4, kernel=False)
        except CompileError as error:
            if {d.code for d in error.diagnostics} <= set(SHARING):
                continue
            raise
        assert not found.unsimulated
        done += 1
        traps += found.traps
    assert done > SEEDS * 2 // 3
    assert traps > 5
