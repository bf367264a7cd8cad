"""What integer operations compute, exactly as the table of operations says. Not a pass.

In: a kind of operation, its size, constant operands of 64 bits. Out: the result as the IR writes
constants: 64 bits, signed.
"""

from __future__ import annotations

MASK64 = (1 << 64) - 1

# condition -> the one that holds exactly where it does not ("set" has none)
INVERSE = {
    "eq": "ne", "ne": "eq", "ult": "uge", "uge": "ult", "ule": "ugt", "ugt": "ule",
    "slt": "sge", "sge": "slt", "sle": "sgt", "sgt": "sle",
}  # fmt: skip
# condition -> the same with its operands swapped
MIRROR = {
    "eq": "eq", "ne": "ne", "ult": "ugt", "ugt": "ult", "ule": "uge", "uge": "ule",
    "slt": "sgt", "sgt": "slt", "sle": "sge", "sge": "sle", "set": "set",
}  # fmt: skip


def signed(value: int, size: int = 8) -> int:
    """The low `size` bytes of `value`, read as a signed number."""
    bits = 8 * size
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unsigned(value: int, size: int = 8) -> int:
    """The low `size` bytes of `value`."""
    return value & ((1 << 8 * size) - 1)


def _quotient(a: int, b: int, size: int) -> int:
    """Towards zero, of signed operands; by zero gives 0."""
    x, y = signed(a, size), signed(b, size)
    if y == 0:
        return 0
    return -(abs(x) // abs(y)) if (x < 0) != (y < 0) else abs(x) // abs(y)


# Without effect, and no arithmetic: what these give depends on the kernel, or is an address.
UNCOMPUTED = frozenset(("kaddr", "kcast", "same"))


def compute(kind: str, size: int, args: list[int], symbol: object = None) -> int:
    """The result of a pure integer operation on constants."""
    a = args[0]
    match kind:
        case "zext":
            return unsigned(a, size)
        case "sext":
            return signed(a, size)
        case "neg":
            return signed(unsigned(-a, size))
        case "bswap":
            swapped = unsigned(a, size).to_bytes(size, "little")
            return signed(int.from_bytes(swapped, "big"))
        case "cmp":
            return int(holds(str(symbol), a, args[1], size))
    return signed(unsigned(_binary(kind, size, unsigned(a, size), unsigned(args[1], size)), size))


def _binary(kind: str, size: int, a: int, b: int) -> int:
    """`a kind b`, both unsigned numbers of `size` bytes; the result may be wider."""
    shift = b & (8 * size - 1)
    match kind:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "udiv":
            return a // b if b else 0
        case "umod":
            return a % b if b else a
        case "sdiv":
            return _quotient(a, b, size)
        case "smod":
            return a - _quotient(a, b, size) * signed(b, size)
        case "and":
            return a & b
        case "or":
            return a | b
        case "xor":
            return a ^ b
        case "shl":
            return a << shift
        case "lshr":
            return a >> shift
    return signed(a, size) >> shift  # ashr


def holds(condition: str, a: int, b: int, size: int) -> bool:
    """Whether `a condition b`, of the low `size` bytes."""
    if condition[0] == "s" and condition != "set":
        a, b = signed(a, size), signed(b, size)
    else:
        a, b = unsigned(a, size), unsigned(b, size)
    match condition:
        case "eq":
            return a == b
        case "ne":
            return a != b
        case "set":
            return a & b != 0
        case "ult" | "slt":
            return a < b
        case "ule" | "sle":
            return a <= b
        case "ugt" | "sgt":
            return a > b
    return a >= b
