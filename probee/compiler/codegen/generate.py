"""The code generator's passes, in order: read this first.

In: IR functions, the first one the program, the others called from it; the target.
Out: `Code`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.assemble import assemble
from probee.compiler.codegen.emit import Emitter
from probee.compiler.codegen.frame import check_frames, place_slots
from probee.compiler.codegen.isel import select
from probee.compiler.codegen.layout import lay_out
from probee.compiler.codegen.regalloc import allocate
from probee.compiler.codegen.resolve import resolve
from probee.compiler.ir.dominators import reverse_postorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.compiler.codegen.code import Code
    from probee.compiler.codegen.machine import MFunction
    from probee.compiler.ir.ops import Function
    from probee.spec import Target


def generate(functions: Sequence[Function], target: Target) -> Code:
    """Bytecode for a program and the functions that it calls. The IR is not changed.

    Functions that nothing calls are left out: the kernel refuses code that is never reached.
    Raises CompileError where the stack does not suffice, NotSupportedError where the target has
    no instruction for an operation.
    """
    functions = _called(functions)
    emitter = Emitter(target.isa)
    frames: dict[str, int] = {}
    for function in functions:
        machine = generate_function(function, target)
        frames[function.name] = machine.frame
        emitter.function(machine)
    stack = check_frames(functions, frames)
    return assemble(emitter, target, stack)


def generate_function(function: Function, target: Target) -> MFunction:
    """One function over machine registers, ready to be emitted."""
    slots, size = place_slots(function)
    machine = select(function, target, slots, size)
    places = allocate(machine)
    resolve(machine, places)
    lay_out(machine)
    return machine


def _called(functions: Sequence[Function]) -> list[Function]:
    """The first function and what it calls, directly or not, in the order given."""
    by_name = {function.name: function for function in functions}
    called = {functions[0].name}
    todo = [functions[0]]
    while todo:
        for block in reverse_postorder(todo.pop()):
            for op in block.ops:
                if op.kind == "callfn" and str(op.symbol) not in called:
                    called.add(str(op.symbol))
                    todo.append(by_name[str(op.symbol)])
    return [function for function in functions if function.name in called]
