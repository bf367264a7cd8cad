"""Locals with memory of their own: `name: str = chars(64)`, `counts: list[u32] = array(u32, 8)`.

In: annotated assignments. Out: zeroed stack that the local refers to. A text in such a buffer is
given another by assignment, which copies it there; who named the old text must not read it again
(see replaced.py). Python has a new string each time, and so has whoever asks for this one.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, names, replaced, texts
from probee.compiler.frontend.values import Ref, Thing, describe
from probee.errors import UsageError
from probee.frozen import replace
from probee.lang.types import array, chars
from probee.spec.types import ArrayOf, CharArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


def layout(low: Lowering, expression: ast.expr | None) -> CharArray | ArrayOf | None:
    """What `chars(N)` or `array(T, N)` describes; None where it is neither."""
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Name):
        return None
    function = low.value(expression.func)
    if not isinstance(function, Thing) or not (function.obj is chars or function.obj is array):
        return None
    maker: Callable[..., object] = chars if function.obj is chars else array
    given = [_argument(low, argument) for argument in expression.args]
    try:
        made = maker(*given)
    except (UsageError, TypeError) as error:
        raise low.refuse(
            expression,
            "annotation",
            str(error),
            why="a local with memory of its own says how much",
            fix="write `name: str = chars(64)` or `counts: list[u32] = array(u32, 8)`",
        ) from None
    assert isinstance(made, (CharArray, ArrayOf))  # type checkers see what the local will be
    return made


def _argument(low: Lowering, node: ast.expr) -> object:
    inner = layout(low, node)
    if inner is not None:
        return inner
    value = low.value(node)
    if isinstance(value, Thing):
        return value.obj
    number = low.as_number(value, node)
    if not isinstance(number.op, int):
        raise low.refuse(
            node,
            "annotation",
            f"{describe(value)} is no constant",
            why="the kernel's stack is laid out before the program runs",
            fix="write a number",
        )
    return number.op


def declare(low: Lowering, name: str, type_: CharArray | ArrayOf, node: ast.AST) -> None:
    """Binds a local to new, zeroed stack."""
    site = low.site()
    pointer = low.object_slot(name, type_.size, site)
    low.builder.emit("zero", pointer, size=type_.size, align=8)
    low.frame.buffers.discard(name)
    names.assign(low, name, Ref(pointer, 0, type_, "stack", site), node)
    if isinstance(type_, CharArray):
        low.frame.buffers.add(name)


def fill(low: Lowering, name: str, value: TypedValue, node: ast.AST) -> None:
    """Gives a local that has a buffer another text."""
    key = low.frame.key(name)
    if isinstance(value, Ref):
        memory.check_usable(low, value, node)
    ref = names.read(low, name, node)
    assert isinstance(ref, Ref)
    assert isinstance(node, ast.expr)
    place = memory.Place(ref, 0, ref.type)
    texts.put(low, place, value, node)
    replaced.overwrote(low, ref)
    low.flow = replace(low.flow, replaced=low.flow.replaced - {key})
