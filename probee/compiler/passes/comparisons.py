"""Rules for comparisons, in branches and as values; used by the pass `fold`.

In: a `cmp` or `branch`. Out: whether it always or never holds, or None; it may have been rewritten.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.algebra import low_part
from probee.compiler.passes.arithmetic import INVERSE, MIRROR, holds, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Op, Operand
    from probee.compiler.passes.fold import Folder

_REFLEXIVE = ("eq", "ule", "uge", "sle", "sge")
_ORDERED_TO_EQUAL = {("ult", 1): "eq", ("uge", 1): "ne", ("ugt", 0): "ne", ("ule", 0): "eq"}


def simplify(folder: Folder, op: Op) -> bool | None:
    """Decides or simplifies one comparison."""
    condition, (a, b) = str(op.symbol), op.args
    if not isinstance(a, Value):
        if not isinstance(b, Value):
            return holds(condition, a, b, op.size)
        op.symbol, op.args = MIRROR[condition], [b, a]
        return None
    if a is b and condition != "set":
        return condition in _REFLEXIVE
    if b == 0 and condition in ("eq", "ne") and folder.made_by(a, "slot") is not None:
        return condition == "ne"  # the stack does not begin at address 0
    if isinstance(b, Value):
        _two_values(folder, op, condition, a, b)
        return None
    truth = _by_width(condition, folder.width(a), b, op.size)
    if truth is None:
        _with_constant(folder, op, condition, a, b)
    return truth


def _by_width(condition: str, bits: int, constant: int, size: int) -> bool | None:
    """What follows from `a` being one of 0 … 2^bits - 1."""
    full = 8 * size
    if condition == "set":
        return None if unsigned(constant, size) & ((1 << min(bits, full)) - 1) else False
    if condition[0] == "s" or bits >= full:
        if bits >= full:
            return _at_the_end(condition, constant, size)
        bottom, top, c = 0, (1 << bits) - 1, signed(constant, size)
    else:
        bottom, top, c = 0, (1 << bits) - 1, unsigned(constant, size)
    return by_range(condition, bottom, top, c)


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
    """Comparisons with the least and the greatest number."""
    bits = 8 * size
    if condition[0] == "s":
        return by_range(condition, -(1 << bits - 1), (1 << bits - 1) - 1, signed(constant, size))
    return by_range(condition, 0, (1 << bits) - 1, unsigned(constant, size))


def _with_constant(folder: Folder, op: Op, condition: str, a: Value, c: int) -> None:
    """`a condition c`, in a simpler way."""
    equal = _ORDERED_TO_EQUAL.get((condition, c))
    if equal is not None:
        op.symbol, op.args = equal, [a, 0]
        return
    if condition in ("eq", "ne"):
        if _of_truth(folder, op, condition, a, c):
            return
        if c == 0 and _of_zero(folder, op, a):
            return
    narrow = _narrow(folder, condition, a, c)
    if op.size == 8 and narrow is not None:
        op.args, op.size = [narrow, signed(c, 4)], 4
    elif op.size == 4:
        op.args = [low_part(folder, a, 4) if folder.once(a) else a, signed(c, 4)]


def _of_truth(folder: Folder, op: Op, condition: str, a: Value, c: int) -> bool:
    """A comparison whose result is compared with 0 or 1 is that comparison, or its inverse."""
    inner = folder.made_by(a, "cmp")
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


def _of_zero(folder: Folder, op: Op, a: Value) -> bool:
    """x ^ y and x - y are 0 where x and y are equal; so are zext, neg of 0 only."""
    inner = folder.made_by(a, "xor", "sub", "neg")
    if inner is None or inner.size != op.size or not folder.once(a):
        return False
    op.args = list(inner.args) if inner.kind != "neg" else [inner.args[0], 0]
    return True


def _narrow(folder: Folder, condition: str, a: Operand, c: int) -> Operand | None:
    """What may be compared with `c` as 32 bits in place of `a`, an extension of it."""
    inner = folder.made_by(a, "zext", "sext")
    if inner is None or inner.size != 4 or not folder.once(a) or condition == "set":
        return None
    is_signed = condition[0] == "s"
    if inner.kind == "sext":
        fits = -(1 << 31) <= c < 1 << 31 and (is_signed or condition in ("eq", "ne"))
    else:
        fits = 0 <= c < 1 << 32 and not is_signed
    return inner.args[0] if fits else None


def _two_values(folder: Folder, op: Op, condition: str, a: Value, b: Value) -> None:
    """Two extended values are compared as 32 bits, if nothing else reads the extensions."""
    if op.size == 4:
        op.args = [low_part(folder, x, 4) if folder.once(x) else x for x in (a, b)]
        return
    is_signed = condition[0] == "s" and condition != "set"
    kind = "sext" if is_signed else "zext"
    sides = [folder.made_by(x, kind) for x in (a, b)]
    if is_signed or condition in ("eq", "ne"):
        signs = [folder.made_by(x, "sext") for x in (a, b)]
        if all(side is not None and side.size == 4 for side in signs):
            sides = signs
    for x, side in zip((a, b), sides, strict=True):
        if side is None or side.size != 4 or not folder.once(x):
            return
    op.args, op.size = [side.args[0] for side in sides if side is not None], 4
