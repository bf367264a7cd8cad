"""What the least and the greatest value of each number tell.

Every number gets bounds, as signed 64 bits: from its width, from arithmetic, from the branches
above (see `facts`), through block parameters and round loops. Then comparisons that they decide,
extensions and masks that they make needless, and signs that no division needs to look at, go:

    b1(%1:int):                       b1(%1:int):
      branch.8 slt %1, 16 -> b2, b4     branch.8 slt %1, 16 -> b2, b4
    b2:                               b2:
      branch.8 uge %1, 16 -> b3, b5     jump -> b5
    b5:                               b5:
      %2 = add.8 %1, 1                  %2 = add.8 %1, 1
      jump -> b1(%2)                    jump -> b1(%2)

The kernel's verifier follows the same bounds, each round of a loop by itself. But what it must see
bounded (see `watched`) keeps its mask or extension.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from probee.compiler.ir.ops import Value
from probee.compiler.passes.branches import Walk
from probee.compiler.passes.comparisons import by_range
from probee.compiler.passes.intervals import BOTTOM, FULL, U32, meet, of_operation, union
from probee.compiler.passes.rewriting import drop_unreachable, substitute, to_jump
from probee.compiler.passes.watched import unseen_values, watched_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function, Op, Operand
    from probee.compiler.passes.intervals import Interval

TURNS = 9  # over all blocks, at most
GROWING = 6  # from this turn on, what still grows is taken to grow for ever


def run(function: Function) -> bool:
    """Uses the bounds of all values; says whether that changed anything."""
    if not any(_interesting(op) for block in function.blocks for op in block.ops):
        return False
    return _Ranges(function).run()


def _interesting(op: Op) -> bool:
    return op.kind in ("branch", "cmp", "zext", "sext", "and", "sdiv", "smod", "ashr")


def _marks(function: Function) -> list[int]:
    """Where bounds that grow from turn to turn may come to rest: at what they are compared with."""
    found = {*FULL, 0}
    for block in function.blocks:
        end = block.ops[-1]
        if end.kind == "branch" and isinstance(end.args[1], int):
            found.update((end.args[1] - 1, end.args[1], end.args[1] + 1))
    return sorted(mark for mark in found if FULL[0] <= mark <= FULL[1])


class _Ranges:
    """`bounds`: value → its interval; one that was not reached yet is BOTTOM.

    `passed`: edge → intervals of what it carries. `marks`: numbers that growing bounds stop at.
    `watched`: what the verifier must see bounded; `unseen`: what of it only a branch shows so.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.bounds: dict[Value, Interval] = dict.fromkeys(function.params, FULL)
        self.watched = watched_values(function)
        self.unseen = unseen_values(function, self.watched) if self.watched else set()
        self.marks = _marks(function)
        self.passed: dict[Edge, list[Interval]] = {}
        self.walk = Walk(function)
        self.loops = any(
            self.walk.tree.goes_back(pred, block)
            for block in self.walk.tree.order
            for pred, _ in self.walk.incoming[block]
        )

    def run(self) -> bool:
        for turn in range(TURNS):
            if turn == GROWING:
                self.marks = [FULL[0], FULL[1]]
            if not self._turn(widen=turn > 1) or not self.loops:
                break
        else:
            return False
        return self._rewrite()

    def _turn(self, *, widen: bool) -> bool:
        """Looks at all operations once; says whether any bounds grew."""
        grew = False
        for block in self.walk.tree.order:
            self.walk.enter(block)
            for index, param in enumerate(block.params):
                grew |= self._param(block, index, param, widen=widen)
            for op in block.ops:
                if op.result is not None:
                    new = self._result(op)
                    if new != self.bounds.get(op.result, BOTTOM):
                        self.bounds[op.result] = new
                        grew = True
            for edge in block.ops[-1].edges:
                if edge.args:
                    self._pass_on(block, edge)
        return grew

    def _pass_on(self, block: Block, edge: Edge) -> None:
        """Notes the bounds of what an edge carries, with what its branch tells."""
        mark = self.walk.facts.mark()
        self.walk.learn_edge(block, edge)
        self.passed[edge] = [self.here(arg) for arg in edge.args]
        self.walk.facts.back_to(mark)

    def _param(self, block: Block, index: int, param: Value, *, widen: bool) -> bool:
        if param.kind != "int":
            return False
        old = self.bounds.get(param, BOTTOM)
        new = old
        for _, edge in self.walk.incoming[block]:
            if edge in self.passed:
                new = union(new, self.passed[edge][index])
        if new == old:
            return False
        if widen and old != BOTTOM:
            low, high = new
            if low != old[0]:
                low = self.marks[bisect_right(self.marks, low) - 1]
            if high != old[1]:
                high = self.marks[bisect_left(self.marks, high)]
            new = low, high
        self.bounds[param] = new
        return True

    def _result(self, op: Op) -> Interval:
        assert op.result is not None
        if op.result.kind == "ptr":
            return FULL
        args = [self.here(arg) for arg in op.args]
        if BOTTOM in args:
            return BOTTOM
        return of_operation(op, args)

    def here(self, operand: Operand) -> Interval:
        """Bounds of an operand in the block that is walked: what branches above it tell counts."""
        if not isinstance(operand, Value):
            return operand, operand
        if operand.kind == "ptr":
            return FULL
        known = self.bounds.get(operand, BOTTOM)
        if known == BOTTOM:
            return known
        return meet(known, self.walk.facts.signed_range(operand))

    # using them

    def _rewrite(self) -> bool:
        mapping: dict[Value, Operand] = {}
        jumps: list[tuple[Op, bool]] = []
        changed = False
        for block in self.walk.tree.order:
            self.walk.enter(block)
            kept: list[Op] = []
            for op in block.ops:
                found = self._replacement(op)
                if found is not None and op.result is not None:
                    mapping[op.result] = found
                    continue
                kept.append(op)
                changed |= self._unsigned(op)
            block.ops = kept
            end = block.ops[-1]
            truth = None
            if end.kind == "branch" and end.args[0] not in self.unseen:
                truth = self._decided(end)
            if truth is not None:
                jumps.append((end, truth))
        substitute(self.function, mapping)
        for end, truth in jumps:
            to_jump(end, 0 if truth else 1)
        if jumps:
            drop_unreachable(self.function)
        return changed or bool(mapping) or bool(jumps)

    def _replacement(self, op: Op) -> Operand | None:
        """What `op` turns out to be, seen from the bounds of its operands."""
        if op.result in self.watched:
            return None
        match op.kind:
            case "cmp":
                truth = self._decided(op)
                return None if truth is None else int(truth)
            case "zext":
                low, high = self.here(op.args[0])
                return op.args[0] if low >= 0 and high < 1 << 8 * op.size else None
            case "sext":
                low, high = self.here(op.args[0])
                bound = 1 << (8 * op.size - 1)
                return op.args[0] if -bound <= low and high < bound else None
            case "and":
                return self._masked(op)
        return None

    def _masked(self, op: Op) -> Operand | None:
        value, mask = op.args
        if not isinstance(mask, int) or mask < 0 or mask & (mask + 1):
            return None
        low, high = self.here(value)
        return value if low >= 0 and high <= mask else None

    def _decided(self, op: Op) -> bool | None:
        condition, (a, b) = str(op.symbol), op.args
        if not isinstance(a, Value) or a.kind == "ptr" or not isinstance(b, (Value, int)):
            return None
        (low, high), (least, most) = self.here(a), self.here(b)
        if BOTTOM in ((low, high), (least, most)) or condition == "set":
            return None
        half = 1 << (8 * op.size - 1)
        if min(low, least) < -half or max(high, most) >= half:
            return None
        if condition[0] == "u" and min(low, least) < 0:
            return None
        if least == most:
            return by_range(condition, low, high, least)
        if high < least:
            return by_range(condition, 0, 0, 1)
        if low > most:
            return by_range(condition, 1, 1, 0)
        return None

    def _unsigned(self, op: Op) -> bool:
        """A signed division or shift of what has no sign is an unsigned one."""
        if op.kind not in ("sdiv", "smod", "ashr"):
            return False
        top = FULL[1] if op.size == 8 else U32[1] >> 1
        checked = op.args[:1] if op.kind == "ashr" else op.args
        for arg in checked:
            low, high = self.here(arg)
            if low < 0 or high > top:
                return False
        op.kind = {"sdiv": "udiv", "smod": "umod", "ashr": "lshr"}[op.kind]
        return True
