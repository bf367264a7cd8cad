"""The order of blocks in the program, so that few jumps are left.

In: a function after `resolve`. Out: its blocks in their final order. Blocks that only jump on are
left out; a `ret` block stands behind a block that jumps to it, where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MBlock, MFunction


def lay_out(function: MFunction) -> None:
    """Rewrites `function.blocks` and its edges in place."""
    for block in function.blocks:
        for edge in block.edges:
            edge.block = _destination(edge.block)
    reached = {function.blocks[0]}
    todo = [function.blocks[0]]
    while todo:
        for edge in todo.pop().edges:
            if edge.block not in reached:
                reached.add(edge.block)
                todo.append(edge.block)
    blocks = [block for block in function.blocks if block in reached]
    returns = [block for block in blocks[1:] if len(block.ops) == 1 and block.ops[0].kind == "ret"]
    for block in returns:
        _place_return(blocks, block)
    function.blocks = blocks


def _destination(block: MBlock) -> MBlock:
    """Where one really gets by going to `block`."""
    seen = set()
    while len(block.ops) == 1 and block.ops[0].kind == "jump" and block not in seen:
        seen.add(block)
        block = block.edges[0].block
    return block


def _place_return(blocks: list[MBlock], block: MBlock) -> None:
    """Moves `block` behind the last one that would otherwise need a jump to it."""
    where = blocks.index(block)
    if any(edge.block is block for edge in blocks[where - 1].edges):
        return
    rest = [other for other in blocks if other is not block]
    for index in range(len(rest) - 1, -1, -1):
        following = rest[index + 1] if index + 1 < len(rest) else None
        targets = [edge.block for edge in rest[index].edges]
        if block in targets and following not in targets:
            blocks[:] = [*rest[: index + 1], block, *rest[index + 1 :]]
            return
