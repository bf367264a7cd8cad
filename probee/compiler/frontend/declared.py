"""Annotations inside functions: what type a local, a parameter or a result is said to have.

In: an annotation's tree. Out: a layout. Annotations stand in no code, so they are looked up in the
function's module by name.
"""

from __future__ import annotations

import ast
from difflib import get_close_matches
from typing import TYPE_CHECKING

from probee.compiler.frontend.values import (
    Comm,
    KernText,
    NoneType,
    Opt,
    OptText,
    ReadStr,
    Ref,
    Text,
)
from probee.errors import UsageError
from probee.frozen import Frozen
from probee.lang.types import Chars, value_type
from probee.spec.types import ArrayOf, CharArray

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.spec.types import ValueType

# they say nothing about the width: the type is that of the value
KNOWN = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "bool")
WIDTHLESS = ("int", "object", "Any", "typing.Any")


def type_of(low: Lowering, annotation: ast.expr) -> ValueType:
    """The type that an annotation names; that of `T` in `T | None`."""
    node = unquoted(annotation)
    if optional(annotation):
        assert isinstance(node, ast.BinOp)
        node = node.left
    found = named(low, node)
    if found is None and isinstance(node, ast.Name):
        near = get_close_matches(node.id, [*low.frame.scope, *KNOWN], 1)
        raise low.refuse(
            annotation,
            "annotation",
            f"`{node.id}` is not defined where this function can see it",
            why="an annotation names a type of its module",
            fix=f"is `{near[0]}` meant?" if near else "define it in the module, or import it there",
        )
    try:
        return value_type(found)
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
    return ast.unparse(unquoted(annotation))


class Loose(Frozen):
    """An annotation that leaves a size open: `str`, `Chars`, `list[T]`. `item`: that of a list."""

    item: Loose | ValueType | None
    words: str

    def takes(self, value: TypedValue, *, optional: bool) -> bool:
        """Whether a value is of it, or may be None and so says the annotation."""
        if isinstance(value, NoneType):
            return optional
        if isinstance(value, (Comm, KernText, ReadStr, Text)):
            may_fail = isinstance(value, ReadStr) and value.default is None
            return self.item is None and (optional or not may_fail)
        if isinstance(value, (Opt, OptText)):
            return optional and self.fits(value.ref.type)
        return isinstance(value, Ref) and self.fits(value.type)

    def fits(self, type_: ValueType) -> bool:
        """Whether a layout is one of those that it leaves open."""
        if self.item is None or not isinstance(type_, ArrayOf):
            return self.item is None and isinstance(type_, CharArray)
        if isinstance(self.item, Loose):
            return self.item.fits(type_.element)
        return type_.element == self.item


def loose(low: Lowering, annotation: ast.expr) -> Loose | None:
    """The annotation as a kind whose size is open; None where it is not one."""
    node = unquoted(annotation)
    if optional(annotation):
        assert isinstance(node, ast.BinOp)
        node = unquoted(node.left)
    match node:
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            inner = loose(low, item)
            return Loose(inner or type_of(low, item), f"a {ast.unparse(node)}")
        case ast.Name() | ast.Attribute() if named(low, node) in (str, Chars):
            return Loose(None, "text")
        case _:
            return None


def optional(annotation: ast.expr) -> bool:
    """Whether it has the form `T | None`."""
    match unquoted(annotation):
        case ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=None)):
            return True
        case _:
            return False


def silent(annotation: ast.expr | None) -> bool:
    """Whether it leaves the width open: no annotation, `int`, `None`."""
    if annotation is None:
        return True
    if optional(annotation):
        node = unquoted(annotation)
        return isinstance(node, ast.BinOp) and silent(node.left)
    return text(annotation) in (*WIDTHLESS, "None")


def unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is written as text, as what it says."""
    match annotation:
        case ast.Constant(value=str() as text):
            return ast.parse(text, mode="eval").body
        case _:
            return annotation
