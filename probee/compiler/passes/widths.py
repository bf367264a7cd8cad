"""How many low bits of a value may be set. Not a pass.

In: an operation, what is known of its operands. Out: an upper bound, 64 where nothing is known.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Op
    from probee.compiler.passes.rewriter import Rewriter


def width(rewriter: Rewriter, op: Op) -> int:
    """How many low bits of the result may be set."""
    full = 32 if op.size == 4 else 64
    args = op.args
    match op.kind:
        case "load" | "kload" | "core":
            return 8 * op.size
        case "const":
            return 64 if op.offset else 8 * op.size  # `offset`: signed
        case "zext" | "bswap":
            return min(8 * op.size, rewriter.width(args[0])) if op.kind == "zext" else 8 * op.size
        case "cmp":
            return 1
        case "and":
            return min(full, rewriter.width(args[0]), rewriter.width(args[1]))
        case "or" | "xor":
            return min(full, max(rewriter.width(args[0]), rewriter.width(args[1])))
        case "udiv" | "umod":
            return min(full, rewriter.width(args[0]))
        case "add":
            return min(full, max(rewriter.width(args[0]), rewriter.width(args[1])) + 1)
        case "mul":
            return min(full, rewriter.width(args[0]) + rewriter.width(args[1]))
        case "lshr":
            return _shifted_width(rewriter, op, full)
        case "shl" if isinstance(args[1], int):
            return min(full, rewriter.width(args[0]) + args[1] % full)
        case "ashr" if rewriter.width(args[0]) < full:
            return rewriter.width(args[0])
        case "sub" | "neg" | "ashr" | "sdiv" | "smod" | "shl":
            return full
    return 64


def _shifted_width(rewriter: Rewriter, op: Op, full: int) -> int:
    bits = min(full, rewriter.width(op.args[0]))
    return max(bits - op.args[1] % full, 0) if isinstance(op.args[1], int) else bits
