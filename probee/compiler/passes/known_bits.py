"""What is known of the bits of numbers makes operations needless.

An upper bound of how many low bits may be set follows each value (see `widths`). A mask or an
extension of what is narrow already goes, comparisons and divisions that the bound decides do too:

    %1 = load.1 [%0]                %1 = load.1 [%0]
    %2 = zext.4 %1                  %4 = lshr.8 %1, 3
    %3 = and.8 %2, 255              branch.8 eq %4, 31 -> b1, b2
    %4 = ashr.8 %3, 3
    %5 = cmp.8 ult %4, 32
    …

What the kernel's verifier must see bounded (see `watched`) keeps the mask by which it sees it.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.algebra import narrowed
from probee.compiler.passes.arithmetic import signed, unsigned
from probee.compiler.passes.comparisons import by_range
from probee.compiler.passes.rewriter import Rewriter
from probee.compiler.passes.rewriting import to_jump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand
    from probee.compiler.passes.rewriter import Rule


def run(function: Function) -> bool:
    """Uses the bounds; says whether that changed anything."""
    if not any(op.kind in _RULES for block in function.blocks for op in block.ops):
        return False
    return Rewriter(function, _RULES).run()


def _and(rewriter: Rewriter, op: Op) -> Operand | None:
    a, mask = op.args
    if isinstance(mask, Value) or rewriter.needed(op):
        return None
    bits = (1 << min(rewriter.width(a), 8 * op.size)) - 1
    return narrowed(rewriter, a, op) if unsigned(mask, op.size) & bits == bits else None


def _zext(rewriter: Rewriter, op: Op) -> Operand | None:
    if rewriter.width(op.args[0]) > 8 * op.size or rewriter.needed(op):
        return None
    return op.args[0]


def _sext(rewriter: Rewriter, op: Op) -> Operand | None:
    return op.args[0] if rewriter.width(op.args[0]) < 8 * op.size else None


def _shift(rewriter: Rewriter, op: Op) -> Operand | None:
    a, amount = op.args
    if op.kind == "ashr" and rewriter.width(a) < 8 * op.size:
        op.kind = "lshr"
    if op.kind == "lshr" and isinstance(amount, int):
        return 0 if rewriter.width(a) <= amount % (8 * op.size) else None
    return None


def _divide(rewriter: Rewriter, op: Op) -> Operand | None:
    """By more than the number can be."""
    a, divisor = op.args
    if isinstance(divisor, Value):
        return None
    if rewriter.width(a) >= unsigned(divisor, op.size).bit_length():
        return None
    return 0 if op.kind == "udiv" else narrowed(rewriter, a, op)


def _compare(rewriter: Rewriter, op: Op) -> Operand | None:
    a, constant = op.args
    if not isinstance(a, Value) or isinstance(constant, Value):
        return None
    truth = _holds(str(op.symbol), rewriter.width(a), constant, op.size)
    if truth is not None and op.kind == "branch":
        to_jump(op, 0 if truth else 1)
        rewriter.changed = True
        return None
    return None if truth is None else int(truth)


def _holds(condition: str, bits: int, constant: int, size: int) -> bool | None:
    """Whether the condition holds for all, or for none, of 0 … 2^bits - 1."""
    full = 8 * size
    if condition == "set":
        return None if unsigned(constant, size) & ((1 << min(bits, full)) - 1) else False
    if bits >= full:
        return None
    c = signed(constant, size) if condition[0] == "s" else unsigned(constant, size)
    return by_range(condition, 0, (1 << bits) - 1, c)


_RULES: dict[str, Rule] = {
    "and": _and,
    "zext": _zext,
    "sext": _sext,
    "ashr": _shift,
    "lshr": _shift,
    "udiv": _divide,
    "umod": _divide,
    "cmp": _compare,
    "branch": _compare,
}
