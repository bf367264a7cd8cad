"""Bounds of what operations compute, as signed 64-bit numbers. Not a pass.

In: an operation, the bounds of its operands. Out: bounds that its result surely keeps.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from probee.compiler.ir.ops import Op

    Interval: TypeAlias = tuple[int, int]

FULL = (-(1 << 63), (1 << 63) - 1)
U32 = (0, (1 << 32) - 1)
BOTTOM = (1, 0)  # no value at all: nothing leads there yet


def union(a: Interval, b: Interval) -> Interval:
    """Bounds of either."""
    if a == BOTTOM:
        return b
    if b == BOTTOM:
        return a
    return min(a[0], b[0]), max(a[1], b[1])


def meet(a: Interval, b: Interval) -> Interval:
    """Bounds of what lies in both; `a` where nothing does, which only dead code sees."""
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else a


def of_operation(op: Op, args: list[Interval]) -> Interval:
    """Bounds of the result of an operation that gives a number."""
    size = 8 * op.size
    match op.kind:
        case "load" | "kload" | "bswap":
            return (0, (1 << size) - 1) if size < 64 else FULL
        case "const":
            return _of_type(size, with_sign=bool(op.offset))
        case "zext":
            return _within(args[0], (0, (1 << size) - 1))
        case "sext":
            return _within(args[0], (-(1 << size - 1), (1 << size - 1) - 1))
        case "cmp":
            return 0, 1
        case "core":
            return 0, (1 << 31) - 1
        case "same" | "kaddr":
            return FULL
    if not op.row.pure:
        return FULL
    if op.size == 4:
        # The same as in 64 bits, as long as nothing leaves the 32.
        if any(low < 0 or high > U32[1] for low, high in args) or op.kind in (
            "sdiv",
            "smod",
            "ashr",
        ):
            return U32
        return _within(_arithmetic(op.kind, args, 32), U32)
    return _within(_arithmetic(op.kind, args, 64), FULL)


def _of_type(bits: int, *, with_sign: bool) -> Interval:
    if with_sign:
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return (0, (1 << bits) - 1) if bits < 64 else FULL


def _within(bounds: Interval, whole: Interval) -> Interval:
    """`bounds` if the number survives being cut to `whole`, else all of that."""
    return bounds if whole[0] <= bounds[0] and bounds[1] <= whole[1] else whole


def _arithmetic(kind: str, args: list[Interval], bits: int) -> Interval:
    """Bounds of the exact result; they may lie outside of what the machine can hold."""
    if kind == "neg":
        return -args[0][1], -args[0][0]
    (a, b), (c, d) = args
    match kind:
        case "add":
            return a + c, b + d
        case "sub":
            return a - d, b - c
        case "mul":
            corners = (a * c, a * d, b * c, b * d)
            return min(corners), max(corners)
        case "and":
            tops = [high for low, high in args if low >= 0]
            return (0, min(tops)) if tops else FULL
        case "or" | "xor":
            if a < 0 or c < 0:
                return FULL
            return max(a, c) if kind == "or" else 0, (1 << max(b, d).bit_length()) - 1
        case "udiv" | "umod":
            return _division(kind, (a, b), (c, d))
        case "sdiv" | "smod" if a >= 0 and c >= 0:
            return _division("u" + kind[1:], (a, b), (c, d))
        case "shl" | "lshr" | "ashr" if c == d:
            return _shift(kind, (a, b), c % bits)
        case "lshr" if a >= 0:
            return 0, b
    return FULL


def _division(kind: str, a: Interval, b: Interval) -> Interval:
    if a[0] < 0 or b[0] < 0:
        if kind == "umod" and b[0] > 0:
            return 0, b[1] - 1
        return FULL
    if kind == "udiv":
        return (a[0] // b[1] if b[0] else 0) if b[1] else 0, a[1] // max(b[0], 1)
    return 0, min(a[1], b[1] - 1) if b[0] else a[1]


def _shift(kind: str, a: Interval, amount: int) -> Interval:
    if kind == "shl":
        return a[0] << amount, a[1] << amount
    if kind == "lshr" and a[0] < 0:
        return (0, ((1 << 64) - 1) >> amount) if amount else FULL
    return a[0] >> amount, a[1] >> amount
