"""Operations on constants are computed, others brought to their simplest form.

The widths of values (how many low bits may be set) are followed on the way: what only clears bits
that are clear goes. Constants stand right, addresses are a base and an offset:

    %1 = load.4 [%0+8]              %1 = load.4 [%0+8]
    %2 = zext.4 %1
    %3 = mul.8 8, %2                %3 = shl.8 %1, 3
    %4 = add.8 %3, 4
    %5 = add.8 %4, -4
    %6 = add.8 %0, 16
    %7 = load.8 [%6+8]              %7 = load.8 [%0+24]
    %8 = cmp.8 ult %5, %7           branch.8 uge %3, %7 -> b2, b1
    branch.8 eq %8, 0 -> b1, b2

A sign or zero extension in front of a comparison goes only if the comparison alone reads it: where
the extended value is used behind, the kernel's verifier must see that value compared. Likewise for
masks that the verifier needs more than we do (see `watched`).
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes import algebra, comparisons
from probee.compiler.passes.arithmetic import unsigned
from probee.compiler.passes.rewriter import Rewriter
from probee.compiler.passes.rewriting import to_jump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand
    from probee.compiler.passes.rewriter import Rule

REACH = 1 << 15  # offsets of memory operands are signed 16 bits
_POINTERS = {"load": 1, "store": 1, "atomic": 1, "zero": 1, "copy": 2}


def run(function: Function) -> bool:
    """Folds what can be folded in one walk; says whether anything changed."""
    return Rewriter(function, _RULES, constants=True).run()


def _address(rewriter: Rewriter, op: Op) -> Operand | None:
    """[base + constant] + offset: the constant goes into the offset, if it fits there."""
    for index in range(_POINTERS[op.kind]):
        inner = rewriter.made_by(op.args[index], "add")
        if inner is None or isinstance(inner.args[1], Value):
            continue
        offset = (op.offset2 if index else op.offset) + inner.args[1]
        if -REACH <= offset < REACH - op.size:
            op.args[index] = inner.args[0]
            if index:
                op.offset2 = offset
            else:
                op.offset = offset
            rewriter.changed = True
    return None


def _store(rewriter: Rewriter, op: Op) -> Operand | None:
    """Only the low bytes are stored: an extension or mask above them is for nothing."""
    value = op.args[1]
    if isinstance(value, int):
        if op.size < 8:
            op.args[1] = unsigned(value, op.size)
    else:
        op.args[1] = algebra.low_part(rewriter, value, op.size)
    return _address(rewriter, op)


def _branch(rewriter: Rewriter, op: Op) -> Operand | None:
    truth = comparisons.simplify(rewriter, op)
    if truth is not None:
        to_jump(op, 0 if truth else 1)
    return None


def _cmp(rewriter: Rewriter, op: Op) -> Operand | None:
    truth = comparisons.simplify(rewriter, op)
    return None if truth is None else int(truth)


_RULES: dict[str, Rule] = {
    **algebra.RULES,
    **dict.fromkeys(_POINTERS, _address),
    "store": _store,
    "branch": _branch,
    "cmp": _cmp,
}
