"""The IR's own rules, checked after every pass in the tests and under a flag.

In: a function. Out: nothing, or `IRError` that names the operation. Checked: every operation fits
its row in `OPS`; blocks end in exactly one terminator; each value is defined once and its
definition dominates each use; edges carry one operand a parameter, of its kind; addresses are
pointers.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import immediate_dominators
from probee.compiler.ir.ops import (
    CALLS,
    CONDITIONS,
    OPS,
    Block,
    Function,
    Op,
    Slot,
    Value,
)
from probee.compiler.ir.printer import print_op
from probee.errors import ProbeeError


class IRError(ProbeeError):
    """A pass, or the front end, made IR that means nothing. Always a bug of probee."""


def verify(function: Function) -> None:
    """Raises IRError unless `function` is well-formed."""
    if not function.blocks:
        raise IRError(f"{function.name}: no blocks")
    if function.blocks[0].params:
        raise IRError(f"{function.name}: the entry block has parameters")
    placed = set(function.blocks)
    if len(placed) != len(function.blocks):
        raise IRError(f"{function.name}: a block stands twice in the function")
    for block in function.blocks:
        _verify_shape(function, block, placed)
    _verify_dominance(function)


def _verify_shape(function: Function, block: Block, placed: set[Block]) -> None:
    if not block.ops or not block.ops[-1].row.terminator:
        raise IRError(f"{function.name}: {block!r} has no terminator")
    for op in block.ops:
        row = OPS.get(op.kind)
        where = f"{function.name}, {block!r}: {print_op(op)}"
        if row is None:
            raise IRError(f"{where}: no such operation")
        if row.terminator and op is not block.ops[-1]:
            raise IRError(f"{where}: a terminator inside a block")
        if len(op.args) != row.args and not (row.args < 0 and len(op.args) <= 5):
            raise IRError(f"{where}: {len(op.args)} operands, {row.args} wanted")
        if row.sizes and op.size not in row.sizes:
            raise IRError(f"{where}: size {op.size}, one of {row.sizes} wanted")
        if len(op.edges) != row.edges:
            raise IRError(f"{where}: {len(op.edges)} edges, {row.edges} wanted")
        _verify_result(op, row.result, where)
        _verify_symbol(function, op, where)
        for edge in op.edges:
            if edge.block not in placed:
                raise IRError(f"{where}: leads to {edge.block!r}, which is not in the function")
            if len(edge.args) != len(edge.block.params):
                raise IRError(f"{where}: {edge.block!r} takes {len(edge.block.params)} operands")
            for arg, param in zip(edge.args, edge.block.params, strict=True):
                if isinstance(arg, Value) and arg.kind != param.kind and param.kind == "ptr":
                    raise IRError(f"{where}: an int goes into the pointer {param!r}")


def _verify_result(op: Op, wanted: str, where: str) -> None:
    if wanted == "none" and op.result is not None:
        raise IRError(f"{where}: gives no result")
    if wanted in ("int", "ptr") and (op.result is None or op.result.kind != wanted):
        raise IRError(f"{where}: its result is an {wanted}")
    if op.kind in ("load", "kload", "add", "sub") and op.result is None:
        raise IRError(f"{where}: its result is missing")


def _verify_symbol(function: Function, op: Op, where: str) -> None:
    if op.kind in ("cmp", "branch") and op.symbol not in CONDITIONS:
        raise IRError(f"{where}: {op.symbol!r} is no condition")
    if op.kind == "slot" and not (isinstance(op.symbol, Slot) and op.symbol in function.slots):
        raise IRError(f"{where}: not a slot of this function")
    named = (*CALLS, "const", "core", "kaddr", "kcast", "kload", "mapaddr", "dataaddr")
    if op.kind in named and not isinstance(op.symbol, str):
        raise IRError(f"{where}: its symbol is missing")
    if op.kind == "atomic" and len(op.args) != (3 if op.symbol == "cmpxchg" else 2):
        raise IRError(f"{where}: {len(op.args)} operands")
    if op.kind in ("load", "store", "atomic", "zero", "copy", "kaddr", "kload"):
        pointers = op.args[: 2 if op.kind == "copy" else 1]
        if not all(isinstance(p, Value) and p.kind == "ptr" for p in pointers):
            raise IRError(f"{where}: its address is not a pointer")


def _verify_dominance(function: Function) -> None:
    home: dict[Value, tuple[Block, int]] = dict.fromkeys(function.params, (function.blocks[0], -2))

    def define(value: Value, block: Block, index: int) -> None:
        if value in home:
            raise IRError(f"{function.name}: {value!r} is defined twice")
        home[value] = (block, index)

    for block in function.blocks:
        for param in block.params:
            define(param, block, -1)
        for index, op in enumerate(block.ops):
            if op.result is not None:
                define(op.result, block, index)
    idom = immediate_dominators(function)
    for block in function.blocks:
        if block not in idom:
            continue  # unreachable: dominance says nothing about it
        for index, op in enumerate(block.ops):
            for arg in [*op.args, *(a for edge in op.edges for a in edge.args)]:
                if isinstance(arg, Value):
                    _check_use(function, arg, home, idom, block, index, op)


def _check_use(
    function: Function,
    arg: Value,
    home: dict[Value, tuple[Block, int]],
    idom: dict[Block, Block | None],
    block: Block,
    index: int,
    op: Op,
) -> None:
    where = f"{function.name}, {block!r}: {print_op(op)}"
    if arg not in home:
        raise IRError(f"{where}: {arg!r} is never defined")
    def_block, def_index = home[arg]
    if def_block is block:
        if def_index >= index:
            raise IRError(f"{where}: {arg!r} is used before it is defined")
        return
    walk: Block | None = block
    while walk is not None and walk is not def_block:
        walk = idom[walk]
    if walk is None:
        raise IRError(f"{where}: the definition of {arg!r} does not dominate this use")
