"""The graph of blocks, simplified.

Unreachable blocks go; a branch whose sides are one becomes a jump; a block that only jumps is
passed by; a block and its only successor, whose only predecessor it is, become one:

    b0:                             b0:
      jump -> b1(%1)                  %3 = add.8 %1, 1
    b1(%2:int):                       ret %3
      %3 = add.8 %2, 1
      jump -> b2
    b2:
      ret %3
"""

from __future__ import annotations

from probee.compiler.passes.rewriting import (
    count_uses,
    drop_unreachable,
    substitute,
    to_jump,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function, Op, Operand, Value


def run(function: Function) -> bool:
    """Simplifies the graph; says whether anything changed."""
    changed = drop_unreachable(function)
    changed |= _pass_by(function)
    for block in function.blocks:
        changed |= _one_sided(block.ops[-1])
    return _merge(function) or changed


def _one_sided(op: Op) -> bool:
    if op.kind != "branch":
        return False
    then, other = op.edges
    if then.block is not other.block or then.args != other.args:
        return False
    to_jump(op, 0)
    return True


def _pass_by(function: Function) -> bool:
    """Leads edges into empty blocks straight on."""
    empty = {b for b in function.blocks[1:] if len(b.ops) == 1 and b.ops[0].kind == "jump"}
    if not empty:
        return False
    counts = count_uses(function)
    for block in tuple(empty):
        own = sum(1 for arg in block.ops[0].edges[0].args if arg in block.params)
        if sum(counts.get(param, 0) for param in block.params) != own:
            empty.discard(block)  # other blocks read its parameters
    changed = False
    for block in function.blocks:
        for edge in block.ops[-1].edges:
            changed |= _straight_on(edge, empty)
    if changed:
        drop_unreachable(function)
    return changed


def _straight_on(edge: Edge, empty: set[Block]) -> bool:
    seen: set[Block] = set()
    first = edge.block
    while edge.block in empty and edge.block not in seen:
        seen.add(edge.block)
        inside: dict[Operand, Operand] = dict(zip(edge.block.params, edge.args, strict=True))
        onward = edge.block.ops[0].edges[0]
        edge.args = [inside.get(arg, arg) for arg in onward.args]
        edge.block = onward.block
    return edge.block is not first


def _merge(function: Function) -> bool:
    """Appends blocks to their only predecessor."""
    entries: dict[Block, int] = {function.blocks[0]: 1}
    for block in function.blocks:
        for edge in block.ops[-1].edges:
            entries[edge.block] = entries.get(edge.block, 0) + 1
    mapping: dict[Value, Operand] = {}
    gone: set[Block] = set()
    for block in function.blocks:
        if block in gone:
            continue
        while (end := block.ops[-1]).kind == "jump":
            edge = end.edges[0]
            if entries[edge.block] != 1 or edge.block is block:
                break
            mapping.update(zip(edge.block.params, edge.args, strict=True))
            block.ops.pop()
            block.ops += edge.block.ops
            gone.add(edge.block)
    if not gone:
        return False
    function.blocks = [block for block in function.blocks if block not in gone]
    substitute(function, mapping)
    return True
