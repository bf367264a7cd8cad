"""One walk over a function in which rules rewrite single operations. Not a pass.

In: a function, a rule for some kinds of operation. A rule gets the `Rewriter`, which knows what
made each operand and how wide it is, and the operation; it gives the operand that the result is
equal to, or None; it may have rewritten the operation. Out: the function, changed in place.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges, reverse_postorder
from probee.compiler.ir.ops import OPS, Value
from probee.compiler.passes.arithmetic import compute, unsigned
from probee.compiler.passes.rewriting import (
    count_uses,
    drop_unreachable,
    final,
    substitute_edges,
)
from probee.compiler.passes.watched import PLAIN, watched_values
from probee.compiler.passes.widths import width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from probee.compiler.ir.ops import Block, Function, Op, Operand

    Rule: TypeAlias = Callable[["Rewriter", Op], Operand | None]


class Rewriter:
    """One walk over the blocks, definitions before uses.

    `defs`: value → its operation. `alias`: value → what it turned out to be. `counts`: how often a
    value is read, or more. `widths`: low bits that may be set. `watched`: see there. With
    `constants`, operations on constants alone are computed before any rule is asked.
    """

    def __init__(
        self, function: Function, rules: Mapping[str, Rule], *, constants: bool = False
    ) -> None:
        self.function = function
        self.rules = rules
        self.constants = constants
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
        incoming = incoming_edges(self.function)
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
                bits = width(self, op)
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
        rule = self.rules.get(op.kind)
        if rule is None:
            return None
        args, row = op.args, OPS[op.kind]
        if row.pure and self.constants and args and not any(isinstance(a, Value) for a in args):
            numbers = [arg for arg in args if isinstance(arg, int)]
            return compute(op.kind, op.size, numbers, op.symbol)
        if row.commutative and not isinstance(args[0], Value):
            args.reverse()
        return rule(self, op)
