"""The order of blocks in the program, and fewer jumps.

In: a function after `resolve`. Out: the same, rewritten in place: moves that only one way out of a
branch needs stand before it where that saves a jump (`hoist`), blocks that only jump on are left
out, a jump to a branch or a return becomes one itself, and a block that returns stands behind one
that would otherwise jump to it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from probee.compiler.codegen.hoist import hoist, is_light
from probee.compiler.codegen.machine import MEdge, MOp
from probee.compiler.codegen.returns import share_returns

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MBlock, MFunction


def lay_out(function: MFunction) -> None:
    """Decides the final order of blocks."""
    _thread(function)
    share_returns(function)
    _merge(function)
    while hoist(function):
        _thread(function)
    _place_between(function)
    for block in list(function.blocks[1:]):
        kinds = [op.kind for op in block.ops]
        if kinds in (["ret"], ["move", "ret"]):
            _place_return(function.blocks, block)
    for index, block in enumerate(function.blocks):
        following = function.blocks[index + 1 : index + 2]
        if block.ops[-1].kind == "jump" and block.edges[0].block not in following:
            _jump_further(block, following)
    _thread(function)
    _join_return(function.blocks)


def _merge(function: MFunction) -> None:
    """Blocks of the same few moves to the same place become one."""
    first: dict[tuple[object, ...], MBlock] = {}
    same: dict[MBlock, MBlock] = {}
    for block in function.blocks[1:]:
        if is_light(block):
            key = (block.edges[0].block, *((op.d, op.args[0]) for op in block.ops[:-1]))
            same[block] = first.setdefault(key, block)
    for block in function.blocks:
        for edge in block.edges:
            edge.block = same.get(edge.block, edge.block)
    _thread(function)


def _place_between(function: MFunction) -> None:
    """A few moves on one of two ways to what follows stand between."""
    entered: dict[MBlock, list[MBlock]] = {}
    for block in function.blocks:
        for edge in block.edges:
            entered.setdefault(edge.block, []).append(block)
    moved: dict[MBlock, MBlock] = {}
    for block, following in pairwise(function.blocks):
        for edge in block.edges:
            light = edge.block
            if light is not following and is_light(light) and entered[light] == [block]:
                targets = [edge.block for edge in block.edges]
                if following in targets and light.edges[0].block is following:
                    moved[block] = light
    if moved:
        late = set(moved.values())
        rest = [block for block in function.blocks if block not in late]
        function.blocks = [
            b for block in rest for b in ((block, moved[block]) if block in moved else (block,))
        ]


def _join_return(blocks: list[MBlock]) -> None:
    """A bare return that nobody falls into is that of another block that returns."""
    bare = next((b for b in blocks if [op.kind for op in b.ops] == ["ret"]), None)
    if bare is None or bare in [edge.block for edge in blocks[blocks.index(bare) - 1].edges]:
        return
    before = next((b for b in blocks if b.ops[-1].kind == "ret" and b is not bare), None)
    if before is not None:
        before.ops[-1] = MOp("jump", before.ops[-1].loc, edges=[MEdge(bare)])
        blocks.remove(bare)
        blocks.insert(blocks.index(before) + 1, bare)


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
