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

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import OPS, Value, predecessors
from probee.compiler.passes import algebra, comparisons
from probee.compiler.passes.arithmetic import compute, unsigned
from probee.compiler.passes.rewriting import (
    count_uses,
    drop_unreachable,
    final,
    substitute_edges,
    to_jump,
)
from probee.compiler.passes.watched import PLAIN, watched_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.ir.ops import Block, Function, Op, Operand

REACH = 1 << 15  # offsets of memory operands are signed 16 bits
_POINTERS = {"load": 1, "store": 1, "atomic": 1, "zero": 1, "copy": 2}


def run(function: Function) -> bool:
    """Folds what can be folded in one walk; says whether anything changed."""
    return Folder(function).run()


class Folder:
    """One walk over the blocks, definitions before uses.

    `defs`: value → its operation. `alias`: value → what it turned out to be. `counts`: how often a
    value is read, or more. `widths`: low bits that may be set. `watched`: see there.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.defs: dict[Value, Op] = {}
        self.alias: dict[Value, Operand] = {}
        self.counts = count_uses(function)
        self.widths: dict[Value, int] = {}
        self.watched = watched_values(function)
        self.changed = False

    def run(self) -> bool:
        """Walks; says whether anything changed."""
        order = reverse_postorder(self.function)
        self._look_at_params(order)
        for block in order:
            self._block(block)
        if self.alias:
            for block in order:
                substitute_edges(block, self.alias)
        if self.changed:
            drop_unreachable(self.function)
        return self.changed

    # what rules ask

    def width(self, operand: Operand) -> int:
        """How many low bits may be set, 64 where nothing is known."""
        if isinstance(operand, Value):
            return self.widths.get(operand, 64)
        return unsigned(operand).bit_length()

    def made_by(self, operand: Operand, *kinds: str) -> Op | None:
        """The operation that makes `operand`, if it is one of `kinds`."""
        if not isinstance(operand, Value):
            return None
        op = self.defs.get(operand)
        return op if op is not None and op.kind in kinds else None

    def needed(self, op: Op) -> bool:
        """Whether the verifier needs the mask or extension `op` to see a bound that we know of."""
        return op.result in self.watched and self.made_by(op.args[0], *PLAIN) is None

    def once(self, operand: Operand) -> bool:
        """Whether `operand` is a value that only one operand reads."""
        return isinstance(operand, Value) and self.counts.get(operand) == 1

    # the walk

    def _look_at_params(self, order: list[Block]) -> None:
        """Parameters that are fed constants only."""
        if not any(block.params for block in order):
            return
        incoming = predecessors(self.function)
        for block in order:
            for index, param in enumerate(block.params):
                args = [edge.args[index] for _, edge in incoming[block]]
                if param.kind == "int" and not any(isinstance(arg, Value) for arg in args):
                    self.widths[param] = max(self.width(arg) for arg in args)

    def _block(self, block: Block) -> None:
        kept: list[Op] = []
        alias = self.alias
        for op in block.ops:
            args = op.args
            for index, arg in enumerate(args):
                if isinstance(arg, Value) and arg in alias:
                    args[index] = final(arg, alias)
            result = op.result
            found = self._simplify(op)
            if found is not None and result is not None:
                alias[result] = found
                if isinstance(found, Value):
                    self.counts[found] = self.counts.get(found, 0) + self.counts.get(result, 0)
                self.changed = True
                continue
            kept.append(op)
            if result is not None:
                self.defs[result] = op
                bits = algebra.width(self, op)
                if bits < 64:
                    self.widths[result] = bits
        block.ops = kept

    def _simplify(self, op: Op) -> Operand | None:
        """What `op` is equal to, or None; `op` itself may be rewritten to something better."""
        for _ in range(8):  # each rewriting may open the way for another; few do
            before = (op.kind, op.size, op.symbol, op.offset, *op.args)
            found = self._step(op)
            if found is not None:
                return found
            if before == (op.kind, op.size, op.symbol, op.offset, *op.args):
                return None
            self.changed = True
        return None

    def _step(self, op: Op) -> Operand | None:
        kind = op.kind
        if kind in _POINTERS:
            _fold_address(self, op)
            if kind == "store":
                _fold_stored(self, op)
            return None
        rule = _RULES.get(kind)
        if rule is None:
            return None
        args = op.args
        if kind != "branch" and not any(isinstance(arg, Value) for arg in args):
            return compute(kind, op.size, [a for a in args if isinstance(a, int)], op.symbol)
        if OPS[kind].commutative and not isinstance(args[0], Value):
            args.reverse()
        return rule(self, op)


def _fold_address(folder: Folder, op: Op) -> None:
    """[base + constant] + offset: the constant goes into the offset, if it fits there."""
    for index in range(_POINTERS[op.kind]):
        inner = folder.made_by(op.args[index], "add")
        if inner is None or isinstance(inner.args[1], Value):
            continue
        offset = (op.offset2 if index else op.offset) + inner.args[1]
        if -REACH <= offset < REACH - op.size:
            op.args[index] = inner.args[0]
            if index:
                op.offset2 = offset
            else:
                op.offset = offset
            folder.changed = True


def _fold_stored(folder: Folder, op: Op) -> None:
    """Only the low bytes are stored: an extension or mask above them is for nothing."""
    value = op.args[1]
    if isinstance(value, int):
        if op.size < 8:
            op.args[1] = unsigned(value, op.size)
    else:
        op.args[1] = algebra.low_part(folder, value, op.size)


def _branch(folder: Folder, op: Op) -> Operand | None:
    truth = comparisons.simplify(folder, op)
    if truth is not None:
        to_jump(op, 0 if truth else 1)
    return None


def _cmp(folder: Folder, op: Op) -> Operand | None:
    truth = comparisons.simplify(folder, op)
    return None if truth is None else int(truth)


_RULES: dict[str, Callable[[Folder, Op], Operand | None]] = {
    **algebra.RULES,
    "branch": _branch,
    "cmp": _cmp,
}
