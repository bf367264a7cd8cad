"""A context that is read once is read first.

The context's address arrives in r1, which the first call destroys: to read a field behind a call,
the address is kept in a saved register. Where it serves one load, the loaded value may as well be
kept: the same register, and one move less. Nothing changes a context while its program runs.

    func f(ctx %0)                        func f(ctx %0)
    b0:                                   b0:
      %1 = call get_current_pid_tgid        %2 = load.8 [%0+16]
      branch.8 eq %1, 7 -> b1, b2           %1 = call get_current_pid_tgid
    b1:                                     branch.8 eq %1, 7 -> b1, b2
      %2 = load.8 [%0+16]                 b1:
      …                                     …
"""

from __future__ import annotations

from probee.compiler.ir.ops import CALLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Function, Op


def run(function: Function) -> bool:
    """Moves the context's only load to the front of the function."""
    if not function.main or not function.params:
        return False
    context = function.params[0]
    found: tuple[Block, Op] | None = None
    called = False
    for block in function.blocks:
        for op in block.ops:
            edges = [arg for edge in op.edges for arg in edge.args]
            if context in op.args or context in edges:
                if found is not None or op.kind != "load":
                    return False
                found = (block, op)
            called = called or op.kind in CALLS
    if found is None or not called:
        return False
    block, op = found
    entry = function.blocks[0]
    before = entry.ops[: entry.ops.index(op)] if block is entry else entry.ops
    if block is entry and not any(o.kind in CALLS for o in before):
        return False
    block.ops.remove(op)
    entry.ops.insert(0, op)
    return True
