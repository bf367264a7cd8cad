"""The dominator tree as an order to walk it in, and loops. Not a pass.

In: a function. Out: blocks in preorder of the tree, which dominates which, what loops consist of.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import immediate_dominators, incoming_edges, kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function

    Incoming = dict[Block, list[tuple[Block, Edge]]]


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
        """Whether the edge closes a loop whose only way in is `target`."""
        return self.dominates(target, source)

    def goes_back(self, source: Block, target: Block) -> bool:
        """Whether the edge goes back in `order`: it closes a loop, whatever leads into that."""
        return self.number.get(source, len(self.order)) >= self.number[target]

    def common(self, a: Block, b: Block) -> Block:
        """The lowest block that dominates both."""
        while not self.dominates(a, b):
            above = self.above[a]
            assert above is not None
            a = above
        return a


def tree_of(function: Function) -> Tree:
    """The tree of the graph as it is now; not to be changed, for others may get the same one."""
    return kept(function, "tree", Tree)


def loop_of(head: Block, tree: Tree, incoming: Incoming) -> set[Block]:
    """The blocks from which a jump back to `head` is reached; empty where none leads back."""
    todo = [pred for pred, _ in incoming[head] if tree.back_edge(pred, head)]
    if not todo:
        return set()
    inside = {head}
    while todo:
        block = todo.pop()
        if block not in inside:
            inside.add(block)
            todo.extend(pred for pred, _ in incoming[block])
    return inside


def loop_depths(function: Function, tree: Tree) -> dict[Block, int]:
    """In how many loops each block stands."""
    incoming = incoming_edges(function)
    depths = dict.fromkeys(tree.order, 0)
    for head in tree.order:
        for block in loop_of(head, tree, incoming):
            depths[block] += 1
    return depths
