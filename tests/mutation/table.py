"""All rows."""

from __future__ import annotations

from tests.mutation import codegen, memory, numbers, objects, passes, records, rules
from tests.mutation.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *numbers.MUTANTS,
    *rules.MUTANTS,
    *records.MUTANTS,
    *passes.MUTANTS,
    *memory.MUTANTS,
    *codegen.MUTANTS,
    *objects.MUTANTS,
)
