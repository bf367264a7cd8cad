"""Work is done where its result is needed, and not on the ways that do without it.

Pure operations, loads of what never changes, and calls that give the same answer throughout a run
move down to the last block that all their uses have in common, though into no loop:

    b0:                             b0:
      %1 = call get_current_task_btf  %5:ptr = call ringbuf_reserve …
      %2 = call task_pt_regs %1       branch.8 eq %5, 0 -> b1, b2
      %3 = load.8 [%2+104]          b2:
      %5:ptr = call ringbuf_reserve … …
      branch.8 eq %5, 0 -> b1, b2     %1 = call get_current_task_btf
    b2:                               %2 = call task_pt_regs %1
      …                               %3 = load.8 [%2+104]
      call probe_read_user …, %3      call probe_read_user …, %3

Within their block, such calls and loads also move down to their first use, so that less is kept
across other calls. Arithmetic on two values stays: it would keep both for longer.
"""

from __future__ import annotations

from probee.compiler.ir.ops import OPS, Value
from probee.compiler.passes.domtree import loop_depths, tree_of
from probee.compiler.passes.effects import STABLE
from probee.compiler.passes.memory import changes_context, frozen_roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Op

# By the code generator, where they are used.
_REMADE = ("slot", "mapaddr", "dataaddr", "const", "core")


def run(function: Function) -> bool:
    """Moves operations; says whether any moved."""
    return _Sinking(function).run()


class _Sinking:
    """`home`: operation → the block it is to stand in. `users`: value → operations that read it."""

    def __init__(self, function: Function) -> None:
        self.tree = tree_of(function)
        self.depths = loop_depths(function, self.tree)
        self.frozen = frozen_roots(function)
        if changes_context(function):
            self.frozen.difference_update(function.params)
        self.home: dict[Op, Block] = {}
        self.users: dict[Value, list[Op]] = {}
        self.makers: dict[Value, Op] = {}
        for block in self.tree.order:
            for op in block.ops:
                self.home[op] = block
                if op.result is not None:
                    self.makers[op.result] = op
                for arg in op.args:
                    if isinstance(arg, Value):
                        self.users.setdefault(arg, []).append(op)
                for edge in op.edges:
                    for arg in edge.args:
                        if isinstance(arg, Value):
                            self.users.setdefault(arg, []).append(op)

    def run(self) -> bool:
        movable: set[Op] = set()
        for block in reversed(self.tree.order):  # what is dominated comes first, so uses do
            for op in reversed(block.ops):
                if self._movable(op):
                    self.home[op] = self._latest(op, block)
                    if self.home[op] is not block or self._worth_moving_within(op):
                        movable.add(op)
        return self._place(movable)

    def _movable(self, op: Op) -> bool:
        if op.result is None or op.result not in self.users:
            return False
        if op.kind in _REMADE:
            return False
        if OPS[op.kind].pure:
            return sum(self._costs_register(arg) for arg in op.args) <= 1
        if op.kind == "load":
            return op.args[0] in self.frozen
        return op.kind == "call" and op.symbol in STABLE

    def _costs_register(self, arg: object) -> bool:
        if not isinstance(arg, Value):
            return False
        maker = self.makers.get(arg)
        return maker is None or maker.kind not in _REMADE

    def _worth_moving_within(self, op: Op) -> bool:
        return op.kind in ("load", "call")

    def _latest(self, op: Op, block: Block) -> Block:
        """The last block above all uses, up to the next one that is in no more loops than `op`."""
        assert op.result is not None
        target: Block | None = None
        for user in self.users[op.result]:
            home = self.home[user]
            target = home if target is None else self.tree.common(target, home)
        assert target is not None
        while self.depths[target] > self.depths[block]:
            above = self.tree.above[target]
            assert above is not None
            target = above
        return target

    def _place(self, movable: set[Op]) -> bool:
        """Writes the blocks anew: what moved stands before the first operation that needs it."""
        arriving: dict[Block, dict[Value, Op]] = {}
        for block in self.tree.order:
            for op in block.ops:
                if op in movable and op.result is not None:
                    arriving.setdefault(self.home[op], {})[op.result] = op
        changed = False
        for block in self.tree.order:
            waiting = arriving.get(block, {})
            old = [op for op in block.ops if op not in movable]
            new: list[Op] = []
            for op in old:
                if op.row.terminator:
                    for late in tuple(waiting.values()):
                        _emit(late, waiting, new)
                _emit(op, waiting, new)
            if len(new) != len(block.ops) or any(
                a is not b for a, b in zip(new, block.ops, strict=True)
            ):
                block.ops = new
                changed = True
        return changed


def _emit(op: Op, waiting: dict[Value, Op], out: list[Op]) -> None:
    """Appends `op` behind whatever it needs of what waits."""
    stack = [op]
    while stack:
        top = stack[-1]
        needed = [waiting[arg] for arg in top.args if isinstance(arg, Value) and arg in waiting]
        needed = [other for other in needed if other is not top]
        if needed:
            stack.extend(reversed(needed))
            continue
        stack.pop()
        if top.result in waiting:
            del waiting[top.result]
            out.append(top)
        elif top is op:
            out.append(op)
