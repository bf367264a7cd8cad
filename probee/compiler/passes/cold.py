"""Which blocks hardly ever run. Not a pass.

In: a function. Out: the blocks that count a trap or a loss, and those that only such ones lead to,
or that lead only to such ones.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges, reverse_postorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function

COUNTERS = ".bss"  # where the front end keeps what it counts; nothing else is counted there by 1


def cold_blocks(function: Function) -> set[Block]:
    """Blocks off the beaten track."""
    cold = {block for block in function.blocks if _counts(block)}
    if not cold:
        return cold
    incoming = incoming_edges(function)
    order = reverse_postorder(function)
    for block in order[1:]:
        if all(pred in cold for pred, _ in incoming[block]):
            cold.add(block)
    for block in reversed(order[1:]):
        successors = block.successors
        if successors and all(successor in cold for successor in successors):
            cold.add(block)
    return cold


def _counts(block: Block) -> bool:
    """Whether one is added to a counter here, and nobody asks what it was."""
    addresses = {op.result for op in block.ops if op.kind == "dataaddr" and op.symbol == COUNTERS}
    return any(
        op.kind == "atomic" and op.symbol == "add" and op.args[1] == 1 and op.args[0] in addresses
        for op in block.ops
    )
