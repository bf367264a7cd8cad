"""The dominator tree as orders to walk it in. Not a pass.

In: a function. Out: blocks in preorder, with depths, or with the number of the last one below.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import immediate_dominators

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function


class Tree:
    """`order`: preorder. `number`, `depth`: of each block. `last`: number → last one below it."""

    def __init__(self, function: Function) -> None:
        self.above = immediate_dominators(function)
        below: dict[Block, list[Block]] = {}
        for block, above in self.above.items():
            if above is not None:
                below.setdefault(above, []).append(block)
        self.order: list[Block] = []
        self.depth: dict[Block, int] = {function.blocks[0]: 0}
        stack = [function.blocks[0]]
        while stack:
            block = stack.pop()
            self.order.append(block)
            # Siblings in reverse postorder: whatever leads to a block comes before it.
            for child in reversed(below.get(block, ())):
                self.depth[child] = self.depth[block] + 1
                stack.append(child)
        self.number = {block: i for i, block in enumerate(self.order)}
        self.last = list(range(len(self.order)))
        for i in range(len(self.order) - 1, 0, -1):
            above_ = self.above[self.order[i]]
            assert above_ is not None
            j = self.number[above_]
            self.last[j] = max(self.last[j], self.last[i])

    def dominates(self, a: Block, b: Block) -> bool:
        """Whether every way to `b` leads through `a`; a block dominates itself."""
        first = self.number[a]
        return first <= self.number[b] <= self.last[first]

    def back_edge(self, source: Block, target: Block) -> bool:
        """Whether the edge closes a loop."""
        return self.dominates(target, source)

    def common(self, a: Block, b: Block) -> Block:
        """The lowest block that dominates both."""
        while not self.dominates(a, b):
            above = self.above[a]
            assert above is not None
            a = above
        return a
