"""Rules for single arithmetic operations, used by the pass `fold`.

In: an operation with at least one operand that is no constant; constants stand right where they
may. Out: the operand that it is equal to, or None; the operation may have been rewritten.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.arithmetic import compute, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Op, Operand
    from probee.compiler.passes.rewriter import Rewriter, Rule


def low_part(rewriter: Rewriter, value: Operand, size: int, *, always: bool = False) -> Operand:
    """Something with the same low `size` bytes as `value`, made by fewer operations.

    Unless `always`, an extension stays that is needed elsewhere while what it extends is not: two
    values alive in place of one are no gain.
    """
    while True:
        op = rewriter.made_by(value, "zext", "sext", "and")
        if op is None or not (always or rewriter.once(value) or not rewriter.once(op.args[0])):
            return value
        if op.kind == "and":
            mask = op.args[1]
            if op.size < size or isinstance(mask, Value) or unsigned(~mask, size):
                return value
        elif op.size < size:
            return value
        value = op.args[0]


def narrowed(rewriter: Rewriter, value: Operand, op: Op) -> Operand | None:
    """`value` as the result of `op`: cut to 32 bits by an operation of size 4."""
    if op.size == 8 or rewriter.width(value) <= 32:
        return value
    op.kind, op.args, op.size = "zext", [value], 4
    return None


def _cut_operands(rewriter: Rewriter, op: Op) -> None:
    """An operation on 32 bits does not read what extensions put above them."""
    if op.size == 4:
        op.args[:] = [low_part(rewriter, arg, 4) for arg in op.args]
        if len(op.args) > 1 and isinstance(op.args[1], int):
            op.args[1] = signed(op.args[1], 4)


def _combine(rewriter: Rewriter, op: Op) -> bool:
    """(x op c1) op c2 = x op (c1 op c2), for operations where that is so."""
    inner = rewriter.made_by(op.args[0], op.kind)
    if inner is None or inner.size != op.size:
        return False
    first, second = inner.args[1], op.args[1]
    if isinstance(first, Value) or isinstance(second, Value):
        return False
    op.args[:] = [inner.args[0], compute(op.kind, op.size, [first, second])]
    return True


def _add(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if c == 0:
        return narrowed(rewriter, a, op)
    if isinstance(c, int):
        if not _combine(rewriter, op):
            base = rewriter.made_by(a, "dataaddr")
            if base is not None and 0 <= base.offset + c < 1 << 31:
                op.kind, op.args, op.size = "dataaddr", [], 0
                op.symbol, op.offset = base.symbol, base.offset + c
        return None
    minus = rewriter.made_by(c, "neg")
    if minus is not None and minus.size == op.size and op.result and op.result.kind == "int":
        op.kind, op.args = "sub", [a, minus.args[0]]
    return None


def _sub(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, b = op.args
    if a is b:
        return 0
    if isinstance(b, int):
        op.kind, op.args = "add", [a, signed(-b, op.size)]
    elif a == 0:
        op.kind, op.args = "neg", [b]
    return None


def _mul(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if isinstance(c, int):
        factor = unsigned(c, op.size)
        if factor == 0:
            return 0
        if factor == 1:
            return narrowed(rewriter, a, op)
        _combine(rewriter, op)
    return None


def _udiv(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a == 0:
        return 0
    if isinstance(c, int):
        divisor = unsigned(c, op.size)
        if divisor == 0:
            return 0
        if divisor == 1:
            return narrowed(rewriter, a, op)
    return None


def _umod(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a == 0:
        return 0
    if isinstance(c, int):
        divisor = unsigned(c, op.size)
        if divisor == 1:
            return 0
        if divisor == 0:
            return narrowed(rewriter, a, op)
    return None


def _sdiv(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a == 0:
        return 0
    if isinstance(c, int):
        if signed(c, op.size) == 0:
            return 0
        if signed(c, op.size) == 1:
            return narrowed(rewriter, a, op)
    return None


def _smod(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a == 0:
        return 0
    if isinstance(c, int):
        if signed(c, op.size) == 0:
            return narrowed(rewriter, a, op)
        if signed(c, op.size) in (1, -1):
            return 0
    return None


def _and(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a is c:
        return narrowed(rewriter, a, op)
    if isinstance(c, Value) or _combine(rewriter, op):
        return None
    mask = unsigned(c, op.size)
    if mask == 0:
        return 0
    if mask in (0xFF, 0xFFFF, 0xFFFFFFFF):
        op.kind, op.args, op.size = "zext", [a], mask.bit_length() // 8
    return None


def _or(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a is c or c == 0:
        return narrowed(rewriter, a, op)
    if isinstance(c, int):
        if unsigned(c, op.size) == unsigned(-1, op.size):
            return signed(unsigned(c, op.size))
        _combine(rewriter, op)
    return None


def _xor(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    a, c = op.args
    if a is c:
        return 0
    if c == 0:
        return narrowed(rewriter, a, op)
    if isinstance(c, int):
        _combine(rewriter, op)
    return None


def _shift(rewriter: Rewriter, op: Op) -> Operand | None:
    if op.size == 4:
        op.args[1] = low_part(rewriter, op.args[1], 1)
        if op.kind == "shl":
            op.args[0] = low_part(rewriter, op.args[0], 4)
    a, c = op.args
    if isinstance(c, Value):
        return 0 if a == 0 else None
    bits = 8 * op.size
    amount = c % bits
    op.args[1] = amount
    if amount == 0:
        return narrowed(rewriter, a, op)
    inner = rewriter.made_by(a, "shl", "lshr", "ashr")
    if inner is None or inner.size != op.size or isinstance(inner.args[1], Value):
        return None
    return _two_shifts(op, inner, inner.args[1] % bits, amount)


def _two_shifts(op: Op, inner: Op, first: int, second: int) -> Operand | None:
    """(x shift c1) shift c2: one shift, an extension, or a mask that fits an instruction."""
    bits = 8 * op.size
    if inner.kind == op.kind:
        if first + second >= bits and op.kind != "ashr":
            return 0
        op.args[:] = [inner.args[0], min(first + second, bits - 1)]
    elif inner.kind == "shl" and first == second and bits - first in (8, 16, 32):
        if op.kind == "lshr":
            op.kind, op.args, op.size = "zext", [inner.args[0]], (bits - first) // 8
        elif op.size == 8:
            op.kind, op.args, op.size = "sext", [inner.args[0]], (bits - first) // 8
    elif first == second and op.kind == "shl" and first < 31:
        op.kind, op.args = "and", [inner.args[0], signed(-1 << first, op.size)]
    return None


def _neg(rewriter: Rewriter, op: Op) -> Operand | None:
    _cut_operands(rewriter, op)
    inner = rewriter.made_by(op.args[0], "neg")
    if inner is not None and inner.size == op.size:
        return narrowed(rewriter, inner.args[0], op)
    return None


def _zext(rewriter: Rewriter, op: Op) -> Operand | None:
    op.args[0] = a = low_part(rewriter, op.args[0], op.size, always=True)
    inner = rewriter.made_by(a, "and")
    if inner is not None and isinstance(inner.args[1], int):
        mask = unsigned(inner.args[1], min(inner.size, op.size))
        op.kind, op.args, op.size = "and", [inner.args[0], mask], 8
    return None


def _sext(rewriter: Rewriter, op: Op) -> Operand | None:
    op.args[0] = a = low_part(rewriter, op.args[0], op.size, always=True)
    inner = rewriter.made_by(a, "sext", "const")
    if inner is None or inner.size > op.size:
        return None
    unsigned_const = inner.kind == "const" and not inner.offset
    return None if unsigned_const and inner.size == op.size else a


def _bswap(rewriter: Rewriter, op: Op) -> Operand | None:
    op.args[0] = low_part(rewriter, op.args[0], op.size, always=True)
    inner = rewriter.made_by(op.args[0], "bswap")
    if inner is None or inner.size != op.size:
        return None
    if op.size == 8:
        return inner.args[0]
    op.kind, op.args = "zext", [inner.args[0]]
    return None


RULES: dict[str, Rule] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "udiv": _udiv,
    "umod": _umod,
    "sdiv": _sdiv,
    "smod": _smod,
    "and": _and,
    "or": _or,
    "xor": _xor,
    "shl": _shift,
    "lshr": _shift,
    "ashr": _shift,
    "neg": _neg,
    "zext": _zext,
    "sext": _sext,
    "bswap": _bswap,
}
