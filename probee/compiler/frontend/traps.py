"""What would raise in Python, and is not proved impossible, stops the program and is counted.

In: a condition under which Python would raise. Out: a block that adds one to the trap's counter,
gives back what is still reserved, and returns the program type's default result.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Operand

DEFAULT_RESULT = 0


def trap_if(
    low: Lowering, condition: str, a: Operand, b: Operand, exception: str, node: ast.AST
) -> None:
    """Where `a condition b` holds, Python would raise `exception` at `node`: stop there."""
    stop, on = low.blocks(2)
    low.branch(condition, a, b, stop, on)
    low.start(stop)
    trap(low, exception, node)
    low.start(on)


def trap(low: Lowering, exception: str, node: ast.AST) -> None:
    """Python raises `exception` here, always."""
    if not low.live:
        return
    loc = low.frame.source.loc(node)
    offset = low.world.counter("trap", exception, low.program.name, loc)
    bump(low, offset)
    for site, state in low.flow.records:
        if state == "done":
            continue
        if state != "live":
            raise low.refuse(
                node,
                "trap-with-record",
                f"this may stop the program ({exception}) while a record is reserved on some paths only",
                fix="test the record for None first, or compute this before reserving it",
            )
        low.builder.emit(
            "call", low.record_pointers[site], 0, result="none", symbol="ringbuf_discard"
        )
    low.builder.ret(DEFAULT_RESULT)


def bump(low: Lowering, offset: int) -> None:
    """Adds one, atomically, to the counter at `offset` of .bss."""
    address = low.builder.emit("dataaddr", symbol=".bss", offset=offset)
    low.builder.emit("atomic", address, 1, result="none", size=8, symbol="add")
