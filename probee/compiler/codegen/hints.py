"""Which register a virtual register would like to have, so that moves vanish.

In: liveness. Out: `Hints`: for each virtual register a fixed register that it is going to (an
argument, the result); the one that it is born in (a parameter, a call's result); the virtual
registers whose register it would best share, or had better not; and whether it should be kept
across calls because what it becomes is.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from probee.asm.opcodes import MOV
from probee.compiler.codegen.machine import NONE, VIRTUAL

if TYPE_CHECKING:
    from probee.compiler.codegen.liveness import Interval, Liveness
    from probee.compiler.codegen.machine import MBlock, MOp

SAVED = 6  # as a wish: any of r6 to r9
FEW = 4  # ways into a block that a choice between values comes from


class Hints:
    """`fixed`: the register wished for, or SAVED. `born`: the register that it comes in.

    `friends`: virtual registers to share with. `avoid`: those to be elsewhere than, and when.
    """

    def __init__(self, live: Liveness) -> None:
        self._live = live
        self.fixed: dict[int, int] = {}
        self.born: dict[int, int] = {}
        self.friends: dict[int, list[int]] = {}
        self.avoid: dict[int, list[tuple[int, int]]] = {}  # (virtual register, position)
        self.incoming: dict[int, list[tuple[int, int]]] = {}  # parameter -> what, and when
        self.outgoing: dict[int, list[int]] = {}  # what is passed -> parameters
        self.group: dict[int, int] = {}  # parameters and what is passed to them: a union-find
        for block in live.function.blocks:
            for pred, edge in block.preds:
                for param, src in zip(block.params, edge.args, strict=True):
                    if src.base >= VIRTUAL and param in live.intervals:
                        self._join(param, src.base)
                        end = 2 * (pred.first + len(pred.ops)) - 1
                        self.incoming.setdefault(param, []).append((src.base, end))
                        self.outgoing.setdefault(src.base, []).append(param)
        for block in live.function.blocks:
            self._avoid(block)
        self._crossing = {
            self.root(vreg)
            for vreg, interval in live.intervals.items()
            if first_call(interval, live.calls) >= 0
        }
        for block in reversed(live.function.blocks):
            self._walk(block)

    def root(self, vreg: int) -> int:
        """The one that stands for all that `vreg` is passed to or from, as block parameters."""
        group, root = self.group, vreg
        while root in group:
            root = group[root]
        while vreg != root:  # the next way is shorter
            group[vreg], vreg = root, group[vreg]
        return root

    def saved(self, vreg: int) -> bool:
        """Whether `vreg`, or a value that it is joined with, lives across a call."""
        return self.root(vreg) in self._crossing

    def _join(self, a: int, b: int) -> None:
        a, b = self.root(a), self.root(b)
        if a != b:
            self.group[b] = a

    def _avoid(self, block: MBlock) -> None:
        """x = 1 if a > b else 2: with x elsewhere than a and b, it may be set before the branch."""
        if not block.params or len(block.preds) > FEW:
            return
        tested = []
        for pred, _ in block.preds:
            at = pred
            if len(pred.ops) == 1 and len(pred.preds) == 1:
                at = pred.preds[0][0]
            op = at.ops[-1]
            if op.kind == "branch":
                end = 2 * (at.first + len(at.ops)) - 2
                tested += [(vreg, end) for vreg in (op.a, op.b) if vreg >= VIRTUAL]
        for vreg in {*block.params, *(src.base for _, edge in block.preds for src in edge.args)}:
            self.avoid.setdefault(vreg, []).extend(tested)

    def _walk(self, block: MBlock) -> None:
        """Backwards, so that wishes travel from where they arise to where values are made."""
        position = 2 * (block.first + len(block.ops))
        for edge in block.edges:
            for param, src in zip(edge.block.params, edge.args, strict=True):
                if src.base >= VIRTUAL:
                    self._pass_on(param, src.base)
        for op in reversed(block.ops):
            position -= 2
            if op.kind == "call":
                for number, src in enumerate(op.args, 1):
                    if src.base >= VIRTUAL:
                        self.fixed.setdefault(src.base, number)
            elif op.kind == "ret":
                self.fixed.setdefault(op.args[0].base, 0)
            elif op.kind == "entry":
                for number, src in enumerate(op.args, 1):
                    self.born[src.base] = number
            elif op.kind == "result":
                self.born[op.d] = 0
            elif op.kind in ("alu", "mov"):
                self._share(op, position)
            elif op.kind == "atomic" and op.d != NONE:
                self.friends[op.d] = [op.b]
                self._pass_on(op.d, op.b)

    def _share(self, op: MOp, position: int) -> None:
        """d = a op b: one of the operands that end here should be where d is."""
        sources = [op.a]
        if op.b != NONE and not op.late and op.code & 0xF0 != MOV:
            sources.append(op.b)
        intervals = self._live.intervals
        for source in sources:
            if source >= VIRTUAL and intervals[source].end <= position + 1:
                self.friends.setdefault(op.d, []).append(source)
                self._pass_on(op.d, source)

    def _pass_on(self, to: int, source: int) -> None:
        wish = SAVED if self.saved(to) else self.fixed.get(to)
        if wish is not None:
            self.fixed.setdefault(source, wish)


def first_call(interval: Interval, calls: list[int]) -> int:
    """The first call that `interval` lives across, -1 if there is none."""
    for begin, end in interval.ranges:
        index = bisect_left(calls, begin)
        # Alive behind the call at 2i means at 2i + 1; what begins there is its result.
        if index < len(calls) and calls[index] + 1 < end:
            return calls[index]
    return -1
