"""A program's function to IR. In: a `Program` and the `World`. Out: a `Lowered`, or diagnostics.

The first file of the front end to read: it opens the frame of the decorated function, binds its
context, lowers its body, and checks what must hold at the end.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import calls, helpers, statements
from probee.compiler.frontend.lowering import Local, Lowering
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import Context
from probee.compiler.ir.builder import Undefined
from probee.frozen import Frozen
from probee.spec.programs import ContextField

if TYPE_CHECKING:
    from probee.compiler.frontend.world import World
    from probee.compiler.ir.ops import Function
    from probee.errors import Diagnostic
    from probee.lang.programs import Program


class Lowered(Frozen):
    """A program's IR, not yet optimised, and the context fields it reads."""

    program: Program
    function: Function
    context: tuple[ContextField, ...]


def lower(world: World, program: Program) -> tuple[Lowered | None, list[Diagnostic]]:
    """The program's IR, or what stands in the way of it."""
    low = Lowering(world, program)
    frame = calls.enter(low, program.function)
    if low.diagnostics:  # syntax first: nothing else is worth saying about what cannot be read
        return None, low.diagnostics
    low.frames.append(frame)
    definition = frame.source.definition
    low.function.loc = frame.source.loc(definition)
    low.place(definition)
    try:
        _bind_context(low, definition)
        low.body(definition.body)
        if low.live:
            low.place(definition.body[-1])
            calls.check_duty(low, definition.body[-1])
            low.builder.ret(0)
        if not low.diagnostics:
            helpers.check_calls(low, low.function)
    except Refusal as refusal:
        if refusal.diagnostic is not None:
            low.diagnostics.append(refusal.diagnostic)
    except Undefined as undefined:
        low.diagnostics.append(statements.unbound(low, undefined, definition))
    if low.diagnostics:
        return None, low.diagnostics
    return Lowered(program, low.function, tuple(low.context_fields.values())), []


def _bind_context(low: Lowering, definition: ast.FunctionDef) -> None:
    """A program takes one parameter, the context."""
    args = definition.args
    names = calls.parameters(definition)
    if len(names) != 1 or args.vararg or args.kwarg or args.kwonlyargs or args.defaults:
        raise low.refuse(
            definition,
            "arguments",
            f"{definition.name}() takes one parameter, the context",
            fix=f"def {definition.name}(ctx: Context) -> None:",
        )
    low.frame.locals[names[0].arg] = Local(Context(low.context))
