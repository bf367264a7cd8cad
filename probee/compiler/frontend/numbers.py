"""Integers: conversion, the table of mixed operands, arithmetic, comparison.

In: `Num`s. Out: `Num`s whose operands are normalised to their type. Every result is CPython's exact
one modulo 2^N of the stated type; operands are first brought to the common type:

    literal, typed          the typed one's type where the literal fits it, else s64 (u64)
    bool                    counts as s64 in arithmetic, as in Python
    same sign               the wider
    signed, unsigned        the signed one's type if it is wider than the unsigned one, else s64
    pointer                 counts as u64

Comparison is exact whatever the types are: no operand is wrapped for it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend.values import LITERAL, S64, U64, Num, literal
from probee.compiler.ir.ops import Operand
from probee.lang.types import BOOL
from probee.spec.types import Int, Pointer, wrap

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Block

_SIMPLE = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
}
CONDITION = {
    ast.Eq: ("eq", "eq"),
    ast.NotEq: ("ne", "ne"),
    ast.Lt: ("ult", "slt"),
    ast.LtE: ("ule", "sle"),
    ast.Gt: ("ugt", "sgt"),
    ast.GtE: ("uge", "sge"),
}


def convert(low: Lowering, num: Num, type_: Int | Pointer, node: ast.AST) -> Num:
    """`num` wrapped to `type_`, as assignment to something of that type does."""
    if num.literal:
        assert isinstance(num.op, int)
        check_literal(low, num, node)
    if num.type == type_ and not num.literal:
        return num
    if isinstance(type_, Pointer):
        return Num(type_, num.op)
    if type_.boolean:
        return Num(type_, truth(low, num))
    if isinstance(num.op, int):
        return Num(type_, wrap(num.op, type_.size, type_.signed))
    bottom, top = num.bounds
    if type_.size == 8:
        keep = type_.low <= bottom and top <= type_.high
        return Num(type_, num.op, *((bottom, top) if keep else ()))
    if type_.low <= bottom and top <= type_.high:
        return Num(type_, num.op, bottom, top)
    kind = "sext" if type_.signed else "zext"
    return Num(type_, low.builder.emit(kind, num.op, size=type_.size))


def check_literal(low: Lowering, num: Num, node: ast.AST) -> None:
    assert isinstance(num.op, int)
    if not S64.low <= num.op <= U64.high:
        raise low.refuse(node, "literal-range", f"{num.op} does not fit 64 bits")


def truth(low: Lowering, num: Num) -> Operand:
    """1 where `num` is not 0, else 0."""
    if isinstance(num.op, int):
        return int(num.op != 0)
    if num.type == BOOL:
        return num.op
    return low.builder.emit("cmp", num.op, 0, symbol="ne", size=8)


def typed(num: Num) -> Int:
    """The integer type that takes part in arithmetic for `num`."""
    if isinstance(num.type, Pointer):
        return U64
    return S64 if num.type.boolean else num.type


def common(low: Lowering, a: Num, b: Num, node: ast.AST) -> Int:
    """The type of an operation on `a` and `b` (see the table above)."""
    if a.literal and b.literal:
        return S64
    if a.literal or b.literal:
        lit, other = (a, b) if a.literal else (b, a)
        check_literal(low, lit, node)
        assert isinstance(lit.op, int)
        type_ = typed(other)
        if type_.low <= lit.op <= type_.high:
            return type_
        return S64 if lit.op <= S64.high else U64
    left, right = typed(a), typed(b)
    if left.signed == right.signed:
        return left if left.size >= right.size else right
    minus, plus = (left, right) if left.signed else (right, left)
    return minus if minus.size > plus.size else S64


def binary(low: Lowering, operator: ast.operator, a: Num, b: Num, node: ast.AST) -> Num:
    """`a operator b`."""
    if a.literal and b.literal:
        return _fold(low, operator, a, b, node)
    if isinstance(operator, (ast.LShift, ast.RShift)):
        return _shift(low, isinstance(operator, ast.LShift), a, b, node)
    type_ = common(low, a, b, node)
    left, right = convert(low, a, type_, node), convert(low, b, type_, node)
    if isinstance(operator, (ast.FloorDiv, ast.Mod)):
        from probee.compiler.frontend.division import divide

        return divide(low, isinstance(operator, ast.FloorDiv), left, right, node)
    kind = _SIMPLE[type(operator)]
    result = low.builder.emit(kind, left.op, right.op, size=8)
    if kind == "and":
        return _masked(type_, result, left, right)
    if kind in ("or", "xor"):
        return Num(type_, result)
    return normalised(low, result, type_)


def _masked(type_: Int, result: Operand, left: Num, right: Num) -> Num:
    """x & constant is at most the constant: a bound that loops and indexes can stand on."""
    tops = [n.op for n in (left, right) if isinstance(n.op, int) and n.op >= 0]
    return Num(type_, result, 0, min(tops)) if tops else Num(type_, result)


def normalised(low: Lowering, operand: Operand, type_: Int) -> Num:
    """A 64-bit result brought to `type_`."""
    if type_.size == 8:
        return Num(type_, operand)
    kind = "sext" if type_.signed else "zext"
    return Num(type_, low.builder.emit(kind, operand, size=type_.size))


def _fold(low: Lowering, operator: ast.operator, a: Num, b: Num, node: ast.AST) -> Num:
    """Two literals: Python itself computes, exactly."""
    assert isinstance(a.op, int) and isinstance(b.op, int)
    x, y = a.op, b.op
    if isinstance(operator, (ast.FloorDiv, ast.Mod)) and y == 0:
        raise low.refuse(node, "zero-division", "division by zero")
    if isinstance(operator, (ast.LShift, ast.RShift)):
        _check_shift(low, y, 64, node)
        return literal(x << y if isinstance(operator, ast.LShift) else x >> y)
    match operator:
        case ast.Add():
            result = x + y
        case ast.Sub():
            result = x - y
        case ast.Mult():
            result = x * y
        case ast.BitAnd():
            result = x & y
        case ast.BitOr():
            result = x | y
        case ast.BitXor():
            result = x ^ y
        case ast.FloorDiv():
            result = x // y
        case _:
            result = x % y
    folded = literal(result)
    check_literal(low, folded, node)
    return folded


def _check_shift(low: Lowering, amount: int, bits: int, node: ast.AST) -> None:
    if not 0 <= amount < bits:
        raise low.refuse(
            node,
            "shift-range",
            f"a shift by {amount} of a value of {bits} bits",
            why="negative shifts raise, and one past the width leaves nothing of the value",
            fix="shift less, or widen the value first, as in u64(x)",
        )


def _shift(low: Lowering, left: bool, a: Num, b: Num, node: ast.AST) -> Num:
    """`a << b`, `a >> b` in the type of `a`; a run-time amount past the width shifts all bits out."""
    type_ = S64 if a.literal else typed(a)
    value = convert(low, a, type_, node)
    kind = "shl" if left else "ashr" if type_.signed else "lshr"
    if isinstance(b.op, int):
        _check_shift(low, b.op, type_.bits, node)
        result = low.builder.emit(kind, value.op, b.op, size=8)
        return normalised(low, result, type_) if left else Num(type_, result)
    from probee.compiler.frontend.traps import trap_if

    bottom, top = b.bounds
    if bottom < 0:
        trap_if(low, "slt", b.op, 0, "ValueError", node)
    if top < type_.bits:
        result = low.builder.emit(kind, value.op, b.op, size=8)
        return normalised(low, result, type_) if left else Num(type_, result)
    inside, outside, done = low.blocks(3)
    out = low.temporary()
    low.branch("ult", b.op, type_.bits, inside, outside)
    low.start(inside)
    low.builder.write(out, low.builder.emit(kind, value.op, b.op, size=8))
    low.jump(done)
    low.start(outside)
    gone: Operand = 0
    if kind == "ashr":
        gone = low.builder.emit("ashr", value.op, 63, size=8)
    low.builder.write(out, gone)
    low.jump(done)
    low.start(done)
    result = low.builder.read(out)
    return normalised(low, result, type_) if left else Num(type_, result)


def unary(low: Lowering, operator: ast.unaryop, num: Num, node: ast.AST) -> Num:
    """`-x`, `+x`, `~x`."""
    if num.literal:
        assert isinstance(num.op, int)
        x = num.op
        value = (
            -x if isinstance(operator, ast.USub) else ~x if isinstance(operator, ast.Invert) else x
        )
        folded = literal(value)
        check_literal(low, folded, node)
        return folded
    type_ = typed(num)
    value_ = convert(low, num, type_, node)
    if isinstance(operator, ast.UAdd):
        return value_
    if isinstance(operator, ast.USub):
        return normalised(low, low.builder.emit("neg", value_.op, size=8), type_)
    return normalised(low, low.builder.emit("xor", value_.op, -1, size=8), type_)


def compare(low: Lowering, operator: ast.cmpop, a: Num, b: Num, then: Block, other: Block) -> None:
    """Leaves to `then` where `a operator b` holds, exactly, else to `other`."""
    unsigned, signed_ = CONDITION[type(operator)]
    if isinstance(a.op, int) and isinstance(b.op, int):
        low.jump(then if _holds(unsigned, a.op, b.op) else other)
        return
    for first, second, condition in ((a, b, unsigned), (b, a, _MIRROR[unsigned])):
        decided = _decided(condition, first, second)
        if decided is not None:
            low.jump(then if decided else other)
            return
    left, right = a.op, b.op
    if _huge(a) or _huge(b):
        negative = next((n for n in (a, b) if n.bounds[0] < 0), None)
        if negative is not None:
            _compare_mixed(low, unsigned, a, b, negative, then, other)
            return
        low.branch(unsigned, left, right, then, other)
        return
    both_positive = a.bounds[0] >= 0 and b.bounds[0] >= 0
    low.branch(unsigned if both_positive else signed_, left, right, then, other)


_MIRROR = {"eq": "eq", "ne": "ne", "ult": "ugt", "ule": "uge", "ugt": "ult", "uge": "ule"}


def _holds(condition: str, a: int, b: int) -> bool:
    match condition:
        case "eq":
            return a == b
        case "ne":
            return a != b
        case "ult":
            return a < b
        case "ule":
            return a <= b
        case "ugt":
            return a > b
        case _:
            return a >= b


def _decided(condition: str, a: Num, b: Num) -> bool | None:
    """What the bounds alone say of `a condition b`, or None."""
    (a_low, a_high), (b_low, b_high) = a.bounds, b.bounds
    if a_high < b_low:
        return condition in ("ne", "ult", "ule")
    if a_low > b_high:
        return condition in ("ne", "ugt", "uge")
    return None


def _huge(num: Num) -> bool:
    """It may be 2^63 or more, where a signed comparison of 64 bits goes wrong."""
    return num.bounds[1] > S64.high


def _compare_mixed(
    low: Lowering, condition: str, a: Num, b: Num, negative: Num, then: Block, other: Block
) -> None:
    """One side may be negative, the other past 2^63: the sign is looked at first."""
    plain, below = low.blocks(2)
    low.branch("slt", negative.op, 0, below, plain)
    low.start(below)
    less = negative is a
    truths = ("ne", "ult", "ule") if less else ("ne", "ugt", "uge")
    low.jump(then if condition in truths else other)
    low.start(plain)
    low.branch(condition, a.op, b.op, then, other)


def widen_literal(num: Num) -> Num:
    """A literal that becomes a value of its own: s64, or u64 where only that holds it."""
    if num.type is not LITERAL:
        return num
    assert isinstance(num.op, int)
    return Num(S64 if num.op <= S64.high else U64, num.op)
