"""Python objects that a program names or states: their values in the kernel.

In: an object of the module, a closure or a default. Out: a typed value. Numbers, text and tuples of
them are frozen into the program; what is no value (functions, maps, modules) stays a `Thing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, numbers
from probee.compiler.frontend.values import NONE, Several, Text, Thing, boolean, literal
from probee.lang.variables import Const

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


def known(low: Lowering, obj: object, name: str, node: ast.AST) -> TypedValue:
    """A Python object that the program names, as a typed value."""
    match obj:
        case None:
            return NONE
        case bool():
            return boolean(int(obj))
        case int():
            number = literal(int(obj))
            numbers.check_literal(low, number, node)
            return number
        case str() | bytes():
            return text(low, obj, node)
        case Const():
            return expressions.constant(low, obj, node)
        case float():
            raise low.refuse(
                node,
                "no-float",
                f"`{name}` is a float",
                why="the kernel has no floating point",
                fix="use whole numbers of a smaller unit",
            )
        case tuple() if type(obj) is tuple and _plain(obj):
            return Several(tuple(known(low, item, name, node) for item in obj))
        case _:
            return Thing(obj, name)


def _plain(items: tuple[object, ...]) -> bool:
    """Numbers and text, and tuples of them: a tuple that stands for its values."""
    return all(
        isinstance(item, (int, str, bytes)) or (type(item) is tuple and _plain(item))
        for item in items
    )


def text(low: Lowering, value: str | bytes, node: ast.AST) -> Text:
    """A string known when the program is compiled, as UTF-8."""
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if b"\0" in raw:
        raise low.refuse(
            node,
            "text-nul",
            "this text holds a NUL byte",
            why="text in the kernel ends at its first NUL",
            fix="leave it out",
        )
    return Text(raw, isinstance(value, bytes))
