"""Dominators of a control-flow graph. In: a function. Out: each reachable block's immediate one.

Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

Most passes leave the graph as it is, so what was found of it is kept with the function for as long
as all blocks and edges are the same: to compare them is much less work. It is not to be changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from probee.compiler.ir.ops import predecessors

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.ir.ops import Block, Edge, Function

T = TypeVar("T")


def kept(function: Function, what: str, find: Callable[[Function], T]) -> T:
    """`find(function)`, or what it found when the graph was the same."""
    ends = [block.ops[-1] for block in function.blocks]
    edges = [edge for end in ends for edge in end.edges]
    graph: list[object] = [*function.blocks, *edges]
    graph += [edge.block for edge in edges]
    graph += [len(end.edges) for end in ends]
    if function.known[0] != graph:
        function.known = graph, {}
    known = function.known[1]
    if what not in known:
        known[what] = find(function)
    return cast("T", known[what])


def incoming_edges(function: Function) -> dict[Block, list[tuple[Block, Edge]]]:
    """Each block's incoming edges, as `predecessors` finds them."""
    return kept(function, "incoming", predecessors)


def reverse_postorder(function: Function) -> list[Block]:
    """Reachable blocks, each before its successors but for back edges."""
    return kept(function, "order", _reverse_postorder)


def immediate_dominators(function: Function) -> dict[Block, Block | None]:
    """Block → its immediate dominator; None for the entry; unreachable blocks are absent."""
    return kept(function, "dominators", _immediate_dominators)


def _reverse_postorder(function: Function) -> list[Block]:
    """By a walk without recursion."""
    order: list[Block] = []
    seen = {function.blocks[0]}
    stack = [(function.blocks[0], iter(function.blocks[0].ops[-1].edges))]
    while stack:
        block, edges = stack[-1]
        for edge in edges:
            successor = edge.block
            if successor not in seen:
                seen.add(successor)
                stack.append((successor, iter(successor.ops[-1].edges)))
                break
        else:
            order.append(block)
            stack.pop()
    order.reverse()
    return order


def _immediate_dominators(function: Function) -> dict[Block, Block | None]:
    order = reverse_postorder(function)
    number = {block: i for i, block in enumerate(order)}
    preds: dict[Block, list[Block]] = {block: [] for block in order}
    for block in order:
        for edge in block.ops[-1].edges:
            preds[edge.block].append(block)
    entry = order[0]
    idom: dict[Block, Block] = {entry: entry}
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            new: Block | None = None
            for pred in reversed(preds[block]):  # the deepest first: each meeting is a short walk
                if new is None:
                    new = pred if pred in idom else None
                elif pred in idom:
                    new = _meet(pred, new, idom, number)
            assert new is not None
            if idom.get(block) is not new:
                idom[block] = new
                changed = True
    return {block: (None if block is entry else idom[block]) for block in order}


def _meet(a: Block, b: Block, idom: dict[Block, Block], number: dict[Block, int]) -> Block:
    while a is not b:
        while number[a] > number[b]:
            a = idom[a]
        while number[b] > number[a]:
            b = idom[b]
    return a
