"""A program's function to IR. In: a `Program` and the `World`. Out: a `Lowered`, or diagnostics.

The first file of the front end to read: it opens the frame of the decorated function, binds its
context, lowers its body, and checks what must hold at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import helpers, inline, names, rings, stated, statements
from probee.compiler.frontend.lowering import Lowering
from probee.compiler.frontend.scope import parameters
from probee.compiler.frontend.source import Refusal, at
from probee.compiler.frontend.values import Context
from probee.compiler.ir.builder import Undefined
from probee.compiler.ir.ops import Function, Slot
from probee.frozen import Frozen

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.world import World
    from probee.errors import Diagnostic
    from probee.lang.programs import Program
    from probee.spec.programs import ContextField


class Lowered(Frozen):
    """A program's IR, not yet optimised, and the context fields it reads."""

    program: Program
    function: Function
    context: tuple[ContextField, ...]


def lower(world: World, program: Program) -> tuple[Lowered | None, list[Diagnostic]]:
    """The program's IR, or what stands in the way of it."""
    low = Lowering(world, program)
    try:
        _lower(low)
    except Refusal as refusal:
        low.report(refusal.diagnostic)
    except Undefined as undefined:
        low.report(statements.unbound(undefined))
    except RecursionError:
        low.report(_too_deep(low))
    if low.diagnostics:
        return None, low.diagnostics
    _drop_unused_slots(low.function)
    low.function.zero = world.place_of_zero
    return Lowered(program, low.function, tuple(low.context_fields.values())), []


def _too_deep(low: Lowering) -> Diagnostic:
    """Python's own stack did not suffice for the nesting of calls and expressions."""
    return at(
        low.builder.loc,
        "nesting",
        "expressions and calls are nested too deeply here",
        why="a called function is compiled in place of its call, and so are those that it calls",
        fix="give a part its own name in a statement before",
    )


def _lower(low: Lowering) -> None:
    frame = inline.enter(low, low.program.function)
    low.frames.append(frame)
    definition = frame.source.definition
    low.function.loc = frame.source.loc(definition)
    low.place(definition)
    _bind_context(low, definition)
    low.body(definition.body)
    if low.live:
        low.place(definition.body[-1])
        rings.check_duty(low, definition.body[-1])
        low.builder.ret(0)
    if not low.diagnostics:
        helpers.check_calls(low)


def _bind_context(low: Lowering, definition: ast.FunctionDef) -> None:
    """A program takes one parameter, the context."""
    args = definition.args
    given = parameters(definition)
    if len(given) != 1 or args.vararg or args.kwarg or args.kwonlyargs or args.defaults:
        raise low.refuse(
            definition,
            "arguments",
            f"{definition.name}() takes one parameter, the context",
            why="that is what the kernel passes",
            fix=f"def {definition.name}(ctx: Context) -> None:",
        )
    context = stated.view(low, Context(low.context), given[0].annotation)
    names.assign(low, given[0].arg, context, given[0])


def _drop_unused_slots(function: Function) -> None:
    """Paths that cannot run took stack for nothing."""
    used = {
        op.symbol for block in function.blocks for op in block.ops if isinstance(op.symbol, Slot)
    }
    function.slots = [slot for slot in function.slots if slot in used]
