"""Pointers into the kernel in locals, parameters and results.

In: a pointer, a name or an annotation, ways that meet. Out: a local, a pointer. The verifier wants
one load to be of one kind of pointer, so where several may come together (a local that is assigned
in several places, a value that is one of several) it is read as one that nothing is known of.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import declared, expressions, kernel, names
from probee.compiler.frontend.values import Kern, NoneType
from probee.frozen import replace
from probee.lang.kernel import KernelMeta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


def assign(low: Lowering, name: str, value: Kern, node: ast.AST) -> None:
    """Binds a local."""
    if low.frame.source.bindings.get(name, 0) > 1:
        value = kernel.unknown(low, value)
    known, shape = low.frame.locals.get(name), replace(value, op=0)
    if known is not None and known != shape:
        raise names.other_shape(low, name, node)
    low.frame.locals[name] = shape
    variable = (low.frame.number, name, "pointer")
    low.builder.declare(variable, "ptr", name)
    low.builder.write(variable, value.op)


def annotated(
    low: Lowering,
    name: str,
    said: tuple[KernelMeta, ast.expr],
    expression: ast.expr | None,
    node: ast.AST,
) -> None:
    """`name: T = pointer`; `said`: the struct and its annotation."""
    if expression is None:
        return  # it holds what it is given later
    cls, annotation = said
    value = low.value(expression)
    seen = given(low, value, cls, annotation)
    if seen is None:
        raise expressions.refuse_kind(low, value, f"{cls.__name__} of the kernel", expression)
    assign(low, name, seen, node)


def stated(low: Lowering, annotation: ast.expr) -> KernelMeta | None:
    """The struct of the kernel that `T` or `T | None` names, None where it names none."""
    node = declared.unquoted(annotation)
    if declared.optional(annotation) and isinstance(node, ast.BinOp):
        node = node.left
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return None
    found = declared.named(low, node)
    return found if isinstance(found, KernelMeta) else None


def given(low: Lowering, value: TypedValue, cls: KernelMeta, annotation: ast.expr) -> Kern | None:
    """What a local or parameter of that annotation holds: of None, where it allows that, NULL."""
    if isinstance(value, NoneType) and declared.optional(annotation):
        return Kern(cls, low.builder.emit("same", 0, result="ptr"), cls)
    return seen_as(value, cls)


def seen_as(value: TypedValue, cls: KernelMeta) -> Kern | None:
    """A pointer as one to `cls`, which its own class is or inherits; None where it is no such."""
    if not isinstance(value, Kern) or cls not in value.cls.__mro__:
        return None
    return replace(value, cls=cls, root=value.root if value.path else cls)


class United:
    """Pointers to one struct, and None: of a single way what it is, of several just an address."""

    def __init__(self, low: Lowering, values: Sequence[TypedValue]) -> None:
        self.values = values
        first = next(v for v in values if isinstance(v, Kern))
        self.shape = first if len(values) == 1 else Kern(first.cls, 0, first.cls)
        self.pointer = low.temporary("ptr")

    @staticmethod
    def takes(values: Sequence[TypedValue]) -> bool:
        """Whether all are None or pointers to the same struct."""
        classes = {v.cls for v in values if isinstance(v, Kern)}
        return len(classes) == 1 and all(isinstance(v, (Kern, NoneType)) for v in values)

    def put(self, low: Lowering, place: int) -> None:
        """Writes what this way brings."""
        value = self.values[place]
        if isinstance(value, Kern) and len(self.values) > 1:
            value = kernel.unknown(low, value)
        low.builder.write(self.pointer, value.op if isinstance(value, Kern) else 0)

    def get(self, low: Lowering) -> TypedValue:
        """The pointer, behind where the ways meet."""
        return replace(self.shape, op=low.builder.read(self.pointer))
