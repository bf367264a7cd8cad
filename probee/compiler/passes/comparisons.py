"""Rules for comparisons, in branches and as values; used by the pass `fold`.

In: a `cmp` or `branch`. Out: whether it always or never holds, or None; it may have been rewritten.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.arithmetic import INVERSE, MIRROR, holds, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Op
    from probee.compiler.passes.rewriter import Rewriter

_REFLEXIVE = ("eq", "ule", "uge", "sle", "sge")
_ORDERED_TO_EQUAL = {("ult", 1): "eq", ("uge", 1): "ne", ("ugt", 0): "ne", ("ule", 0): "eq"}


def simplify(rewriter: Rewriter, op: Op) -> bool | None:
    """Decides or simplifies one comparison."""
    condition, (a, b) = str(op.symbol), op.args
    if not isinstance(a, Value):
        if not isinstance(b, Value):
            return holds(condition, a, b, op.size)
        op.symbol, op.args = MIRROR[condition], [b, a]
        return None
    if a is b and condition != "set":
        return condition in _REFLEXIVE
    if b == 0 and condition in ("eq", "ne") and rewriter.made_by(a, "slot") is not None:
        return condition == "ne"  # the stack does not begin at address 0
    if isinstance(b, Value):
        return None
    truth = _at_the_end(condition, b, op.size)
    if truth is None:
        _with_constant(rewriter, op, condition, a, b)
    return truth


def by_range(condition: str, bottom: int, top: int, c: int) -> bool | None:
    """What `x condition c` is for every x in bottom … top, where that is one thing."""
    match condition:
        case "eq" | "ne":
            if bottom <= c <= top:
                return (condition == "eq") if bottom == top else None
            return condition == "ne"
        case "ult" | "slt":
            return True if top < c else False if bottom >= c else None
        case "ule" | "sle":
            return True if top <= c else False if bottom > c else None
        case "ugt" | "sgt":
            return True if bottom > c else False if top <= c else None
        case "uge" | "sge":
            return True if bottom >= c else False if top < c else None
    return None


def _at_the_end(condition: str, constant: int, size: int) -> bool | None:
    """Comparisons with the least and the greatest number; no bit of 0 is set."""
    bits = 8 * size
    if condition == "set":
        return None if unsigned(constant, size) else False
    if condition[0] == "s":
        return by_range(condition, -(1 << bits - 1), (1 << bits - 1) - 1, signed(constant, size))
    return by_range(condition, 0, (1 << bits) - 1, unsigned(constant, size))


def _with_constant(rewriter: Rewriter, op: Op, condition: str, a: Value, c: int) -> None:
    """`a condition c`, in a simpler way."""
    equal = _ORDERED_TO_EQUAL.get((condition, c))
    if equal is not None:
        op.symbol, op.args = equal, [a, 0]
        return
    if condition in ("eq", "ne"):
        if _of_truth(rewriter, op, condition, a, c):
            return
        if c == 0 and _of_zero(rewriter, op, a):
            return


def _of_truth(rewriter: Rewriter, op: Op, condition: str, a: Value, c: int) -> bool:
    """A comparison whose result is compared with 0 or 1 is that comparison, or its inverse."""
    inner = rewriter.made_by(a, "cmp")
    if inner is None or c not in (0, 1):
        return False
    wanted = str(inner.symbol)
    if (condition == "eq") == (c == 0):
        if wanted not in INVERSE:
            if op.kind != "branch":
                return False
            op.edges.reverse()
        else:
            wanted = INVERSE[wanted]
    op.symbol, op.args, op.size = wanted, list(inner.args), inner.size
    return True


def _of_zero(rewriter: Rewriter, op: Op, a: Value) -> bool:
    """x ^ y and x - y are 0 where x and y are equal; so are zext, neg of 0 only."""
    inner = rewriter.made_by(a, "xor", "sub", "neg")
    if inner is None or inner.size != op.size or not rewriter.once(a):
        return False
    op.args = list(inner.args) if inner.kind != "neg" else [inner.args[0], 0]
    return True
