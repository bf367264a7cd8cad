"""Truth: conditions that lead to one of two blocks, and what is learnt on the way.

In: an expression and two blocks. Out: branches; `is None`, truth and membership narrow the optional
locals they test, on each side.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    arrays,
    expressions,
    kernelcalls,
    maps,
    numbers,
    rawtext,
    search,
    structeq,
    texts,
)
from probee.compiler.frontend.values import (
    NONE,
    Kern,
    NoneType,
    Num,
    Opt,
    OptNum,
    OptText,
    ReadStr,
    Ref,
    Several,
    Text,
    describe,
)
from probee.frozen import replace
from probee.spec.types import CharArray, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand


def condition(low: Lowering, node: ast.expr, then: Block, other: Block) -> None:
    """Leaves to `then` where `node` is true, else to `other`."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            condition(low, operand, other, then)
        case ast.BoolOp(op=operator, values=values):
            for value in values[:-1]:
                (on,) = low.blocks(1)
                if isinstance(operator, ast.And):
                    condition(low, value, on, other)
                else:
                    condition(low, value, then, on)
                low.start(on)
            condition(low, values[-1], then, other)
        case ast.Compare():
            low.place(node)
            compare_chain(low, node, then, other)
        case _:
            low.place(node)
            truth(low, low.value(node), node, then, other)


def truth(low: Lowering, value: TypedValue, node: ast.expr, then: Block, other: Block) -> None:
    """Leaves by the truth of a value already computed."""
    match value:
        case Num(op=int() as known):
            low.decide(known != 0, then, other)
        case Num(op=op):
            low.branch("ne", op, 0, then, other)
        case OptNum(num=num):
            # None holds 0, so the number alone decides; on the true side it is there
            yes, _ = narrowed(low, value)
            low.branch("ne", num.op, 0, then, other, then_flow=yes)
        case NoneType():
            low.decide(False, then, other)
        case Text(raw=raw):
            low.decide(bool(raw), then, other)
        case OptText(ref=ref):  # where it is None, the buffer is empty
            yes, _ = narrowed(low, value)
            search.nonempty(low, ref, node, then, other, yes)
        case Opt(ref=Ref(type=CharArray()) as ref):
            yes, no = narrowed(low, value)
            (there,) = low.blocks(1)
            low.branch("eq", ref.ptr, 0, other, there, then_flow=no, other_flow=yes)
            low.start(there)
            search.nonempty(low, ref, node, then, other, low.flow)
        case _ if texts.is_text(value):
            search.nonempty(low, value, node, then, other, low.flow)
        case Kern(path=(), op=op):
            low.branch("ne", op, 0, then, other)
        case Opt() | Kern() | Ref(type=StructType()):
            raise low.refuse(
                node,
                "struct-truth",
                f"{describe(value)} has no truth of its own",
                why="a struct is true in Python whatever it holds, which is rarely what is meant",
                fix="write `is not None`, or compare a field",
            )
        case _:
            raise low.refuse(
                node,
                "no-truth",
                f"{describe(value)} cannot be a condition",
                why="integers, optional integers and comparisons have a truth",
                fix="compare it with something",
            )


def equal(
    low: Lowering,
    node: ast.AST,
    a: tuple[ast.expr, TypedValue],
    b: tuple[ast.expr, TypedValue],
    then: Block,
    other: Block,
) -> None:
    """Leaves by `a == b`, each of them an expression and its value."""
    _compare(low, node, ast.Eq(), a, b, then, other)


def compare_chain(low: Lowering, node: ast.Compare, then: Block, other: Block) -> None:
    """`a < b < c`: each operand once, in order, until one comparison fails."""
    left_node, left = node.left, low.value(node.left)
    last = len(node.ops) - 1
    for i, (operator, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
        on = then if i == last else low.blocks(1)[0]
        right = low.value(right_node)
        if i != last:  # it is compared twice
            right = texts.kept(low, right, right_node)
        low.place(node)
        _compare(low, node, operator, (left_node, left), (right_node, right), on, other)
        if i != last:
            low.start(on)
        left_node, left = right_node, right


def _compare(
    low: Lowering,
    node: ast.AST,
    operator: ast.cmpop,
    a: tuple[ast.expr, TypedValue],
    b: tuple[ast.expr, TypedValue],
    then: Block,
    other: Block,
) -> None:
    (left_node, left), (right_node, right) = a, b
    if isinstance(operator, (ast.NotEq, ast.NotIn, ast.IsNot)):
        then, other = other, then
    both_text = rawtext.compared(left) and rawtext.compared(right)
    if isinstance(operator, (ast.Is, ast.IsNot)) or NONE in (left, right):
        _is_none(low, node, operator, (left, right), then, other)
    elif isinstance(operator, (ast.In, ast.NotIn)):
        if both_text:
            rawtext.contains(low, node, right, left, then, other)
        elif isinstance(right, Several):
            _among(low, node, right, (left_node, left), right_node, then, other)
        elif isinstance(right, Ref) and arrays.is_array(right):
            arrays.contains(low, right, (left_node, left), right_node, then, other)
        else:
            maps.contains(low, node, right, (left_node, left), then, other)
    elif isinstance(operator, (ast.Eq, ast.NotEq)) and _maybe_numbers(left, right):
        _equal_if_there(low, left, right, then, other)
    elif kernelcalls.compared(low, operator, a, b):
        sides = (kernelcalls.address(low, left), kernelcalls.address(low, right))
        low.branch("eq", *sides, then, other)
    elif isinstance(left, Num) and isinstance(right, Num):
        exact = ast.Eq() if isinstance(operator, ast.NotEq) else operator
        numbers.compare(low, exact, left, right, then, other)
    elif both_text:
        if not isinstance(operator, (ast.Eq, ast.NotEq)):
            raise rawtext.inexact(
                low, node, "the order of texts", "compare numbers, or texts for being equal"
            )
        rawtext.equal(low, node, left, right, then, other)
    elif isinstance(left, Ref) and isinstance(right, Ref) and structeq.is_object(left):
        structeq.compare(low, node, operator, left, right, then, other)
    else:
        found, culprit = (right, right_node) if isinstance(left, Num) else (left, left_node)
        wanted = "text" if texts.is_text(left) or texts.is_text(right) else "an integer"
        if wanted == "text":
            found, culprit = (left, left_node) if texts.is_text(right) else (right, right_node)
        raise expressions.refuse_kind(low, found, wanted, culprit)


def _maybe_numbers(left: TypedValue, right: TypedValue) -> bool:
    """Whether both are numbers, and one of them may be None."""
    kinds = {type(left), type(right)}
    return OptNum in kinds and kinds <= {Num, OptNum}


def _equal_if_there(
    low: Lowering, left: TypedValue, right: TypedValue, then: Block, other: Block
) -> None:
    """`a == b` of numbers that may be None: None equals None alone."""
    if not isinstance(left, OptNum):
        left, right = right, left
    assert isinstance(left, OptNum)
    missing, there = low.blocks(2)
    yes, no = narrowed(low, left)
    low.branch("eq", left.present, 0, missing, there, then_flow=no, other_flow=yes)
    low.start(missing)
    if isinstance(right, OptNum):
        low.branch("eq", right.present, 0, then, other)
    else:
        low.decide(False, then, other)
    low.start(there)
    if isinstance(right, OptNum):
        (both,) = low.blocks(1)
        yes, no = narrowed(low, right)
        low.branch("eq", right.present, 0, other, both, then_flow=no, other_flow=yes)
        low.start(both)
        right = right.num
    assert isinstance(right, Num)
    numbers.compare(low, ast.Eq(), left.num, right, then, other)


def _among(
    low: Lowering,
    node: ast.AST,
    items: Several,
    wanted: tuple[ast.expr, TypedValue],
    among: ast.expr,
    then: Block,
    other: Block,
) -> None:
    """`x in (a, b, c)`: equal to one of them."""
    nodes = among.elts if isinstance(among, ast.Tuple) else [among] * len(items.items)
    wanted = wanted[0], texts.kept(low, wanted[1], wanted[0])
    for item_node, item in zip(nodes, items.items, strict=True):
        (on,) = low.blocks(1)
        _compare(low, node, ast.Eq(), wanted, (item_node, item), then, on)
        low.start(on)
    low.jump(other)


def _is_none(
    low: Lowering,
    node: ast.AST,
    operator: ast.cmpop,
    pair: tuple[TypedValue, TypedValue],
    then: Block,
    other: Block,
) -> None:
    """`x is None`, `x == None`. `is` between other things compares identities: refused."""
    if NONE not in pair:
        raise low.refuse(
            node,
            "identity",
            "`is` compares identities, which values in the kernel do not have",
            why="CPython itself promises nothing for numbers",
            fix="write == or !=",
        )
    if not isinstance(operator, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
        raise low.refuse(
            node,
            "none-order",
            "None has no order, and nothing in it",
            why="Python would raise TypeError",
            fix="compare with `is None`",
        )
    value = pair[0] if pair[1] == NONE else pair[1]
    match texts.kept(low, value, node) if isinstance(value, ReadStr) else value:
        case NoneType():
            low.decide(True, then, other)
        case Kern(path=(), op=op):
            low.branch("eq", op, 0, then, other)
        case Opt() | OptNum() | OptText() as value:
            yes, no = narrowed(low, value)
            low.branch("eq", presence(value), 0, then, other, then_flow=no, other_flow=yes)
        case _:
            low.decide(False, then, other)  # not optional: never None


def presence(value: Opt | OptNum | OptText) -> Operand:
    """What is 0 exactly where the optional is None."""
    return value.ref.ptr if isinstance(value, Opt) else value.present


def narrowed(low: Lowering, value: Opt | OptNum | OptText) -> tuple[Flow, Flow]:
    """What is known where the optional is there, and where it is None."""
    yes = no = low.flow
    if value.variable:
        yes = replace(yes, nonnull=yes.nonnull | {value.variable})
    if isinstance(value, Opt) and value.ref.origin.startswith("ring:"):
        site = value.ref.site
        if low.flow.record(site) == "maybe":
            yes, no = yes.with_record(site, "live"), no.with_record(site, "")
    return yes, no


def as_operand(low: Lowering, node: ast.expr) -> Operand:
    """A condition as a value: 1 or 0."""
    yes, no = low.blocks(2)
    condition(low, node, yes, no)
    return low.either(yes, no)
