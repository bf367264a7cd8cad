"""Who counts the rounds of a loop: the verifier, which walks each of them, or the kernel.

In: a loop, the most rounds that it can have. Out: whether an iterator counts them (iterators.py),
or a refusal of what is too much for either.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import iterators
from probee.compiler.frontend.values import Ref
from probee.spec.types import ArrayOf, CharArray, StructType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.compiler.frontend.lowering import Lowering

FOLLOWED = 8192  # rounds that the verifier walks one by one; past this it gives up
# Rounds, and rounds times branches, that are left to the verifier, which walks each of them; one
# that the kernel counts costs some 9 ns more. Ways that meet again are one to the verifier as long
# as they differ in nothing that matters (see passes/veil.py). But what it remembers of a place it
# drops once some three later rounds came by and were different (is_state_visited, miss_cnt in
# kernel/bpf/verifier.c), so that the ways through a round multiply with those of the next one. A
# body with `BUSY` branches takes so long that the kernel may as well count its rounds: 22 rounds
# with 7 branches took more than a million instructions when followed, 2,000 when counted. Inside a
# loop that the kernel counts, the verifier looks more closely still.
PLAIN, BRANCHY, BUSY_BRANCHY, BUSY, FEW = 4096, 512, 128, 6, 8
_UNKNOWN_ROUNDS = 8
_BRANCHES = (ast.If, ast.IfExp, ast.match_case, ast.Subscript)


def counted_by_kernel(
    low: Lowering, node: ast.For | ast.While, where: ast.AST, rounds: int
) -> bool:
    """Whether an iterator counts the rounds; refuses a loop that runs too often for either way."""
    total = followed = rounds
    for loop in low.loops:
        total *= max(loop.rounds, 1)
        followed *= 1 if loop.iterator else max(loop.rounds, 1)
    limit, why = (
        iterators.MAX_ROUNDS,
        "the kernel counts no further: a program holds up its processor",
    )
    if total <= limit:
        if _cheap(low, node, followed):
            return False
        missing = iterators.missing(low)
        if not missing:
            return True
        limit, why = FOLLOWED, f"the verifier follows every round, since {missing}"
        if followed <= limit:
            return False
        total = followed
    around = f", {total:,} with the loops around it," if total != rounds else ""
    raise low.refuse(
        where,
        "unbounded-loop",
        f"this loop may run {rounds:,} times{around} and {limit:,} is the most",
        why=why,
        fix="bound it: `min(n, 64)`, a mask, or a type as u8",
    )


def _cheap(low: Lowering, node: ast.For | ast.While, rounds: int) -> bool:
    """Whether so many rounds are the verifier's to follow."""
    if rounds <= FEW:
        return True
    # A while loop's condition is walked in every round too.
    found = branches(low, [node.test, *node.body] if isinstance(node, ast.While) else node.body)
    if not found:
        return rounds <= PLAIN
    busy = found >= BUSY or any(loop.iterator for loop in low.loops)
    return rounds * (1 + found) <= (BUSY_BRANCHY if busy else BRANCHY)


def branches(low: Lowering, nodes: Iterable[ast.AST]) -> int:
    """About how many branches stand in pieces of the tree, and in the functions called there."""
    return _branches(low, nodes, low.frame.scope, [])


def _branches(
    low: Lowering, nodes: Iterable[ast.AST], scope: dict[str, object], open_: list[object]
) -> int:
    total = 0
    for node in nodes:
        children = _branches(low, ast.iter_child_nodes(node), scope, open_)
        match node:
            case ast.For() | ast.While():
                children = (1 + children) * _rounds(node)
            case ast.BoolOp(values=values):
                children += len(values) - 1
            case ast.BinOp(op=ast.FloorDiv() | ast.Mod()):
                children += 1
            case ast.Call(func=ast.Attribute()):
                children += 1
            case ast.Call(func=ast.Name(id=name)):
                function = low.world.function(scope.get(name))
                if function is not None and function not in open_:
                    body = low.world.source(function).definition.body
                    inner = low.world.capture.scopes[function]
                    children += _branches(low, body, inner, [*open_, function])
            case ast.Compare():
                children += 1 + (_bytes_compared(low, node) if not open_ else 0)
            case _ if isinstance(node, _BRANCHES):
                children += 1
        total += children
    return total


def _bytes_compared(low: Lowering, node: ast.Compare) -> int:
    """The bytes or elements that a loop of its own goes through, to find or to compare them."""
    operands = [node.left, *node.comparators]
    searched = any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops)
    if not searched and any(isinstance(operand, ast.Constant) for operand in operands):
        return 0  # compared piece by piece
    return max(_extent(low, operand) for operand in operands)


def _extent(low: Lowering, node: ast.expr) -> int:
    """How many bytes a text has room for, or elements an array; 0 for others."""
    found: object = None
    match node:
        case ast.Name(id=name):
            local = low.frame.locals.get(name)
            found = local.type if isinstance(local, Ref) else None
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            local = low.frame.locals.get(name)
            if isinstance(local, Ref) and isinstance(local.type, StructType):
                field = local.type.field(attribute)
                found = field.type if field is not None else None
    if isinstance(found, CharArray):
        return found.size
    return found.count if isinstance(found, ArrayOf) else 0


def _rounds(node: ast.For | ast.While) -> int:
    """The rounds of a loop inside, where its range is written as a number."""
    match node:
        case ast.For(iter=ast.Call(args=[ast.Constant(value=int() as count)])):
            return max(count, 1)
        case _:
            return _UNKNOWN_ROUNDS
