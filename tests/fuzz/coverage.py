"""Which rows of the language and of the intermediate representation random programs have hit.

In: sources, and the IR that the compiler made of them, before and after its passes. Out: rows that
were never hit. The rows are the compiler's own tables: `ACCEPTED` of frontend/subset.py, and `OPS`
of ir/ops.py, each operation with every size, condition and symbol that it may have.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from probee.compiler.frontend.lower import lower
from probee.compiler.frontend.subset import ACCEPTED
from probee.compiler.frontend.world import World
from probee.compiler.ir.ops import CONDITIONS, OPS, Function, Op
from probee.compiler.pipeline import optimise
from probee.lang.capture import capture
from probee.lang.variables import Const
from probee.spec.target import Target
from tests.meaning.expressions import ARGUMENTS
from tests.meaning.facts import Facts

ATOMICS = (
    "add", "or", "and", "xor", "fetch_add", "fetch_or", "fetch_and", "fetch_xor", "xchg", "cmpxchg",
)  # fmt: skip
# Rows, by how they begin, that no program of the generator hits, each with the reason. Those that
# the front end and the passes never make are run by tests/kernel/test_codegen.py, from random IR.
KERNEL = "structs of the kernel, which CPython has not: tests/kernel/test_kernel_structs.py"
UNHIT: Mapping[str, str] = {
    "core": KERNEL,
    "kaddr": KERNEL,
    "kcast": KERNEL,
    "kload": KERNEL,
    "same": KERNEL,
    "callfn": "plain functions are compiled in place of their calls",
    "cmp.4": "a comparison is a branch; as a value it is one of 64 bits with 0",
    "ashr.4": "what is shifted right keeps its 64 bits",
    "lshr.4": "what is shifted right keeps its 64 bits",
    "cmp.8 u": "a comparison is a branch; as a value it is one with 0",
    "cmp.8 s": "a comparison is a branch; as a value it is one with 0",
    "branch.4 set": "no pass makes this form",
    "branch.8 set": "no pass makes this form",
    "sdiv.4": "division is computed in 64 bits",
    "smod.4": "division is computed in 64 bits",
    "udiv.4": "division is computed in 64 bits",
    "umod.4": "division is computed in 64 bits",
}


def syntax_rows() -> set[str]:
    return {f"ast {name}" for name in ACCEPTED}


def operation_rows() -> set[str]:
    """`cmp.4 slt` and the like: all that the table allows."""
    return {row for kind in OPS for row in _rows(kind)}


def _rows(kind: str) -> Iterator[str]:
    sizes = OPS[kind].sizes or (0,)
    for size in sizes:
        name = f"{kind}.{size}" if size else kind
        if kind in ("cmp", "branch"):
            yield from (f"{name} {condition}" for condition in CONDITIONS)
        elif kind == "atomic":
            yield from (f"{name} {symbol}" for symbol in ATOMICS)
        else:
            yield name


def syntax_of(source: str) -> set[str]:
    """Rows that the functions of a program hit."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f"ast {type(node).__name__}" for f in functions for node in ast.walk(f)}


def operations_of(names: Mapping[str, Any], consts: Mapping[str, int]) -> set[str]:
    """Rows that the IR of a module's `program` hits, as the front end makes it and at the end.

    Raises nothing for a program that is refused: it has no IR.
    """
    captured = capture((names["program"],))
    folded = {
        name: declaration.identity()[2]
        for name, declaration in captured.declarations.items()
        if isinstance(declaration, Const) and name not in consts
    }
    target = Target()
    world = World(captured, target, Facts(ARGUMENTS), folded, "Dual MIT/GPL", patched=True)
    lowered, _ = lower(world, captured.programs[0])
    if lowered is None:
        return set()
    hit = set(_of(lowered.function))
    optimise(lowered.function)
    return hit | set(_of(lowered.function))


def _of(function: Function) -> Iterator[str]:
    for block in function.blocks:
        for op in block.ops:
            yield _row(op)


def _row(op: Op) -> str:
    size = op.size if op.kind not in ("zero", "copy") else 0
    name = f"{op.kind}.{size}" if size else op.kind
    return f"{name} {op.symbol}" if op.kind in ("cmp", "branch", "atomic") else name


def reason(row: str) -> str:
    """Why a row need not be hit, or ""."""
    return next((why for start, why in UNHIT.items() if row.startswith(start)), "")


def unhit(hit: set[str]) -> list[str]:
    """Rows that were not hit and have no reason, and reasons of rows that were."""
    rows = syntax_rows() | operation_rows()
    missed = [row for row in rows - hit if not reason(row)]
    stale = [f"{start}: hit after all" for start in UNHIT if not _missed(start, rows - hit)]
    return sorted([*missed, *stale])


def _missed(start: str, rows: set[str]) -> bool:
    return any(row.startswith(start) for row in rows)
