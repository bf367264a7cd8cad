"""Jump threading: who comes over an edge that decides a branch ahead goes there at once.

The branch may be decided by what is passed over the edge, or by what is known where it starts:

    b0:                                   b0:
      branch.8 eq %1, 0 -> b1, b2           branch.8 eq %1, 0 -> b1, b2
    b1:                                   b1:
      %4 = call …                           %4 = call …
      jump -> b3                            jump -> b5
    b2:                                   b2:
      zero.64 [%1]                          zero.64 [%1]
      jump -> b3                            jump -> b4
    b3:
      branch.8 ne %1, 0 -> b4, b5

Operations that stand before the decided branch are repeated on the edge, if they are few and no
calls. Values that then have two definitions get parameters where ways meet again.

The head of a loop is passed by only if it does nothing but branch out of the loop or into a round,
and every way into the loop decides it alike: then its test stands at the end of a round, and not
also before the first.
"""

from __future__ import annotations

from probee.compiler.ir.ops import CALLS, OPS, Block, Edge, Op, Value
from probee.compiler.passes.arithmetic import UNCOMPUTED, compute
from probee.compiler.passes.branches import Walk
from probee.compiler.passes.domtree import loop_of
from probee.compiler.passes.repair import repair
from probee.compiler.passes.rewriting import drop_unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Operand

REPEATED = 3  # operations worth repeating on an edge to save its branch
_NOT_REPEATED = (*CALLS, "slot", "copy", "zero")


def run(function: Function) -> bool:
    """Threads what can be threaded now; the blocks it makes may allow more."""
    targets = {block for block in function.blocks[1:] if _repeatable(block)}
    if not targets:
        return False
    found = _decided_edges(function, targets)
    if not found:
        return False
    definitions: dict[Value, dict[Block, Operand]] = {}
    for edge, truth in found:
        _thread(function, edge, truth, definitions)
    drop_unreachable(function)
    repair(function, definitions)
    return True


def _repeatable(block: Block) -> bool:
    ops = block.ops
    if ops[-1].kind != "branch" or len(ops) > REPEATED + 1:
        return False
    return all(op.kind not in _NOT_REPEATED for op in ops)


def _decided_edges(function: Function, targets: set[Block]) -> list[tuple[Edge, bool]]:
    """Edges into `targets` over which the branch there always goes the same way."""
    walk = Walk(function)
    entries = {head: _entries(walk, head) for head in targets if _is_head(walk, head)}
    found: list[tuple[Edge, bool]] = []
    into_loops: dict[Block, list[tuple[Edge, bool]]] = {}
    for block in walk.tree.order:
        walk.enter(block)
        for edge in block.ops[-1].edges:
            target = edge.block
            # A target with one way in is decided by `branches`, or not at all.
            if target not in targets or len(walk.incoming[target]) < 2:
                continue
            if target in entries and edge not in entries[target]:
                continue
            truth = _outcome(walk, block, edge)
            if truth is not None:
                group = into_loops.setdefault(target, []) if target in entries else found
                group.append((edge, truth))
    if found:
        return found
    # One loop at a time, and nothing else: a copy made meanwhile would be another way into it.
    for head, decided in into_loops.items():
        truths = {truth for _, truth in decided}
        if len(decided) == len(entries[head]) and len(truths) == 1:
            way_out = head.ops[-1].edges[int(truths.pop())].block
            if way_out not in loop_of(head, walk.tree, walk.incoming):
                return decided
    return []


def _is_head(walk: Walk, block: Block) -> bool:
    return len(_entries(walk, block)) < len(walk.incoming[block])


def _entries(walk: Walk, head: Block) -> list[Edge]:
    """The edges to `head` that close no loop; none of a head that does more than branch."""
    edges = [e for pred, e in walk.incoming[head] if not walk.tree.goes_back(pred, head)]
    closing = len(edges) < len(walk.incoming[head])
    return [] if closing and len(head.ops) > 1 else edges


def _outcome(walk: Walk, source: Block, edge: Edge) -> bool | None:
    """How the branch at the end of `edge.block` goes for who comes over `edge` from `source`."""
    mark = walk.facts.mark()
    walk.learn_edge(source, edge)
    truth = _decide(walk, edge)
    walk.facts.back_to(mark)
    return truth


def _decide(walk: Walk, edge: Edge) -> bool | None:
    block = edge.block
    inside: dict[Operand, Operand] = dict(zip(block.params, edge.args, strict=True))
    for op in block.ops[:-1]:
        computed = OPS[op.kind].pure and op.kind not in UNCOMPUTED
        if op.result is not None and computed and op.args:
            args = [inside.get(arg, arg) for arg in op.args]
            numbers = [arg for arg in args if isinstance(arg, int)]
            if len(numbers) == len(args):
                inside[op.result] = compute(op.kind, op.size, numbers, op.symbol)
    end = block.ops[-1]
    a, b = (inside.get(arg, arg) for arg in end.args)
    return walk.facts.decide(str(end.symbol), a, b, end.size)


def _thread(
    function: Function, edge: Edge, truth: bool, definitions: dict[Value, dict[Block, Operand]]
) -> None:
    """Leads `edge` to a copy of its block that ends in a jump."""
    old = edge.block
    new = function.new_block()
    inside: dict[Operand, Operand] = dict(zip(old.params, edge.args, strict=True))
    for op in old.ops[:-1]:
        new.ops.append(_copy(function, op, inside))
    end = old.ops[-1]
    onward = end.edges[0 if truth else 1]
    args = [inside.get(arg, arg) for arg in onward.args]
    new.ops.append(Op("jump", [], edges=[Edge(onward.block, args)], loc=end.loc))
    for value, stand_in in inside.items():
        assert isinstance(value, Value)
        definitions.setdefault(value, {old: value})[new] = stand_in
    function.blocks.append(new)
    edge.block, edge.args = new, []


def _copy(function: Function, op: Op, inside: dict[Operand, Operand]) -> Op:
    """The same operation on what its operands are on this edge, with a result of its own."""
    result = op.result
    if result is not None:
        result = function.new_value(result.kind, result.hint)
    copy = Op(
        op.kind,
        [inside.get(arg, arg) for arg in op.args],
        result,
        size=op.size,
        offset=op.offset,
        offset2=op.offset2,
        align=op.align,
        symbol=op.symbol,
        loc=op.loc,
    )
    if op.result is not None and result is not None:
        inside[op.result] = result
    return copy
