"""Block parameters that are not needed.

A parameter that is the same on every edge is that value; one that nothing reads goes; two that are
fed alike are one. Before and after:

    b1:                             b1:
      jump -> b3(%5, 1, %7)           jump -> b3(1)
    b2:                             b2:
      jump -> b3(%5, 0, %8)           jump -> b3(0)
    b3(%10:int, %11:int, %12:int):  b3(%11:int):
      %13 = add.8 %10, %11            %13 = add.8 %5, %11
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges
from probee.compiler.ir.ops import Value
from probee.compiler.passes.rewriting import final, substitute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function, Operand

    Incoming = dict[Block, list[tuple[Block, Edge]]]


def run(function: Function) -> bool:
    """Removes parameters; says whether there were any to remove."""
    if not any(block.params for block in function.blocks):
        return False
    incoming = incoming_edges(function)
    mapping = _same_everywhere(function, incoming)
    if mapping:
        _drop(function, incoming, set(mapping))
        substitute(function, mapping)
    unread = _unread(function)
    if unread:
        _drop(function, incoming, unread)
    return bool(mapping or unread)


def _same_everywhere(function: Function, incoming: Incoming) -> dict[Value, Operand]:
    """Parameter → what it always is, found until nothing more is.

    A removed parameter may make others that it is passed to trivial: their blocks are looked at
    again.
    """
    mapping: dict[Value, Operand] = {}
    fed: dict[Value, list[Block]] = {}  # parameter → blocks that it is passed to
    for block in function.blocks:
        for edge in block.ops[-1].edges:
            for arg in edge.args:
                if isinstance(arg, Value):
                    fed.setdefault(arg, []).append(edge.block)
    todo = [block for block in function.blocks if block.params]
    while todo:
        block = todo.pop()
        seen: dict[tuple[object, ...], Value] = {}
        for index, param in enumerate(block.params):
            if param in mapping:
                continue
            args = [edge.args[index] for _, edge in incoming[block]]
            if mapping:
                args = [final(arg, mapping) if arg in mapping else arg for arg in args]
            value = _only(param, args)
            if value is None and args:
                twin = seen.setdefault((param.kind, *args), param)
                value = twin if twin is not param else None
            if value is not None:
                mapping[param] = value
                again = fed.pop(param, [])
                todo.extend(again)
                if isinstance(value, Value):
                    fed.setdefault(value, []).extend(again)
    return mapping


def _only(param: Value, args: list[Operand]) -> Operand | None:
    """The one operand besides itself that reaches `param`; None where there are more, or none.

    A pointer that is null on every edge stays: an address must be a pointer.
    """
    found: Operand | None = None
    for arg in args:
        if arg is param or (found is not None and arg == found):
            continue
        if found is not None:
            return None
        found = arg
    if isinstance(found, int) and param.kind == "ptr":
        return None
    return found


def _drop(function: Function, incoming: Incoming, gone: set[Value]) -> None:
    """Removes the parameters in `gone` and what is passed for them."""
    for block in function.blocks:
        if not any(param in gone for param in block.params):
            continue
        kept = [i for i, param in enumerate(block.params) if param not in gone]
        block.params = [block.params[i] for i in kept]
        for _, edge in incoming[block]:
            edge.args = [edge.args[i] for i in kept]


def _unread(function: Function) -> set[Value]:
    """Parameters that no operation reads, not even by way of other parameters."""
    feeds: dict[Value, list[Value]] = {}  # parameter → values passed for it
    todo: list[Value] = []
    for block in function.blocks:
        for op in block.ops:
            for arg in op.args:
                if isinstance(arg, Value):
                    todo.append(arg)
        for edge in block.ops[-1].edges:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                if isinstance(arg, Value):
                    feeds.setdefault(param, []).append(arg)
    read: set[Value] = set()
    while todo:
        value = todo.pop()
        if value not in read:
            read.add(value)
            todo.extend(feeds.get(value, ()))
    return {param for block in function.blocks for param in block.params if param not in read}
