"""Moves before a branch what one of its ways needs, if the other way does not mind.

In: a function after `resolve`. Out: `x = 1 if c else 2` as `x = 1; if c goto; x = 2`: one jump
less. Only moves within registers and of constants: they cost little where they are not needed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from probee.asm.opcodes import JUMP_OPS
from probee.compiler.codegen.machine import FRAME
from probee.compiler.codegen.moves import is_memory

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MBlock, MFunction, MOp

MOST = 2  # moves that may be in vain
CALLED = 0b111111  # r0 to r5
SET = next(row.code for row in JUMP_OPS if row.name == "jset")


def hoist(function: MFunction) -> bool:
    """Does it where a jump is saved, once at each branch; whether anything changed.

    What lives where other blocks begin stays the same by it.
    """
    entered: dict[MBlock, int] = {}
    for block in function.blocks:
        for edge in block.edges:
            entered[edge.block] = entered.get(edge.block, 0) + 1
    candidates = [
        (block, edge.block, other.block)
        for block in function.blocks
        if block.ops[-1].kind == "branch"
        for edge, other in (block.edges, block.edges[::-1])
        if entered[edge.block] == 1 and is_light(edge.block) and edge.block is not other.block
    ]
    if not candidates:
        return False
    following = dict(pairwise(function.blocks))
    live = live_registers(function)
    changed: set[MBlock] = set()
    for block, light, other in candidates:
        end = light.edges[0].block
        if block in changed or (following.get(light) is end and not _is_side_of_set(block, light)):
            continue
        if _is_side_of_set(block, other) and is_light(other) and other.edges[0].block is end:
            continue
        moves = light.ops[:-1]
        written = sum({1 << move.d for move in moves})
        reads, _ = effect(block.ops[-1])
        if written & (live[other] | reads) == 0:
            block.ops[-1:-1] = moves
            del light.ops[:-1]
            changed.add(block)
    return bool(changed)


def _is_side_of_set(block: MBlock, side: MBlock) -> bool:
    """Whether `block` ends with `if a & b goto side`, which has no opposite: better not next."""
    end = block.ops[-1]
    return end.code & 0xF0 == SET and end.edges[0].block is side


def is_light(block: MBlock) -> bool:
    """A few moves between registers, then a jump."""
    return (
        2 <= len(block.ops) <= MOST + 1
        and block.ops[-1].kind == "jump"
        and all(
            op.kind == "move" and not is_memory(op.d) and not is_memory(op.args[0].base)
            for op in block.ops[:-1]
        )
    )


def live_registers(function: MFunction) -> dict[MBlock, int]:
    """The machine registers, as a set of bits, that something reads after each block begins."""
    live = dict.fromkeys(function.blocks, 0)
    changed = True
    while changed:
        changed = False
        for block in reversed(function.blocks):
            now = 0
            for edge in block.edges:
                now |= live[edge.block]
            for op in reversed(block.ops):
                reads, writes = effect(op)
                now = now & ~writes | reads
            if now != live[block]:
                live[block] = now
                changed = True
    return live


def effect(op: MOp) -> tuple[int, int]:
    """The machine registers that `op` reads, and those that it writes, as sets of bits."""
    match op.kind:
        case "call":
            return (1 << len(op.args) + 1) - 2, CALLED
        case "ret":
            return 1, 0
        case "entry":
            return 0, 0
        case "result":
            return 1, _bit(op.d)
        case "move":
            return _bit(op.args[0].base), _bit(op.d)
    return _bit(op.a) | _bit(op.b), _bit(op.d)


def _bit(place: int) -> int:
    return 1 << place if 0 <= place < FRAME else 0
