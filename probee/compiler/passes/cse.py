"""An operation whose equal was computed before, on every way to it, is that one.

Pure operations, calls that give the same answer throughout a run, and loads of what never changes
(the context, `.rodata`, the saved user registers) are numbered down the dominator tree:

    %1 = call get_current_pid_tgid        %1 = call get_current_pid_tgid
    %2 = lshr.8 %1, 32                    %2 = lshr.8 %1, 32
    branch.8 eq %2, 5 -> b1, b2           branch.8 eq %2, 5 -> b1, b2
    b1:                                   b1:
      %3 = call get_current_pid_tgid        store.4 [%9], %2
      %4 = lshr.8 %3, 32
      store.4 [%9], %4

Addresses of slots, maps and data are merged too: the code generator makes them anew in each block
that uses them, so they cost no register in between. Constants are no operations at all.
"""

from __future__ import annotations

from probee.compiler.ir.ops import OPS, Value
from probee.compiler.passes.domtree import tree_of
from probee.compiler.passes.effects import STABLE
from probee.compiler.passes.memory import changes_context, frozen_roots
from probee.compiler.passes.rewriting import final, substitute_edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Op, Operand


def run(function: Function) -> bool:
    """Merges equal operations; says whether there were any."""
    numbering = _Numbering(function)
    for block in numbering.tree.order:
        numbering.walk(block)
    if not numbering.alias:
        return False
    for block in function.blocks:
        substitute_edges(block, numbering.alias)
    return True


class _Numbering:
    """`alias`: value → the equal one that stays. `tree.order`: the walk."""

    def __init__(self, function: Function) -> None:
        self.alias: dict[Value, Operand] = {}
        self.frozen = frozen_roots(function)
        self.context_kept = not changes_context(function)
        self.params = frozenset(function.params)
        self.tree = tree_of(function)
        self._known: dict[tuple[object, ...], tuple[Value, int]] = {}

    def walk(self, block: Block) -> None:
        alias, known = self.alias, self._known
        here = self.tree.number[block]
        kept: list[Op] = []
        for op in block.ops:
            args = op.args
            for index, arg in enumerate(args):
                if isinstance(arg, Value) and arg in alias:
                    args[index] = final(arg, alias)
            result = op.result
            key = None if result is None else self._key(op)
            if key is None or result is None:
                kept.append(op)
                continue
            found = known.get(key)
            if found is not None and here <= self.tree.last[found[1]]:
                alias[result] = found[0]
                continue
            # What is replaced here was made beside, not above: the walk will not come back there.
            known[key] = (result, here)
            kept.append(op)
        block.ops = kept

    def _key(self, op: Op) -> tuple[object, ...] | None:
        row = OPS[op.kind]
        if row.pure:
            args = op.args
            if row.commutative and isinstance(args[0], Value) and isinstance(args[1], Value):
                args = sorted(args, key=_by_id)
            kind = op.result.kind if op.result else ""
            return (op.kind, kind, op.size, op.symbol, op.offset, *args)
        if op.kind == "load" and self._never_changes(op.args[0]):
            kind = op.result.kind if op.result else ""
            return ("load", kind, op.size, op.offset, op.args[0])
        if op.kind == "call" and op.symbol in STABLE:
            return ("call", op.symbol, *op.args)
        return None

    def _never_changes(self, pointer: Operand) -> bool:
        return pointer in self.frozen and (self.context_kept or pointer not in self.params)


def _by_id(operand: Operand) -> int:
    return operand.id if isinstance(operand, Value) else -1
