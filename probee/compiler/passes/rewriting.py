"""Moves that many passes make: replace values, count uses, drop what nothing leads to. Not a pass.

In: a function. Out: the same function, changed in place.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Op, Operand


def final(operand: Operand, mapping: dict[Value, Operand]) -> Operand:
    """What `operand` stands for in the end, where replacements may be replaced again."""
    first = operand
    while isinstance(operand, Value) and operand in mapping:
        operand = mapping[operand]
    if isinstance(first, Value):
        while first in mapping:  # shorten the chain for those that come after
            following = mapping[first]
            mapping[first] = operand
            if not isinstance(following, Value):
                break
            first = following
    return operand


def substitute(function: Function, mapping: dict[Value, Operand]) -> None:
    """Replaces each use of a key of `mapping`, which may lead to further keys, not in circles."""
    if not mapping:
        return
    for block in function.blocks:
        for op in block.ops:
            _substitute_all(op.args, mapping)
            for edge in op.edges:
                _substitute_all(edge.args, mapping)


def substitute_edges(block: Block, mapping: dict[Value, Operand]) -> None:
    """The same for what one block passes on to others."""
    for edge in block.ops[-1].edges:
        _substitute_all(edge.args, mapping)


def _substitute_all(args: list[Operand], mapping: dict[Value, Operand]) -> None:
    for index, arg in enumerate(args):
        if isinstance(arg, Value) and arg in mapping:
            args[index] = final(arg, mapping)


def count_uses(function: Function) -> dict[Value, int]:
    """How often each value is read, by operations and edges; values never read are absent."""
    counts: dict[Value, int] = {}
    for block in function.blocks:
        for op in block.ops:
            for arg in op.args:
                if isinstance(arg, Value):
                    counts[arg] = counts.get(arg, 0) + 1
            for edge in op.edges:
                for arg in edge.args:
                    if isinstance(arg, Value):
                        counts[arg] = counts.get(arg, 0) + 1
    return counts


def reachable(function: Function) -> set[Block]:
    """Blocks that the entry leads to."""
    seen = {function.blocks[0]}
    todo = [function.blocks[0]]
    while todo:
        for edge in todo.pop().ops[-1].edges:
            if edge.block not in seen:
                seen.add(edge.block)
                todo.append(edge.block)
    return seen


def drop_unreachable(function: Function) -> bool:
    """Removes blocks that nothing leads to."""
    seen = reachable(function)
    if len(seen) == len(function.blocks):
        return False
    function.blocks = [block for block in function.blocks if block in seen]
    return True


def to_jump(op: Op, taken: int) -> None:
    """Turns a branch into a jump along one of its edges."""
    op.kind, op.args, op.size, op.symbol = "jump", [], 0, None
    op.edges = [op.edges[taken]]
