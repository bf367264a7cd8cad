"""Integers: conversion, the table of mixed operands, arithmetic, comparison.

In: `Num`s. Out: `Num`s whose operands are normalised to their type. Every result is CPython's exact
one modulo 2^N of the stated type; operands are first brought to the common type:

    literal, literal        computed exactly, and still a literal
    literal, typed          the typed one's type where the literal fits it, else s64 (u64 where
                            only that holds the literal)
    same sign               the wider
    signed, unsigned        the signed one's type if it is wider than the unsigned one, else s64
    bool, pointer           bool counts as s64, a pointer as u64

Shifts have the type of their left side. Comparison is exact whatever the types are: no operand is
wrapped for it. Assignment to something of a type wraps a typed value to it; a literal must fit.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import division, traps
from probee.compiler.frontend.values import S64, U32, U64, Num, literal
from probee.frozen import replace
from probee.lang.types import BOOL
from probee.spec.types import Int, Pointer, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Block, Operand

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
    """`num` as a value of `type_`, as assignment makes it: wrapped; a literal must fit."""
    if num.literal:
        _check_fit(low, num, type_, node)
    return cast(low, num, type_)


def cast(low: Lowering, num: Num, type_: Int | Pointer) -> Num:
    """`num` wrapped to `type_`, as `type_(num)` says outright."""
    if num.type == type_:
        return num
    if isinstance(type_, Pointer):
        return Num(type_, num.op)
    if type_.boolean:
        return Num(type_, truth(low, num))
    if isinstance(num.op, int):
        return Num(type_, wrap(num.op, type_.size, type_.signed))
    bottom, top = num.bounds
    if type_.low <= bottom and top <= type_.high:
        return Num(type_, num.op, bottom, top)
    if type_.size == 8:
        return Num(type_, num.op)
    kind = "sext" if type_.signed else "zext"
    return Num(type_, low.builder.emit(kind, num.op, size=type_.size))


def _check_fit(low: Lowering, num: Num, type_: Int | Pointer, node: ast.AST) -> None:
    bottom, top = (0, U64.high) if isinstance(type_, Pointer) else (type_.low, type_.high)
    if isinstance(type_, Int) and type_.boolean:
        return
    if not bottom <= _int(num) <= top:
        name = "a pointer" if isinstance(type_, Pointer) else type_.name
        wrapped = type_.name if isinstance(type_, Int) and type_ != S64 else "u64"
        raise low.refuse(
            node,
            "literal-range",
            f"{num.op} does not fit {name}",
            why="a number that the source states is never cut in silence",
            fix=f"write {wrapped}({num.op}) if that is meant",
        )


def check_literal(low: Lowering, num: Num, node: ast.AST) -> None:
    """A bare number must have a form in 64 bits."""
    if not S64.low <= _int(num) <= U64.high:
        raise low.refuse(node, "literal-range", f"{num.op} does not fit 64 bits")


def _int(num: Num) -> int:
    assert isinstance(num.op, int)
    return num.op


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


def common(a: Num, b: Num) -> Int:
    """The type of an operation on `a` and `b` (see the table above)."""
    if a.literal and b.literal:
        return S64
    if a.literal or b.literal:
        number, other = (_int(a), b) if a.literal else (_int(b), a)
        type_ = typed(other)
        if type_.low <= number <= type_.high:
            return type_
        return S64 if number <= S64.high else U64
    left, right = typed(a), typed(b)
    if left.signed == right.signed:
        return left if left.size >= right.size else right
    minus, plus = (left, right) if left.signed else (right, left)
    return minus if minus.size > plus.size else S64


def joined(numbers: Sequence[Num]) -> Int | Pointer:
    """The type of a value that is one of these: theirs where it is one, else the common one."""
    owned = [n for n in numbers if not n.literal]
    if not owned:
        return S64
    type_ = owned[0].type
    for number in owned[1:]:
        if number.type != type_:
            type_ = common(Num(type_, 0), number)
    for number in numbers:
        if number.literal:
            type_ = common(Num(type_, 0), number)
    return type_


def binary(low: Lowering, operator: ast.operator, a: Num, b: Num, node: ast.AST) -> Num:
    """`a operator b`."""
    if a.literal and b.literal:
        return _fold(low, operator, a, b, node)
    if isinstance(operator, (ast.LShift, ast.RShift)):
        return _shift(low, isinstance(operator, ast.LShift), a, b, node)
    type_ = common(a, b)
    left, right = cast(low, a, type_), cast(low, b, type_)
    if isinstance(operator, (ast.FloorDiv, ast.Mod)):
        if b.literal and b.op == 0:
            raise division.by_zero(low, node)
        return division.divide(low, isinstance(operator, ast.FloorDiv), left, right, type_, node)
    kind = _SIMPLE[type(operator)]
    result = low.builder.emit(kind, left.op, right.op, size=8)
    if kind == "and":
        return _masked(type_, result, left, right)
    if kind in ("or", "xor"):
        return Num(type_, result)
    ends = _ends(kind, left, right)
    bottom, top = min(ends), max(ends)
    if bottom < type_.low or top > type_.high:
        return normalised(low, result, type_)
    if type_.size < 4:  # a mask would hide from the verifier that a number grew
        return Num(type_, result, bottom, top)
    return replace(normalised(low, result, type_), low=bottom, high=top)


def _ends(kind: str, left: Num, right: Num) -> list[int]:
    """The least and the greatest of all exact results of +, -, *."""
    (a, b), (c, d) = left.bounds, right.bounds
    match kind:
        case "add":
            return [a + c, b + d]
        case "sub":
            return [a - d, b - c]
        case _:
            return [x * y for x in (a, b) for y in (c, d)]


def _masked(type_: Int, result: Operand, left: Num, right: Num) -> Num:
    """x & constant is at most the constant: a bound that loops and indexes can stand on.

    Else it is at most what is never negative of the two: `flags & ~MASK` is none of s64's size.
    """
    tops = [n.op for n in (left, right) if isinstance(n.op, int) and n.op >= 0]
    if not tops:
        tops = [n.bounds[1] for n in (left, right) if n.bounds[0] >= 0]
    return Num(type_, result, 0, min(tops)) if tops else Num(type_, result)


def shown(low: Lowering, num: Num) -> Num:
    """`num` with its bounds in a form that the verifier follows: it knows none of `//` and `%`.

    A mask that changes nothing; passes keep it where the verifier needs it (passes/watched.py).
    """
    bottom, top = num.bounds
    below = min(bottom, 0)
    if isinstance(num.op, int) or top - below > U32.high or (below and num.low is None):
        return num
    mask = (1 << (top - below).bit_length()) - 1
    result = low.builder.emit("add", num.op, -below, size=8) if below else num.op
    result = low.builder.emit("and", result, mask, size=8)
    result = low.builder.emit("add", result, below, size=8) if below else result
    return Num(num.type, result, bottom, top)


def normalised(low: Lowering, operand: Operand, type_: Int) -> Num:
    """A 64-bit result brought to `type_`."""
    if type_.size == 8:
        return Num(type_, operand)
    kind = "sext" if type_.signed else "zext"
    return Num(type_, low.builder.emit(kind, operand, size=type_.size))


def _fold(low: Lowering, operator: ast.operator, a: Num, b: Num, node: ast.AST) -> Num:
    """Two literals: Python itself computes, exactly."""
    x, y = _int(a), _int(b)
    if isinstance(operator, (ast.FloorDiv, ast.Mod)) and y == 0:
        raise division.by_zero(low, node)
    if isinstance(operator, (ast.LShift, ast.RShift)):
        _check_shift(low, y, 64, node)
    match operator:
        case ast.LShift():
            result = x << y
        case ast.RShift():
            result = x >> y
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
    """`a << b`, `a >> b` in the type of `a`; an amount past the width shifts all bits out."""
    type_ = S64 if a.literal else typed(a)
    value = convert(low, a, type_, node)
    kind = "shl" if left else "ashr" if type_.signed else "lshr"
    if b.literal:
        _check_shift(low, _int(b), type_.bits, node)
    bottom, top = b.bounds
    if bottom < 0:
        traps.trap_if(low, "slt", b.op, 0, "ValueError", node)
    if top < type_.bits:
        result: Operand = low.builder.emit(kind, value.op, b.op, size=8)
    else:
        inside, outside = low.blocks(2)
        low.branch("ult", b.op, type_.bits, inside, outside)
        low.start(inside)
        shifted = low.builder.emit(kind, value.op, b.op, size=8)
        inside_end = low.end(shifted)
        low.start(outside)
        gone: Operand = low.builder.emit("ashr", value.op, 63, size=8) if kind == "ashr" else 0
        result = low.join([inside_end, low.end(gone)])
    if left:
        return normalised(low, result, type_)
    if value.bounds[0] >= 0 and bottom >= 0:
        return Num(type_, result, 0, value.bounds[1] >> min(bottom, 63))
    return Num(type_, result)


def unary(low: Lowering, operator: ast.unaryop, num: Num, node: ast.AST) -> Num:
    """`-x`, `+x`, `~x`."""
    if num.literal:
        x = _int(num)
        minus, invert = isinstance(operator, ast.USub), isinstance(operator, ast.Invert)
        folded = literal(-x if minus else ~x if invert else x)
        check_literal(low, folded, node)
        return folded
    type_ = typed(num)
    value = cast(low, num, type_)
    if isinstance(operator, ast.UAdd):
        return value
    if isinstance(operator, ast.USub):
        return normalised(low, low.builder.emit("neg", value.op, size=8), type_)
    return normalised(low, low.builder.emit("xor", value.op, -1, size=8), type_)


def compare(low: Lowering, operator: ast.cmpop, a: Num, b: Num, then: Block, other: Block) -> None:
    """Leaves to `then` where `a operator b` holds, exactly, else to `other`."""
    unsigned, signed = CONDITION[type(operator)]
    decided = _decided(unsigned, a.bounds, b.bounds)
    if decided is not None:
        low.decide(decided, then, other)
        return
    negative = next((n for n in (a, b) if n.bounds[0] < 0), None)
    if negative is None:
        low.branch(unsigned, a.op, b.op, then, other)
    elif max(a.bounds[1], b.bounds[1]) <= S64.high:
        low.branch(signed, a.op, b.op, then, other)
    else:
        _compare_mixed(low, unsigned, (a, b), negative, then, other)


def _decided(condition: str, a: tuple[int, int], b: tuple[int, int]) -> bool | None:
    """What the bounds alone say of `a condition b`, or None."""
    (a_low, a_high), (b_low, b_high) = a, b
    if a_high < b_low:
        return condition in _LESS
    if a_low > b_high:
        return condition in _GREATER
    if a_low == a_high == b_low == b_high:
        return condition in _EQUAL
    return None


_LESS, _GREATER, _EQUAL = ("ne", "ult", "ule"), ("ne", "ugt", "uge"), ("eq", "ule", "uge")


def _compare_mixed(
    low: Lowering, condition: str, pair: tuple[Num, Num], negative: Num, then: Block, other: Block
) -> None:
    """One side may be negative, the other 2^63 or more: the sign is looked at first."""
    a, b = pair
    plain, below = low.blocks(2)
    low.branch("slt", negative.op, 0, below, plain)
    low.start(below)
    low.decide(condition in (_LESS if negative is a else _GREATER), then, other)
    low.start(plain)
    low.branch(condition, a.op, b.op, then, other)
