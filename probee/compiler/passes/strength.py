"""Dear operations become cheap ones.

Multiplication, division and remainder by a power of two are a shift or a mask:

    %1 = mul.8 %0, 8                %1 = shl.8 %0, 3
    %2 = udiv.8 %1, 1024            %2 = lshr.8 %1, 10
    %3 = umod.4 %2, 16              %3 = and.4 %2, 15

Signed divisions round towards zero and shifts do not: they come here once `ranges` has found that
there is no sign.
"""

from __future__ import annotations

from probee.compiler.passes.arithmetic import signed, unsigned
from probee.compiler.passes.rewriter import Rewriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand
    from probee.compiler.passes.rewriter import Rule

CHEAP = {"mul": "shl", "udiv": "lshr"}


def run(function: Function) -> bool:
    """Rewrites them; says whether there were any."""
    if not any(op.kind in _RULES for block in function.blocks for op in block.ops):
        return False
    return Rewriter(function, _RULES).run()


def _power(op: Op) -> int:
    """The exponent, if the right operand is a power of two, else -1."""
    number = op.args[1]
    if not isinstance(number, int):
        return -1
    number = unsigned(number, op.size)
    return number.bit_length() - 1 if number and number & (number - 1) == 0 else -1


def _shift(_: Rewriter, op: Op) -> Operand | None:
    power = _power(op)
    if power > 0:
        op.kind, op.args = CHEAP[op.kind], [op.args[0], power]
    return None


def _umod(_: Rewriter, op: Op) -> Operand | None:
    power = _power(op)
    if power > 0:
        op.kind, op.args = "and", [op.args[0], signed((1 << power) - 1, op.size)]
    return None


_RULES: dict[str, Rule] = {"mul": _shift, "udiv": _shift, "umod": _umod}
