"""`//` and `%` with Python's floor.

In: two `Num`s of one type. Out: quotient or remainder of that type. The machine truncates towards
zero; where a remainder is left and the signs differ, the quotient is one less and the remainder
takes the divisor's sign. A divisor that may be 0 traps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import numbers, traps
from probee.compiler.frontend.values import Num

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.ir.ops import Operand
    from probee.spec.types import Int


def divide(low: Lowering, quotient: bool, a: Num, b: Num, type_: Int, node: ast.AST) -> Num:
    """`a // b` if `quotient`, else `a % b`; both are of `type_`."""
    if b.bounds[0] <= 0 <= b.bounds[1]:
        traps.trap_if(low, "eq", b.op, 0, "ZeroDivisionError", node)
    if type_.signed and isinstance(b.op, int) and b.op > 0 and b.op & (b.op - 1) == 0:
        return _power_of_two(low, quotient, a, b.op, type_)
    if a.bounds[0] >= 0 and b.bounds[0] >= 0:
        (a_low, a_high), (b_low, b_high) = a.bounds, b.bounds
        if quotient:
            result = low.builder.emit("udiv", a.op, b.op, size=8)
            return Num(type_, result, a_low // max(b_high, 1), a_high // max(b_low, 1))
        result = low.builder.emit("umod", a.op, b.op, size=8)
        return Num(type_, result, 0, min(a_high, max(b_high, 1) - 1))
    floored = _floor(low, quotient, a.op, b.op, type_)
    if not quotient and b.bounds[0] > 0:  # the remainder has the divisor's sign
        return Num(type_, floored.op, 0, b.bounds[1] - 1)
    return floored


def by_zero(low: Lowering, node: ast.AST) -> Refusal:
    """The divisor is 0 whenever this runs."""
    return low.refuse(
        node,
        "zero-division",
        "division by zero",
        why="Python would raise ZeroDivisionError every time",
        fix="divide by something else",
    )


def _power_of_two(low: Lowering, quotient: bool, a: Num, divisor: int, type_: Int) -> Num:
    """An arithmetic shift floors; the low bits are Python's remainder."""
    if quotient:
        return Num(type_, low.builder.emit("ashr", a.op, divisor.bit_length() - 1, size=8))
    return Num(type_, low.builder.emit("and", a.op, divisor - 1, size=8), 0, divisor - 1)


def _floor(low: Lowering, quotient: bool, a: Operand, b: Operand, type_: Int) -> Num:
    build = low.builder
    remainder = build.emit("smod", a, b, size=8)
    result = build.emit("sdiv", a, b, size=8) if quotient else remainder
    uneven, adjust, even, agree = low.blocks(4)
    low.branch("ne", remainder, 0, uneven, even)
    low.start(uneven)
    low.branch("slt", build.emit("xor", remainder, b, size=8), 0, adjust, agree)
    low.start(adjust)
    kind, amount = ("sub", 1) if quotient else ("add", b)
    ends = [low.end(build.emit(kind, result, amount, size=8))]
    for block in (even, agree):
        low.start(block)
        ends.append(low.end(result))
    return numbers.normalised(low, low.join(ends), type_)
