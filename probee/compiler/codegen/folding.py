"""Which IR values need no register of their own.

In: a function, the target. Out: `Folds`:

    alias     a zext, sext or mask that changes nothing, or nothing that anyone looks at
    halves    comparisons of two values below 2^32: as good on the lower halves alone
    bits      an upper bound of how many low bits of a value may be set
    sunk      pointer + constant, only ever an address or an argument: added where it is used
    fused     cmp (or `and`) only ever branched on: compared where it is branched on
    signed    loads whose only use is their sign extension, on ISA v4

Sinking `p + 8` behind a null check of `p` also is what the verifier wants: it refuses arithmetic
on a pointer that may be null, and a context pointer that was moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import CALLS, Op, Value

if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Operand
    from probee.spec import Target

MASK64 = (1 << 64) - 1
REACH = 1 << 15  # offsets of memory operands are signed 16 bits
NARROWING = ("add", "sub", "mul", "and", "or", "xor", "neg", "bswap")
ADDRESSES = {"load": 1, "store": 1, "atomic": 1, "zero": 1, "copy": 2}


class Folds:
    """The findings; `operand` sees through aliases."""

    def __init__(self, function: Function, target: Target) -> None:
        self.target = target
        self.order: list[Block] = reverse_postorder(function)
        self.alias: dict[Value, Operand] = {}
        self.bits: dict[Value, int] = {}
        self.uses: dict[Value, list[tuple[Op, int]]] = {}
        self.sunk: set[Value] = set()
        self.fused: dict[Value, Op] = {}
        self.signed: set[Op] = set()
        self.halves: set[Op] = set()
        self._narrowed: set[Value] = set()
        self._reach: dict[Value, int] = {}
        self._loads: dict[Value, Op] = {}
        for block in self.order:
            for op in block.ops:
                if op.result is not None:
                    self._measure(op, op.result)
        for block in self.order:
            for op in block.ops:
                self._note_uses(op)
                if op.kind in ("cmp", "branch") and self._has_halves(op):
                    self.halves.add(op)
        for block in reversed(self.order):
            for op in reversed(block.ops):
                if op.result is not None:
                    self._decide(op, op.result)

    def operand(self, operand: Operand) -> Operand:
        """What `operand` is when aliases are seen through."""
        while isinstance(operand, Value) and operand in self.alias:
            operand = self.alias[operand]
        return operand

    def width(self, operand: Operand) -> int:
        """How many low bits may be set, 64 where nothing is known."""
        if isinstance(operand, Value):
            return self.bits.get(operand, 64)
        return (operand & MASK64).bit_length()

    def used(self, value: Value) -> bool:
        """Whether anything reads `value` itself."""
        return value in self.uses

    def size(self, op: Op) -> int:
        """How many bytes a comparison compares: 4 where an extension to 8 was saved."""
        if op in self.halves and any(self._is_saved(arg) for arg in op.args):
            return 4
        return op.size

    def _is_saved(self, operand: Operand) -> bool:
        while isinstance(operand, Value) and operand in self.alias:
            if operand in self._narrowed:
                return True
            operand = self.alias[operand]
        return False

    def sum(self, op: Op) -> tuple[Value | None, int]:
        """The base and the constant of `add` or `sub`; no base where it is no such sum."""
        a, b = (self.operand(arg) for arg in op.args)
        if op.kind == "add" and isinstance(b, Value):
            a, b = b, a
        if not isinstance(a, Value) or isinstance(b, Value):
            return None, 0
        return a, signed(b if op.kind == "add" else -b)

    def _measure(self, op: Op, result: Value) -> None:
        args = [self.operand(arg) for arg in op.args]
        bits = min(_bits(op, [self.width(arg) for arg in args], args), 64)
        if op.kind in ("zext", "sext"):
            limit = 8 * op.size - (op.kind == "sext")
            if self.width(args[0]) <= limit:
                self.alias[result] = args[0]
        if bits < 64:
            self.bits[result] = bits
        if op.kind == "load":
            self._loads[result] = op

    def _note_uses(self, op: Op) -> None:
        if op.result in self.alias:
            return
        passed = [(-1, arg) for edge in op.edges for arg in edge.args]
        for index, arg in [*enumerate(op.args), *passed]:
            value = self.operand(arg)
            if isinstance(value, Value):
                self.uses.setdefault(value, []).append((op, index))

    def _decide(self, op: Op, result: Value) -> None:
        uses = self.uses.get(result, [])
        if not uses:
            return
        if op.kind in ("zext", "sext", "and") and self._is_narrowed(op, uses):
            source = self.operand(op.args[0])
            self.alias[result] = source
            self._narrowed.add(result)
            if isinstance(source, Value):
                self._replace_uses(op, source, uses)
        elif op.kind in ("add", "sub") and result.kind == "ptr":
            self._decide_sum(op, result, uses)
        elif op.kind == "cmp" or (op.kind == "and" and len(uses) == 1):
            if all(self._tests_zero(use, index) for use, index in uses) and (
                op.kind == "cmp" or self._may_test(op, uses[0][0])
            ):
                self.fused[result] = op
        elif op.kind == "sext" and self.target.isa >= 4:
            self._decide_signed(op, result, uses)

    def _decide_signed(self, op: Op, result: Value, uses: list[tuple[Op, int]]) -> None:
        source = self.operand(op.args[0])
        if not isinstance(source, Value) or len(self.uses[source]) != 1:
            return
        load = self._loads.get(source)
        if load is not None and load.size == op.size:
            self.signed.add(load)
            self.alias[result] = source
            self._replace_uses(op, source, uses)
            self.bits.pop(source, None)

    def _replace_uses(self, op: Op, source: Value, uses: list[tuple[Op, int]]) -> None:
        """What used the result of `op` uses `source`, and `op` no longer does."""
        self.uses[source] = [use for use in self.uses[source] if use[0] is not op] + uses

    def _is_narrowed(self, op: Op, uses: list[tuple[Op, int]]) -> bool:
        """Whether nobody looks at the bits that `op` changes.

        If anyone else needs the result of `op`, a comparison must use it too: the verifier learns
        from it about the register that is compared.
        """
        if op.kind == "and":
            mask = self.operand(op.args[1])
            if isinstance(mask, Value):
                return False
            mask &= MASK64
            kept = min((~mask & mask + 1).bit_length() - 1, 8 * op.size)
        else:
            kept = 8 * op.size
        return all(8 * self._looks_at(use, index) <= kept for use, index in uses)

    def _looks_at(self, op: Op, index: int) -> int:
        """How many low bytes of operand `index` the operation depends on."""
        if op.kind in ("store", "atomic") and index == 1:
            return op.size
        if op.kind in ("zext", "sext") or (op.kind in NARROWING and op.size == 4 and index >= 0):
            return op.size
        return 4 if op in self.halves and index >= 0 else 8

    def _has_halves(self, op: Op) -> bool:
        limit = 31 if str(op.symbol) in ("slt", "sle", "sgt", "sge") else 32
        widest = max(self.width(self.operand(arg)) for arg in op.args)
        return self.target.isa >= 3 and op.size == 8 and widest <= limit

    def _decide_sum(self, op: Op, result: Value, uses: list[tuple[Op, int]]) -> None:
        base, amount = self.sum(op)
        if base is None:
            return
        reach = 0
        for use, index in uses:
            if 0 <= index < ADDRESSES.get(use.kind, 0):
                offset = use.offset2 if use.kind == "copy" and index else use.offset
                reach = max(reach, abs(offset) + use.size)
            elif use.result in self.sunk:
                reach = max(reach, self._reach[use.result])
            elif use.kind not in CALLS:
                return
        reach += abs(amount)
        if reach < REACH:
            self.sunk.add(result)
            self._reach[result] = reach

    def _tests_zero(self, use: Op, index: int) -> bool:
        return (
            use.kind == "branch"
            and index >= 0
            and use.symbol in ("eq", "ne")
            and self.operand(use.args[1 - index]) == 0
        )

    def _may_test(self, op: Op, branch: Op) -> bool:
        return self.target.isa >= 3 or (op.size == 8 and branch.size == 8)


def signed(value: int) -> int:
    """`value` modulo 2^64, read as signed."""
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


def _bits(op: Op, widths: list[int], args: list[Operand]) -> int:
    """How many low bits of the result may be set."""
    full = 32 if op.size == 4 else 64
    amount = args[1] if len(args) > 1 and not isinstance(args[1], Value) else None
    match op.kind:
        case "load" | "kload" | "core" | "bswap":
            return 8 * op.size
        case "const":  # `offset`: signed
            return 64 if op.offset else 8 * op.size
        case "zext":
            return min(8 * op.size, widths[0])
        case "sext":
            return widths[0] if widths[0] < 8 * op.size else 64
        case "cmp":
            return 1
        case "and":
            return min(full, *widths)
        case "or" | "xor":
            return min(full, max(widths))
        case "udiv" | "umod":  # the verifier forgets bounds here: a mask behind it is for its eyes
            return full
        case "add":
            return min(full, max(widths) + 1)
        case "mul":
            return min(full, sum(widths))
        case "shl" if amount is not None:
            return min(full, widths[0] + amount % full)
        case "lshr" if amount is not None:
            return max(min(full, widths[0]) - amount % full, 0)
        case "lshr":
            return min(full, widths[0])
        case "ashr" if widths[0] < full:
            return widths[0]
        case "sub" | "neg" | "ashr" | "sdiv" | "smod" | "shl":
            return full
    return 64
