"""IR to bytecode.

In: functions in SSA form, a `Target`. Out: `Code`: instructions, relocations, lines.

    generate.py   the passes in order        code.py     what comes out
    folding.py    which values need no register
    isel.py       IR -> machine operations over virtual registers (isel_alu, isel_memory)
    machine.py    those operations           frame.py    the stack
    liveness.py   where values live          hints.py    where they would like to
    regalloc.py   linear scan                moves.py    moves that happen at once
    slots.py      where spilled values wait  resolve.py  operands and moves
    layout.py     the order of blocks        hoist.py    moves before a branch
    check.py      proves an allocation right, for tests
    emit.py       machine operations -> instructions     assemble.py  slots and distances
"""

from probee.compiler.codegen.code import Code
from probee.compiler.codegen.generate import generate

__all__ = ["Code", "generate"]
