"""What would raise in Python, and is not proved impossible, stops the program and is counted.

In: a condition under which Python would raise. Out: a block that adds one to the trap's counter,
gives back what is still reserved, and returns the program type's default result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import iterators

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Operand

DEFAULT_RESULT = 0


def trap_if(
    low: Lowering, condition: str, a: Operand, b: Operand, exception: str, node: ast.AST
) -> None:
    """Where `a condition b` holds, Python would raise `exception` at `node`: stop there."""
    stop, on = low.blocks(2)
    low.place(node)
    low.branch(condition, a, b, stop, on)
    low.start(stop)
    _trap(low, exception, node)
    low.start(on)


def stop_if_missing(low: Lowering, pointer: Operand, node: ast.AST) -> None:
    """The address of an array's element is not 0, which only the kernel's verifier does not know.

    The index was compared with the declared size, and no Session makes an array smaller.
    """
    stop, on = low.blocks(2)
    low.branch("eq", pointer, 0, stop, on)
    low.start(stop)
    _stop(low, "IndexError", node)
    low.start(on)


def _trap(low: Lowering, exception: str, node: ast.AST) -> None:
    if not low.live:
        return
    loc = low.frame.source.loc(node)
    bump(low, low.world.counter("trap", exception, low.program.name, loc))
    _stop(low, exception, node)


def _stop(low: Lowering, exception: str, node: ast.AST) -> None:
    """Gives back what is reserved, and returns."""
    if not low.live:
        return
    for site, state in low.flow.records:
        if state == "done":
            continue
        if state != "live":
            raise low.refuse(
                node,
                "trap-with-record",
                f"this may stop the program ({exception}) where a record may be reserved",
                why="the record would have to be given back, and here it is not known to exist",
                fix="test the record for None first, or compute this before reserving it",
            )
        pointer = low.record_pointers[site]
        low.builder.emit("call", pointer, 0, result="none", symbol="ringbuf_discard")
    iterators.end(low, low.loops)
    low.builder.ret(DEFAULT_RESULT)


def bump(low: Lowering, offset: int) -> None:
    """Adds one, atomically, to the counter at `offset` of .bss."""
    address = low.builder.emit("dataaddr", symbol=".bss", offset=offset)
    low.builder.emit("atomic", address, 1, result="none", size=8, symbol="add")
