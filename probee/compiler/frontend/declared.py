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
    dotted = ast.unparse(node)
    scope = low.frame.scope
    named = scope.get(dotted, low.world.annotation(low.frame.source.function, dotted))
    try:
        return value_type(named)
    except UsageError as error:
        raise low.refuse(
            annotation,
            "annotation",
            str(error),
            why="the annotation of a local, a parameter or a result states its width",
            fix="write u8 to u64, s8 to s64, bool, a pointer type or a Struct",
        ) from None


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
    return ast.unparse(_unquoted(annotation)) in (*WIDTHLESS, "None")


def _unquoted(annotation: ast.expr) -> ast.expr:
    match annotation:
        case ast.Constant(value=str() as text):
            return ast.parse(text, mode="eval").body
        case _:
            return annotation
