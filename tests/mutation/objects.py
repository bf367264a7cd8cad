"""Seeded bugs of what is compiled for object files. See mutant.py."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

MUTANTS = (
    Mutant(
        "portable-arguments-too-early",
        "portable.py",
        "_FIRST, _SLOT = 16, 8",
        "_FIRST, _SLOT = 8, 8",
        "an object reads the system call's number as its first argument",
        by="unit",
    ),
    Mutant(
        "portable-place-not-asked",
        "frontend/context.py",
        "UNPLACED if struct else found.offset",
        "found.offset",
        "the format file of the kernel that loads it is held against an offset that nobody knew",
        by="unit",
    ),
    Mutant(
        "portable-enum-is-a-number",
        "frontend/kernel.py",
        'f"enum {type_.size}" if enum else wanted(type_)',
        "wanted(type_)",
        "libbpf finds no integer where the kernel has an enum, and loads nothing",
        by="unit",
    ),
    Mutant(
        "helpers-in-no-order",
        "codegen/assemble.py",
        "for id in dict.fromkeys(called)",
        "for id in reversed(dict.fromkeys(called))",
        "what is read from an object is not what was written into it",
        by="unit",
    ),
)
