"""`//` and `%` with Python's floor.

In: two `Num`s of one type. Out: quotient or remainder of that type. The machine truncates towards
zero; where a remainder is left and the signs differ, the quotient is one less and the remainder
takes the divisor's sign. A divisor that may be 0 traps.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend.numbers import normalised
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import Num

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Operand
    from probee.spec.types import Int


def divide(low: Lowering, quotient: bool, a: Num, b: Num, node: ast.AST) -> Num:
    """`a // b` if `quotient`, else `a % b`."""
    type_ = b.type
    assert not hasattr(type_, "space")
    if isinstance(b.op, int):
        if b.op == 0:
            raise low.refuse(node, "zero-division", "division by zero")
    elif b.bounds[0] <= 0 <= b.bounds[1]:
        trap_if(low, "eq", b.op, 0, "ZeroDivisionError", node)
    if not type_.signed:  # type: ignore[union-attr]
        kind = "udiv" if quotient else "umod"
        return Num(type_, low.builder.emit(kind, a.op, b.op, size=8))
    if isinstance(b.op, int) and b.op > 0 and b.op & (b.op - 1) == 0:
        return _power_of_two(low, quotient, a, b.op)
    if a.bounds[0] >= 0 and b.bounds[0] >= 0:
        kind = "udiv" if quotient else "umod"
        return Num(type_, low.builder.emit(kind, a.op, b.op, size=8))
    return _floor(low, quotient, a.op, b.op, type_)  # type: ignore[arg-type]


def _power_of_two(low: Lowering, quotient: bool, a: Num, divisor: int) -> Num:
    """An arithmetic shift floors; the low bits are Python's remainder."""
    if quotient:
        return Num(a.type, low.builder.emit("ashr", a.op, divisor.bit_length() - 1, size=8))
    return Num(a.type, low.builder.emit("and", a.op, divisor - 1, size=8), 0, divisor - 1)


def _floor(low: Lowering, quotient: bool, a: Operand, b: Operand, type_: Int) -> Num:
    build = low.builder
    remainder = build.emit("smod", a, b, size=8)
    result = build.emit("sdiv", a, b, size=8) if quotient else remainder
    out = low.temporary()
    build.write(out, result)
    uneven, adjust, done = low.blocks(3)
    low.branch("ne", remainder, 0, uneven, done)
    low.start(uneven)
    low.branch("slt", build.emit("xor", remainder, b, size=8), 0, adjust, done)
    low.start(adjust)
    build.write(
        out,
        build.emit("sub", result, 1, size=8) if quotient else build.emit("add", result, b, size=8),
    )
    low.jump(done)
    low.start(done)
    return normalised(low, build.read(out), type_)
