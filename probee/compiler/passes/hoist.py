"""A call that gives the same answer throughout a run is made once, above all places that need it.

Where most ways lead to one such call or another, it is made before they part; ways that only count
a loss do not count (see `cold`):

    b0:                             b0:
      branch.8 eq %1, 0 -> b2, b1     %2 = call get_current_pid_tgid
    b1:                               branch.8 eq %1, 0 -> b2, b1
      %2 = call get_current_pid_tgid  …
      …
    b2:
      %5 = call get_current_pid_tgid

It takes a register between; that is what a second call would cost in instructions, and the time of
the call is saved.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Op, Value
from probee.compiler.passes.cold import cold_blocks
from probee.compiler.passes.domtree import Tree, tree_of
from probee.compiler.passes.effects import STABLE
from probee.compiler.passes.rewriting import substitute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Operand

    Place = tuple[Block, Op]


def run(function: Function) -> bool:
    """Hoists calls without operands; `cse` and another round take up what depends on them."""
    calls: dict[object, list[Place]] = {}
    for block in function.blocks:
        for op in block.ops:
            if op.kind == "call" and op.symbol in STABLE and not op.args:
                calls.setdefault(op.symbol, []).append((block, op))
    calls = {symbol: places for symbol, places in calls.items() if len(places) > 1}
    if not calls:
        return False
    tree = tree_of(function)
    cold = cold_blocks(function)
    mapping: dict[Value, Operand] = {}
    for places in calls.values():
        _hoist(function, tree, cold, places, mapping)
    substitute(function, mapping)
    return bool(mapping)


def _hoist(
    function: Function,
    tree: Tree,
    cold: set[Block],
    places: list[Place],
    mapping: dict[Value, Operand],
) -> None:
    """Makes the call in the lowest block above all `places`, if it is made behind it anyway."""
    above = places[0][0]
    for block, _ in places:
        above = tree.common(above, block)
    homes = {block for block, _ in places}
    if above in homes or not _expected(tree, above, homes, cold):
        return
    first = places[0][1]
    assert first.result is not None
    result = function.new_value(first.result.kind, first.result.hint)
    above.ops.insert(-1, Op("call", [], result, symbol=first.symbol, loc=first.loc))
    for block, op in places:
        assert op.result is not None
        mapping[op.result] = result
        block.ops.remove(op)


def _expected(tree: Tree, above: Block, homes: set[Block], cold: set[Block]) -> bool:
    """Whether every way from `above`, cold ones left out, leads through one of `homes`."""
    todo, seen = [above], {above}
    while todo:
        block = todo.pop()
        warm = [successor for successor in block.successors if successor not in cold]
        if not warm:
            return False
        for successor in warm:
            if tree.back_edge(block, successor):
                return False
            if successor not in homes and successor not in seen:
                seen.add(successor)
                todo.append(successor)
    return True
