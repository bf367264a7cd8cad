"""Arithmetic and comparison as the machine does them, by name.

In: names as in `asm/forms.py` without their width, operands below 2^64 or 2^32. Out: functions of
two numbers. Sources: RFC 9669, section 4; kernel/bpf/core.c of Linux 6.18 (`___bpf_prog_run`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Compute = Callable[[int, int], int]
    Compare = Callable[[int, int], bool]

M32, M64 = (1 << 32) - 1, (1 << 64) - 1


def signed(value: int, bits: int) -> int:
    """The low `bits` of `value` as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def computations(bits: int) -> dict[str, Compute]:
    """Operations on `bits` of 32 or 64. Operands and results are below 2^bits.

    A division by zero gives 0 and leaves the dividend as its remainder; the least number divided
    by -1 stays itself; shifts take the amount modulo the width.
    """
    mask, sign = (1 << bits) - 1, 1 << (bits - 1)
    amount = bits - 1

    def quotient(a: int, b: int) -> int:
        a, b = (a ^ sign) - sign, (b ^ sign) - sign
        if b == 0:
            return 0
        return (-(abs(a) // abs(b)) if (a < 0) != (b < 0) else abs(a) // abs(b)) & mask

    def remainder(a: int, b: int) -> int:
        a, b = (a ^ sign) - sign, (b ^ sign) - sign
        if b == 0:
            return a & mask
        return (-(abs(a) % abs(b)) if a < 0 else abs(a) % abs(b)) & mask

    return {
        "add": lambda a, b: (a + b) & mask,
        "sub": lambda a, b: (a - b) & mask,
        "mul": lambda a, b: (a * b) & mask,
        "div": lambda a, b: a // b if b else 0,
        "mod": lambda a, b: a % b if b else a,
        "sdiv": quotient,
        "smod": remainder,
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "lsh": lambda a, b: (a << (b & amount)) & mask,
        "rsh": lambda a, b: a >> (b & amount),
        "arsh": lambda a, b: (((a ^ sign) - sign) >> (b & amount)) & mask,
    }


def comparisons(bits: int) -> dict[str, Compare]:
    """Conditions of jumps on operands below 2^bits."""
    sign = 1 << (bits - 1)
    # Signed order is unsigned order after the sign bit is turned over.
    return {
        "jeq": lambda a, b: a == b,
        "jne": lambda a, b: a != b,
        "jgt": lambda a, b: a > b,
        "jge": lambda a, b: a >= b,
        "jlt": lambda a, b: a < b,
        "jle": lambda a, b: a <= b,
        "jset": lambda a, b: a & b != 0,
        "jsgt": lambda a, b: a ^ sign > b ^ sign,
        "jsge": lambda a, b: a ^ sign >= b ^ sign,
        "jslt": lambda a, b: a ^ sign < b ^ sign,
        "jsle": lambda a, b: a ^ sign <= b ^ sign,
    }


# Of atomic operations: the new value in memory from the old one and the register.
ATOMICS: dict[str, Compute] = {
    "add": lambda old, by: old + by,
    "or": lambda old, by: old | by,
    "and": lambda old, by: old & by,
    "xor": lambda old, by: old ^ by,
    "xchg": lambda _, by: by,
}
