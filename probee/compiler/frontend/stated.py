"""What the annotation of a context states: the fields that it has, and their types.

In: a parameter's annotation, a field that was read. Out: the context as the annotation shows it, or
a refusal. Where a field stands and how wide it is comes from the kernel alone; the class is what a
type checker believed, so the two must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import declared
from probee.compiler.frontend.values import Context
from probee.errors import UsageError
from probee.lang.contexts import Context as AnyContext, ContextMeta, field_types
from probee.spec.types import CharArray, Int, Pointer

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.spec.types import ValueType

_SILENT = ("Any", "typing.Any", "object")


def view(low: Lowering, context: Context, annotation: ast.expr | None) -> Context:
    """The context under a parameter's annotation."""
    if annotation is None or declared.text(annotation) in _SILENT:
        return Context(context.ptr)
    named = declared.named(low, annotation)
    if not isinstance(named, ContextMeta):
        raise low.refuse(
            annotation,
            "annotation",
            f"`{declared.text(annotation)}` is no class of contexts that the program can see",
            why="this parameter is what the kernel passes; its annotation says which fields it has",
            fix="write Context, or import what `probee stubs` wrote, not under TYPE_CHECKING",
        )
    return Context(context.ptr, None if named is AnyContext else named)


def check_named(low: Lowering, owner: Context, node: ast.Attribute) -> None:
    """Refuses a field that the context's class does not have."""
    if owner.stated is not None and node.attr not in owner.stated.declared_:
        names = ", ".join(owner.stated.declared_) or "none"
        raise low.refuse(
            node,
            "no-attribute",
            f"{owner.stated.__name__} has no field {node.attr!r}",
            fix=f"it has: {names}",
        )


def check_type(
    low: Lowering, owner: Context, node: ast.Attribute, read: Int | Pointer | CharArray
) -> None:
    """Refuses a field that is not what the context's class says."""
    if owner.stated is None:
        return
    try:
        said = field_types(owner.stated)[node.attr]
    except UsageError as error:
        raise low.refuse(
            node, "annotation", f"{owner.stated.__name__}: {error}", why="its annotation says so"
        ) from None
    if not _agree(said, read):
        raw = "" if low.program.kind == "tracepoint" else "--raw "
        raise low.refuse(
            node,
            "stale-context",
            f"{node.attr!r} is {_words(read)} in this kernel, not {_words(said)} as in "
            f"{owner.stated.__name__}",
            fix=f'write the class anew: probee stubs {raw}"{low.program.attach[0].target}"',
        )


def _agree(said: ValueType, read: Int | Pointer | CharArray) -> bool:
    if isinstance(said, Pointer) and isinstance(read, Pointer):
        return said.space == read.space and said.target in ("", read.target)
    return said == read


def _words(type_: ValueType) -> str:
    match type_:
        case Int(name=name):
            return name
        case Pointer(space, target):
            return f"a {space} {'string ' if target == 'char' else ''}pointer"
        case CharArray(size):
            return f"chars({size})"
        case _:
            return "a struct or array"
