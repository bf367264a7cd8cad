"""Selection of arithmetic, comparisons and branches.

In: IR operations, through the `Selector`. Out: machine operations that the target has: signed
division and sign extension below ISA v4, 32-bit operations below v3, and `<` below v2 are spelled
out with what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.opcodes import ALU32, ALU64, ALU_OPS, END, JMP, JMP32, JUMP_OPS, MOV, NEG, K, X
from probee.compiler.codegen.folding import MASK64, signed
from probee.compiler.codegen.machine import NONE, Src
from probee.compiler.ir.ops import OPS, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.codegen.isel import Selector
    from probee.compiler.ir.ops import Op

_ALU = {row.name: row for row in ALU_OPS}
_NAMES = {"udiv": "div", "umod": "mod", "shl": "lsh", "lshr": "rsh", "ashr": "arsh"}
_JUMPS = {row.name: row.code for row in JUMP_OPS}
CONDITIONS = {
    "eq": "jeq", "ne": "jne", "ult": "jlt", "ule": "jle", "ugt": "jgt", "uge": "jge",
    "slt": "jslt", "sle": "jsle", "sgt": "jsgt", "sge": "jsge", "set": "jset",
}  # fmt: skip
MIRRORED = {
    "ult": "ugt", "ule": "uge", "ugt": "ult", "uge": "ule",
    "slt": "sgt", "sle": "sge", "sgt": "slt", "sge": "sle",
}  # fmt: skip
_SHIFTS = ("shl", "lshr", "ashr")
_DIVISIONS = ("udiv", "umod", "sdiv", "smod")
_COMMUTATIVE = {row.kind for row in OPS.values() if row.commutative}


def fits(value: int) -> bool:
    """Whether the 64-bit `value` is what a 32-bit immediate extends to."""
    return -(1 << 31) <= signed(value) < 1 << 31


def is_constant(src: Src) -> bool:
    """Whether `src` is a number."""
    return src.base == NONE and src.symbol is None


def low(value: int) -> int:
    """The lower half of `value`, read as signed."""
    return signed(value << 32) >> 32


# arithmetic


def alu(s: Selector, name: str, size: int, a: Src, b: Src, d: int) -> None:
    """d = a `name` b, each a constant or in a register; `name` is a kind of IR operation."""
    if is_constant(a) and name in _COMMUTATIVE:
        a, b = b, a
    if is_constant(b):
        value = signed(b.off) if size == 8 else low(b.off)
        if name in _DIVISIONS and _divide_by(s, name, size, a, value, d):
            return
        if name == "and" and size == 8 and s.target.isa >= 3 and b.off >> 32 == 0:
            if b.off == 0xFFFFFFFF:
                s.emit("mov", code=ALU32 | MOV, d=d, a=s.in_register(a))
                return
            size, value = 4, low(b.off)
        if name in _SHIFTS:
            value &= 8 * size - 1
        if name == "sub" and fits(-value):
            name, value = "add", -value if size == 8 else low(-value)
        b = Src(NONE, value & MASK64)
    if name in ("sdiv", "smod") and s.target.isa < 4:
        _divide_signed(s, name, size, a, b, d)
    elif size == 4 and s.target.isa < 3:
        _alu32_in_64(s, name, a, b, d)
    elif name == "sub" and a == Src(NONE, 0):
        s.emit("alu", code=(ALU64 if size == 8 else ALU32) | NEG, d=d, a=s.in_register(b))
    else:
        _plain(s, name, size, a, b, d)


def _plain(s: Selector, name: str, size: int, a: Src, b: Src, d: int) -> None:
    """One machine operation."""
    row = _ALU[_NAMES.get(name, name)]
    code = (ALU64 if size == 8 else ALU32) | row.code
    left = s.in_register(a)
    if is_constant(b) and fits(b.off):
        s.emit("alu", code=code, d=d, a=left, imm=low(b.off), off=row.off)
        return
    right = s.in_register(b)
    late = name not in _COMMUTATIVE and left != right
    s.emit("alu", code=code, d=d, a=left, b=right, off=row.off, late=late)


def _temp(s: Selector, name: str, size: int, a: Src, b: Src) -> Src:
    d = s.new()
    alu(s, name, size, a, b, d)
    return Src(d)


def _divide_by(s: Selector, name: str, size: int, a: Src, value: int, d: int) -> bool:
    """Divisors that the machine's immediate form does not take, or that are not worth it."""
    if value == 0 and name in ("udiv", "sdiv"):
        s.constant(d, 0)
    elif value == 0:
        extend(s, size, s.in_register(a), d)
    elif value == -1 and name == "sdiv":
        alu(s, "sub", size, Src(NONE, 0), a, d)
    elif value in (1, -1) and name == "smod":
        s.constant(d, 0)
    else:
        return False
    return True


def _divide_signed(s: Selector, name: str, size: int, a: Src, b: Src, d: int) -> None:
    """Truncating division by way of the unsigned one, without a branch.

    With m = x >> 63 (0 or -1), |x| is (x ^ m) - m, and (y ^ m) - m puts the sign back on. The
    smallest number is its own negative, as the machine has it, and |x| reads right as unsigned.
    """
    sign = Src(NONE, 8 * size - 1)
    mask_a = _temp(s, "ashr", size, a, sign)
    flip = mask_a
    positive = _temp(s, "sub", size, _temp(s, "xor", size, a, mask_a), mask_a)
    if is_constant(b):
        value = signed(b.off)
        divisor = Src(NONE, abs(value) if size == 8 else abs(low(value)))
        if value < 0 and name == "sdiv":
            flip = _temp(s, "xor", size, mask_a, Src(NONE, MASK64))
    else:
        mask_b = _temp(s, "ashr", size, b, sign)
        divisor = _temp(s, "sub", size, _temp(s, "xor", size, b, mask_b), mask_b)
        if name == "sdiv":
            flip = _temp(s, "xor", size, mask_a, mask_b)
    unsigned = "udiv" if name == "sdiv" else "umod"
    result = _temp(s, unsigned, size, positive, divisor)
    alu(s, "sub", size, _temp(s, "xor", size, result, flip), flip, d)


def _alu32_in_64(s: Selector, name: str, a: Src, b: Src, d: int) -> None:
    """Below ISA v3: operands extended where their upper half matters, then the result."""
    if name in ("udiv", "umod", "lshr"):
        a = widen(s, a, "zext")
    elif name == "ashr":
        a = widen(s, a, "sext")
    if name in ("udiv", "umod"):
        b = widen(s, b, "zext")
    if name in _SHIFTS and not is_constant(b):
        b = _temp(s, "and", 8, b, Src(NONE, 31))
    if name in ("udiv", "umod", "lshr"):
        alu(s, name, 8, a, b, d)
    else:
        extend(s, 4, _temp(s, name, 8, a, b).base, d)


def widen(s: Selector, src: Src, how: str) -> Src:
    """The low 32 bits of `src` as 64, for comparisons and divisions below ISA v3."""
    if is_constant(src):
        return Src(NONE, (src.off & 0xFFFFFFFF) if how == "zext" else low(src.off) & MASK64)
    if s.widths.get(src.base, 64) <= 32 - (how == "sext"):
        return src
    d = s.new()
    if how == "zext":
        extend(s, 4, src.base, d)
    else:
        sign_extend(s, 4, src.base, d)
    return Src(d)


def extend(s: Selector, size: int, a: int, d: int) -> None:
    """d = the low `size` bytes of a."""
    if size == 8:
        s.emit("mov", code=ALU64 | MOV, d=d, a=a)
    elif size < 4:
        alu(s, "and", 8, Src(a), Src(NONE, (1 << 8 * size) - 1), d)
    elif s.target.isa >= 3:
        s.emit("mov", code=ALU32 | MOV, d=d, a=a)
    else:
        alu(s, "lshr", 8, _temp(s, "shl", 8, Src(a), Src(NONE, 32)), Src(NONE, 32), d)


def sign_extend(s: Selector, size: int, a: int, d: int) -> None:
    """d = the low `size` bytes of a, as a signed number."""
    if s.target.isa >= 4:
        s.emit("mov", code=ALU64 | MOV, d=d, a=a, off=8 * size)
    else:
        amount = Src(NONE, 64 - 8 * size)
        alu(s, "ashr", 8, _temp(s, "shl", 8, Src(a), amount), amount, d)


def _binary(s: Selector, op: Op) -> None:
    assert op.result is not None
    a, b = (s.simple(arg) for arg in op.args)
    alu(s, op.kind, op.size, a, b, s.define(op.result))


def _neg(s: Selector, op: Op) -> None:
    assert op.result is not None
    a = s.simple(op.args[0])
    alu(s, "sub", op.size, Src(NONE, 0), Src(s.in_register(a)), s.define(op.result))


def _zext(s: Selector, op: Op) -> None:
    assert op.result is not None
    a = s.register(op.args[0])
    extend(s, op.size, a, s.define(op.result))


def _sext(s: Selector, op: Op) -> None:
    assert op.result is not None
    a = s.register(op.args[0])
    sign_extend(s, op.size, a, s.define(op.result))


def _bswap(s: Selector, op: Op) -> None:
    """The swap to the other byte order, which every ISA level has."""
    assert op.result is not None
    a = s.register(op.args[0])
    code = ALU32 | END | (X if s.target.endian == "little" else K)
    s.emit("alu", code=code, d=s.define(op.result), a=a, imm=8 * op.size)


# comparisons


def compare(s: Selector, condition: str, size: int, a: Src, b: Src) -> dict[str, int]:
    """The fields of a `set` or `branch` that compares a with b."""
    if is_constant(a):
        a, b, condition = b, a, MIRRORED.get(condition, condition)
    if size == 4 and s.target.isa < 3:
        how = "sext" if condition[0] == "s" and condition != "set" else "zext"
        a, b, size = widen(s, a, how), widen(s, b, how), 8
    value = b.off if size == 8 else low(b.off)
    immediate = is_constant(b) and fits(value)
    if s.target.isa < 2 and condition in ("ult", "ule", "slt", "sle"):
        a, b, condition = Src(s.in_register(b)), a, MIRRORED[condition]
        immediate = False
    code = (JMP if size == 8 else JMP32) | _JUMPS[CONDITIONS[condition]]
    left = s.in_register(a)
    if immediate:
        return {"code": code, "a": left, "imm": low(value)}
    return {"code": code, "a": left, "b": s.in_register(b)}


def _cmp(s: Selector, op: Op) -> None:
    assert op.result is not None
    a, b = (s.simple(arg) for arg in op.args)
    fields = compare(s, str(op.symbol), s.folds.size(op), a, b)
    s.emit("set", d=s.define(op.result), late=True, **fields)


def _branch(s: Selector, op: Op) -> None:
    condition, size = str(op.symbol), s.folds.size(op)
    edges = list(op.edges)
    args = [s.folds.operand(arg) for arg in op.args]
    fused = next((arg for arg in args if isinstance(arg, Value) and arg in s.folds.fused), None)
    if fused is not None:
        inner = s.folds.fused[fused]
        if condition == "eq":
            edges.reverse()
        args = inner.args
        if inner.kind == "and":
            condition, size = "set", min(size, inner.size)
        else:
            condition, size = str(inner.symbol), s.folds.size(inner)
    fields = compare(s, condition, size, s.simple(args[0]), s.simple(args[1]))
    s.emit("branch", edges=[s.edge(edge) for edge in edges], **fields)


HANDLERS: dict[str, Callable[[Selector, Op], None]] = {
    **dict.fromkeys(
        ("add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", *_DIVISIONS), _binary
    ),
    "neg": _neg,
    "zext": _zext,
    "sext": _sext,
    "bswap": _bswap,
    "cmp": _cmp,
    "branch": _branch,
}
