"""Blocks in an order in which the usual way falls through.

Each block stands behind those that lead to it, a loop in one piece. What only counts a loss (see
`cold`) goes to the end, unless it leads on to the block that would follow it anyway:

    b0:                             b0:
      branch.8 eq %1, 0 -> b1, b2     branch.8 eq %1, 0 -> b1, b2
    b1:                             b2:
      atomic.8 add [%2], 1            …
      ret 0                           ret 0
    b2:                             b1:
      …                               atomic.8 add [%2], 1
      ret 0                           ret 0
"""

from __future__ import annotations

from probee.compiler.passes.cold import cold_blocks
from probee.compiler.passes.domtree import loop_depths, tree_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function


def run(function: Function) -> bool:
    """Orders the blocks; says whether the order changed."""
    if len(function.blocks) < 3:
        return False
    cold = cold_blocks(function)
    order = _order(function, cold)
    last = {
        b
        for a, b, c in zip(order, order[1:], order[2:], strict=False)
        if b in cold and not _between(a, b, c)
    }
    last |= cold & {order[-1]}
    new = [b for b in order if b not in last] + [b for b in order if b in last]
    changed = new != function.blocks
    function.blocks = new
    return changed


def _order(function: Function, cold: set[Block]) -> list[Block]:
    """Reverse postorder, in which of two successors the better one to fall through to comes first.

    What is visited first ends up last: cold ways, then ways out of loops.
    """
    depths = loop_depths(function, tree_of(function))

    def rank(block: Block) -> tuple[bool, int]:
        return block not in cold, depths[block]

    entry = function.blocks[0]
    seen = {entry}
    out: list[Block] = []
    stack = [(entry, iter(sorted(entry.successors, key=rank)))]
    while stack:
        block, successors = stack[-1]
        for successor in successors:
            if successor not in seen:
                seen.add(successor)
                stack.append((successor, iter(sorted(successor.successors, key=rank))))
                break
        else:
            out.append(block)
            stack.pop()
    out.reverse()
    return out


def _between(before: Block, block: Block, behind: Block) -> bool:
    """Whether `block` stands where the two ways of a branch meet behind it: no jump is needed."""
    return block.successors == [behind] and block in before.successors
