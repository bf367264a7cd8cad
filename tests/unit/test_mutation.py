"""The seeded bugs of tests/mutation still fit the sources; `make mutation` runs them."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.evidence import STRONG
from tests.mutation.mutant import ROOT, Mutant
from tests.mutation.table import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_fits_the_source(mutant: Mutant) -> None:
    """Its text stands there once; with the bug the file is another program, and still one."""
    before = ast.parse((ROOT / mutant.path).read_text(encoding="utf-8"))
    after = ast.parse(mutant.text())
    assert ast.dump(before) != ast.dump(after)


def test_names_differ_and_kinds_are_known() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 60
    assert {mutant.by for mutant in MUTANTS} <= set(STRONG)


def test_every_room_that_decides_meaning_has_mutants() -> None:
    folders = {mutant.file.partition("/")[0] for mutant in MUTANTS}
    assert {"frontend", "passes", "codegen", "assemble.py", "btfgen.py"} <= folders
