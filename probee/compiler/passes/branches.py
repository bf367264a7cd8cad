"""A branch that an earlier branch has decided becomes a jump.

Where every way to a block leads over one side of a branch, its condition is known there; so are
others on the same operands, or on the same value and constants:

    branch.8 eq %1, 0 -> b1, b2     branch.8 eq %1, 0 -> b1, b2
    b2:                             b2:
      branch.8 ne %1, 0 -> b3, b4     jump -> b3

Only the very value that was compared is decided, never an extension of it: what the kernel's
verifier learnt from the first branch it learnt of that value.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges
from probee.compiler.passes.domtree import tree_of
from probee.compiler.passes.facts import Facts
from probee.compiler.passes.rewriting import drop_unreachable, to_jump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function


class Walk:
    """Goes down the dominator tree with the facts that hold in each block."""

    def __init__(self, function: Function) -> None:
        self.tree = tree_of(function)
        self.facts = Facts()
        self.incoming = incoming_edges(function)
        self._marks: list[int] = []

    def enter(self, block: Block) -> None:
        """To be called for the blocks in `tree.order`: now `facts` are those of `block`."""
        depth = self.tree.depth[block]
        if depth < len(self._marks):
            self.facts.back_to(self._marks[depth])
            del self._marks[depth:]
        self._marks.append(self.facts.mark())
        incoming = self.incoming[block]
        if len(incoming) == 1:
            self.learn_edge(*incoming[0])

    def learn_edge(self, source: Block, edge: Edge) -> None:
        """Adds what is known behind `edge`, a way out of `source`."""
        end = source.ops[-1]
        if end.kind == "branch" and end.edges[0].block is not end.edges[1].block:
            a, b = end.args
            self.facts.learn(str(end.symbol), a, b, end.size, edge is end.edges[0])


def run(function: Function) -> bool:
    """Turns decided branches into jumps; says whether there were any."""
    if sum(block.ops[-1].kind == "branch" for block in function.blocks) < 2:
        return False
    walk = Walk(function)
    decided = []
    for block in walk.tree.order:
        walk.enter(block)
        end = block.ops[-1]
        if end.kind == "branch":
            truth = walk.facts.decide(str(end.symbol), end.args[0], end.args[1], end.size)
            if truth is not None:
                decided.append((end, truth))
    for end, truth in decided:
        to_jump(end, 0 if truth else 1)
    if decided:
        drop_unreachable(function)
    return bool(decided)
