"""The order of blocks in the program, and fewer jumps.

In: a function after `resolve`. Out: the same, rewritten in place: moves that only one way out of a
branch needs stand before it where that saves a jump (`hoist`), blocks that only jump on are left
out, a jump to a branch or a return becomes one itself, and a block that returns stands behind one
that would otherwise jump to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.hoist import hoist
from probee.compiler.codegen.machine import MOp

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MBlock, MFunction


def lay_out(function: MFunction) -> None:
    """Decides the final order of blocks."""
    _thread(function)
    while hoist(function):
        _thread(function)
    for block in list(function.blocks[1:]):
        kinds = [op.kind for op in block.ops]
        if kinds in (["ret"], ["move", "ret"]):
            _place_return(function.blocks, block)
    for index, block in enumerate(function.blocks):
        following = function.blocks[index + 1 : index + 2]
        if block.ops[-1].kind == "jump" and block.edges[0].block not in following:
            _jump_further(block, following)
    _thread(function)


def _thread(function: MFunction) -> None:
    """Edges lead past blocks that only jump on; what nothing leads to is dropped."""
    for block in function.blocks:
        for edge in block.edges:
            edge.block = _destination(edge.block)
        if block.ops[-1].kind == "branch" and block.edges[0].block is block.edges[1].block:
            block.ops[-1] = MOp("jump", block.ops[-1].loc, edges=block.edges[:1])
    reached = {function.blocks[0]}
    todo = [function.blocks[0]]
    while todo:
        for edge in todo.pop().edges:
            if edge.block not in reached:
                reached.add(edge.block)
                todo.append(edge.block)
    function.blocks = [block for block in function.blocks if block in reached]


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


def _jump_further(block: MBlock, following: list[MBlock]) -> None:
    """A jump to a bare return returns; one back to a loop's test tests, where that is no longer."""
    target = block.edges[0].block
    if len(target.ops) > 1:
        return
    end = target.ops[0]
    if end.kind == "ret" or any(edge.block in following for edge in end.edges):
        copy = MOp(
            end.kind, end.loc, code=end.code, a=end.a, b=end.b, imm=end.imm, edges=list(end.edges)
        )
        copy.args, copy.names = end.args, end.names
        block.ops[-1] = copy
