"""Operations whose result nobody reads go, if leaving them out changes nothing else.

Memory is always valid where it is read, so a load has no effect; neither have the helpers that only
tell something. Slots that no operation names go too.

    %1 = call ktime_get_ns          store.8 [%4], 0
    %2 = load.4 [%0+8]
    %3 = add.8 %2, 1
    store.8 [%4], 0
"""

from __future__ import annotations

from probee.compiler.ir.ops import OPS, Slot, Value
from probee.compiler.passes.effects import WITHOUT_EFFECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op


def droppable(op: Op) -> bool:
    """Whether `op` does nothing but give its result."""
    if OPS[op.kind].pure or op.kind in ("load", "kload"):
        return True
    return op.kind == "call" and op.symbol in WITHOUT_EFFECT


def run(function: Function) -> bool:
    """Drops dead operations; says whether there were any."""
    counts: dict[Value, int] = {}
    makers: dict[Value, Op] = {}
    for block in function.blocks:
        for op in block.ops:
            for arg in op.args:
                if isinstance(arg, Value):
                    counts[arg] = counts.get(arg, 0) + 1
            for edge in op.edges:
                for arg in edge.args:
                    if isinstance(arg, Value):
                        counts[arg] = counts.get(arg, 0) + 1
            if op.result is not None and droppable(op):
                makers[op.result] = op
    dead: set[Op] = set()
    todo = [op for value, op in makers.items() if value not in counts]
    while todo:
        op = todo.pop()
        dead.add(op)
        for arg in op.args:
            if isinstance(arg, Value):
                counts[arg] -= 1
                if not counts[arg] and arg in makers:
                    todo.append(makers[arg])
    if dead:
        for block in function.blocks:
            block.ops = [op for op in block.ops if op not in dead]
    return _drop_slots(function) or bool(dead)


def _drop_slots(function: Function) -> bool:
    if not function.slots:
        return False
    named = {op.symbol for block in function.blocks for op in block.ops if op.kind == "slot"}
    kept: list[Slot] = [slot for slot in function.slots if slot in named]
    changed = len(kept) != len(function.slots)
    function.slots = kept
    return changed
