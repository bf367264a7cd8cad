"""Numbers whose bounds the kernel's verifier must see for itself. Not a pass.

In: a function. Out: what is added to pointers, is the size of memory given to a helper, or decides
whether a loop goes on, and whatever those are computed from. A mask on such a number looks needless
where we know more than the verifier: it forgets bounds at divisions and at shifts by a variable,
older kernels where a value is spilled. There the mask stays.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import OPS, Value
from probee.compiler.passes.effects import ARGUMENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op

# What the verifier bounds as we do: the result of these is as narrow to it as it is to us.
PLAIN = ("load", "kload", "zext", "and", "const", "cmp")
# What it forgets all bounds at.
FORGOTTEN = ("udiv", "umod", "sdiv", "smod")


def watched_values(function: Function) -> set[Value]:
    """The numbers, found backwards from where they are used; empty in most functions."""
    todo = [arg for block in function.blocks for op in block.ops for arg in addressing(op)]
    todo += _loop_conditions(function)
    if not todo:
        return set()
    makers: dict[Value, list[Value]] = {}
    for block in function.blocks:
        for op in block.ops:
            if op.result is not None and OPS[op.kind].pure:
                makers[op.result] = [arg for arg in op.args if isinstance(arg, Value)]
        for edge in block.ops[-1].edges:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                if isinstance(arg, Value):
                    makers.setdefault(param, []).append(arg)
    found: set[Value] = set()
    while todo:
        value = todo.pop()
        if value.kind == "int" and value not in found:
            found.add(value)
            todo += makers.get(value, ())
    return found


def unseen_values(function: Function, watched: set[Value]) -> set[Value]:
    """Those of `watched` whose bounds the verifier loses at a division, or at what follows it.

    A branch that compares one of these looks decided to us, and is all that bounds it to the
    verifier. A mask bounds what it gives again.
    """
    users: dict[Value, list[Value]] = {}
    found: set[Value] = set()
    todo: list[Value] = []
    for block in function.blocks:
        for op in block.ops:
            if op.result is None or not OPS[op.kind].pure:
                continue
            if op.kind in FORGOTTEN:
                todo.append(op.result)
            elif op.kind not in PLAIN:
                for arg in op.args:
                    if isinstance(arg, Value):
                        users.setdefault(arg, []).append(op.result)
        for edge in block.ops[-1].edges:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                if isinstance(arg, Value):
                    users.setdefault(arg, []).append(param)
    while todo:
        value = todo.pop()
        if value not in found:
            found.add(value)
            todo += users.get(value, ())
    return found & watched


def _loop_conditions(function: Function) -> list[Value]:
    """What is compared where a loop begins a round, or goes back to begin another."""
    order = {block: number for number, block in enumerate(reverse_postorder(function))}
    ends = {
        place
        for block, number in order.items()
        for edge in block.end.edges
        if order[edge.block] <= number
        for place in (block, edge.block)
    }
    return [
        arg
        for block in function.blocks
        if block in ends and block.end.kind == "branch"
        for arg in block.end.args
        if isinstance(arg, Value)
    ]


def addressing(op: Op) -> list[Value]:
    """Operands of `op` whose bounds matter: they are part of an address, or the size of memory."""
    if op.kind in ("add", "sub"):
        if op.result is None or op.result.kind != "ptr":
            return []
        return [arg for arg in op.args if isinstance(arg, Value) and arg.kind == "int"]
    if op.kind != "call":
        return []
    kinds = ARGUMENTS.get(str(op.symbol), ())
    return [
        arg
        for arg, (kind, _) in zip(op.args, kinds, strict=False)
        if isinstance(arg, Value) and kind.startswith("mem_size")
    ]
