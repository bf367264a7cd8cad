"""Extensions and masks of bits that nobody looks at go.

Followed backwards: which bits of each value can make a difference. Before and after:

    %2 = sext.4 %1                  %3 = add.8 %1, 1
    %3 = add.8 %2, 1                store.4 [%9], %3
    store.4 [%9], %3

What an address, a call or a comparison of 64 bits reads is looked at whole.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import Value
from probee.compiler.passes.arithmetic import MASK64, signed, unsigned
from probee.compiler.passes.rewriting import substitute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand

_CUTTING = ("zext", "sext", "and")
_LOW_HALF = ("add", "mul", "or", "xor")  # their low 32 bits depend on those of the operands
TURNS = 6  # for bits that loops carry; more are never worth it


def run(function: Function) -> bool:
    """Drops what clears or sets bits that are not demanded; says whether there was any."""
    order = reverse_postorder(function)
    if not any(op.kind in _CUTTING for block in order for op in block.ops):
        return False
    demanded = _Demands()
    for _ in range(TURNS):
        before = demanded.grown
        for block in reversed(order):
            for op in reversed(block.ops):
                demanded.visit(op)
        if demanded.grown == before:
            break
    else:
        return False
    mapping: dict[Value, Operand] = {}
    shortened = False
    for block in order:
        kept: list[Op] = []
        for op in block.ops:
            if op.kind in _CUTTING and op.result is not None and demanded.needless(op):
                mapping[op.result] = op.args[0]
            else:
                kept.append(op)
                shortened |= demanded.shorten(op)
        block.ops = kept
    substitute(function, mapping)
    return bool(mapping) or shortened


class _Demands:
    """`bits`: value → the bits that matter. `grown`: how often that became more."""

    def __init__(self) -> None:
        self.bits: dict[Value, int] = {}
        self.grown = 0

    def needless(self, op: Op) -> bool:
        """Whether the operand would do as well as the result."""
        assert op.result is not None
        wanted = self.bits.get(op.result, 0)
        if op.kind == "and":
            mask = op.args[1]
            return op.size == 8 and isinstance(mask, int) and not wanted & ~unsigned(mask)
        return not wanted >> 8 * op.size

    def shorten(self, op: Op) -> bool:
        """A constant whose upper half makes no difference becomes one that an instruction holds."""
        if op.kind not in _LOW_HALF or op.size != 8 or op.result is None:
            return False
        number = op.args[1]
        if not isinstance(number, int) or -(1 << 31) <= number < 1 << 31:
            return False
        if self.bits.get(op.result, 0) >> 32 or op.result.kind == "ptr":
            return False
        op.args[1] = signed(number, 4)
        return True

    def visit(self, op: Op) -> None:
        for edge in op.edges:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                self._demand(arg, self.bits.get(param, 0))
        if op.row.pure and op.result is not None:
            self._pure(op, self.bits.get(op.result, 0))
            return
        for index, arg in enumerate(op.args):
            whole = MASK64
            if op.kind == "store" and index == 1:
                whole = (1 << 8 * op.size) - 1
            elif op.kind == "branch" and op.size == 4:
                whole = 0xFFFFFFFF
            self._demand(arg, whole)

    def _demand(self, arg: Operand, bits: int) -> None:
        if isinstance(arg, Value):
            old = self.bits.get(arg, 0)
            if bits & ~old:
                self.bits[arg] = old | bits
                self.grown += 1

    def _pure(self, op: Op, wanted: int) -> None:
        """What of its operands a pure operation needs, if of its result `wanted` is needed."""
        if not wanted:
            return
        full = 0xFFFFFFFF if op.size == 4 else MASK64
        below = (1 << (wanted & full).bit_length()) - 1
        args = op.args
        match op.kind:
            case "zext":
                self._demand(args[0], wanted & ((1 << 8 * op.size) - 1))
            case "sext":
                low = (1 << 8 * op.size) - 1
                sign = 1 << (8 * op.size - 1) if wanted & ~low else 0
                self._demand(args[0], wanted & low | sign)
            case "and" if isinstance(args[1], int):
                self._demand(args[0], wanted & full & args[1])
            case "and" | "or" | "xor":
                self._demand(args[0], wanted & full)
                self._demand(args[1], wanted & full)
            case "add" | "sub" | "mul" | "neg":
                for arg in args:
                    self._demand(arg, below)
            case "shl" if isinstance(args[1], int):
                self._demand(args[0], (wanted & full) >> args[1] % (8 * op.size))
            case "lshr" if isinstance(args[1], int):
                self._demand(args[0], wanted << args[1] % (8 * op.size) & full)
            case "cmp":
                for arg in args:
                    self._demand(arg, full)
            case _:
                for arg in args:
                    self._demand(arg, MASK64 if op.size == 8 else full)
