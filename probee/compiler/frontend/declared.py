"""Annotations inside functions: what type a local, a parameter or a result is said to have.

In: an annotation's tree. Out: a layout. Annotations stand in no code, so they are looked up in the
function's module by name.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.errors import UsageError
from probee.lang.types import value_type

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.spec.types import ValueType

# they say nothing about the width: the type is that of the value
WIDTHLESS = ("int", "object", "Any", "typing.Any")


def type_of(low: Lowering, annotation: ast.expr) -> ValueType:
    """The type that an annotation names; that of `T` in `T | None`."""
    node = _unquoted(annotation)
    if optional(annotation):
        assert isinstance(node, ast.BinOp)
        node = node.left
    try:
        return value_type(named(low, node))
    except UsageError as error:
        raise low.refuse(
            annotation,
            "annotation",
            str(error),
            why="the annotation of a local, a parameter or a result states its width",
            fix="write u8 to u64, s8 to s64, bool, a pointer type or a Struct",
        ) from None


def named(low: Lowering, annotation: ast.expr) -> object:
    """What an annotation names, None where that is nothing the program can see."""
    dotted = text(annotation)
    found = low.frame.scope.get(dotted)
    return low.world.annotation(low.frame.source.function, dotted) if found is None else found


def text(annotation: ast.expr) -> str:
    """An annotation as it is written."""
    return ast.unparse(_unquoted(annotation))


def optional(annotation: ast.expr) -> bool:
    """Whether it has the form `T | None`."""
    match _unquoted(annotation):
        case ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=None)):
            return True
        case _:
            return False


def silent(annotation: ast.expr | None) -> bool:
    """Whether it leaves the width open: no annotation, `int`, `None`."""
    if annotation is None:
        return True
    return text(annotation) in (*WIDTHLESS, "None")


def _unquoted(annotation: ast.expr) -> ast.expr:
    match annotation:
        case ast.Constant(value=str() as text):
            return ast.parse(text, mode="eval").body
        case _:
            return annotation
