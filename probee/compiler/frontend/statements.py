"""Statements. In: a list of nodes. Out: IR, in order; each refusal is kept and the rest goes on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import numbers
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import (
    Method,
    NoneType,
    Num,
    Opt,
    OptNum,
    ReadStr,
    Ref,
    Several,
    Thing,
    describe,
)
from probee.compiler.ir.builder import Undefined
from probee.errors import UsageError
from probee.frozen import replace
from probee.lang.maps import Global, MapDeclaration
from probee.lang.types import value_type
from probee.spec.types import CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


def body(low: Lowering, nodes: list[ast.stmt]) -> None:
    """Lowers statements; what follows an end of the path is lowered too, for its errors."""
    for node in nodes:
        at = low.builder.at
        try:
            low.place(node)
            statement(low, node)
        except Refusal as refusal:
            if refusal.diagnostic is not None:
                low.diagnostics.append(refusal.diagnostic)
            _poison(low, node)
            low.builder.at = None if isinstance(node, ast.Return) else low.builder.at or at
        except Undefined as undefined:
            low.diagnostics.append(unbound(low, undefined, node))


def unbound(low: Lowering, undefined: Undefined, node: ast.AST):  # type: ignore[no-untyped-def]
    variable = undefined.variable
    name = variable[1] if isinstance(variable, tuple) else str(variable)
    place = ast.Pass(lineno=undefined.loc.line, col_offset=undefined.loc.column)
    at = place if undefined.loc.line else node
    return low.frame.source.diagnose(
        at,
        "unbound",
        f"`{name}` may have no value here",
        why="on some path to this line nothing was assigned to it; Python would raise",
        fix=f"assign `{name}` on every path",
    )


def _poison(low: Lowering, node: ast.stmt) -> None:
    """Names the failed statement would have bound: their uses are no errors of their own."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            low.frame.poisoned.add(child.id)


def statement(low: Lowering, node: ast.stmt) -> None:
    """Lowers one statement."""
    from probee.compiler.frontend import calls, loops, maps

    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
            pass
        case ast.Expr(value=ast.Constant(value=v)) if v is Ellipsis:
            pass
        case ast.Expr(value=call):
            low.discarded = call
            _check_unused(low, low.value(call), call)
        case ast.Assign(targets=targets, value=expression):
            _assign(low, targets, expression)
        case ast.AnnAssign(target=target, annotation=annotation, value=expression_):
            _annotated(low, target, annotation, expression_, node)
        case ast.AugAssign(target=target_, op=operator, value=expression):
            _augmented(low, target_, operator, expression, node)
        case ast.If(test=test, body=then_body, orelse=else_body):
            _if(low, test, then_body, else_body)
        case ast.While():
            loops.while_(low, node)
        case ast.For():
            loops.for_(low, node)
        case ast.Break() | ast.Continue():
            loops.leave(low, node)
        case ast.Return(value=result):
            calls.return_(low, result, node)
        case ast.Delete(targets=targets):
            for target_ in targets:
                if not isinstance(target_, ast.Subscript):
                    raise low.refuse(
                        target_, "del", "only `del m[k]` of a map means something here"
                    )
                maps.delete(low, target_)
        case _:
            raise low.not_yet(node, type(node).__name__)


def _check_unused(low: Lowering, value: TypedValue, node: ast.expr) -> None:
    """An expression whose value is dropped must be one that does something by itself."""
    if isinstance(value, Opt) and value.ref.origin.startswith("ring:"):
        raise low.refuse(
            node,
            "ring-duty",
            "a reserved record is dropped here",
            fix="keep it in a local and submit it",
        )
    if isinstance(value, (Method, ReadStr, Thing)):
        raise low.refuse(node, "no-effect", f"{describe(value)} does nothing here", fix="call it")


def _if(
    low: Lowering, test: ast.expr, then_body: list[ast.stmt], else_body: list[ast.stmt]
) -> None:
    then, other, done = low.blocks(3)
    low.condition(test, then, other if else_body else done)
    low.start(then)
    low.body(then_body)
    low.jump(done)
    if else_body:
        low.start(other)
        low.body(else_body)
        low.jump(done)
    low.start(done)


def _assign(low: Lowering, targets: list[ast.expr], expression: ast.expr) -> None:
    value = low.value(expression)
    if len(targets) > 1 and isinstance(value, ReadStr):
        raise low.not_yet(targets[1], "one read_str for several targets")
    for target in targets:
        store(low, target, value, expression)


def store(low: Lowering, target: ast.expr, value: TypedValue, node: ast.expr) -> None:
    """`target = value`; `node` is the value's expression, for messages."""
    from probee.compiler.frontend import maps, memory

    match target:
        case ast.Name(id=name):
            if isinstance(value, ReadStr):
                raise low.not_yet(
                    node,
                    "text in a local",
                    fix="read it into a field of a record: `e.path = read_str(…)`",
                )
            if isinstance(value, Ref) and isinstance(value.type, CharArray):
                raise low.not_yet(node, "text in a local", fix="use the field itself")
            if isinstance(value, Several):
                raise low.not_yet(node, "a tuple in a local", fix="give each part its own name")
            low.assign(name, value, target)
        case ast.Tuple(elts=elements):
            if not isinstance(value, Several) or len(value.items) != len(elements):
                raise low.refuse(
                    target, "unpack", f"{describe(value)} does not unpack into these names"
                )
            for item in value.items:
                if isinstance(item, Ref) and isinstance(item.type, CharArray):
                    raise low.not_yet(
                        node, "text of a record in a tuple", fix="assign it by itself"
                    )
            for element, item in zip(elements, value.items, strict=True):
                store(low, element, item, node)
        case ast.Attribute(value=owner_node, attr=_):
            owner = low.value(owner_node)
            low.place(target)
            memory.write_field(low, owner, target, value, node)
        case ast.Subscript(value=owner_node, slice=key):
            maps.store(low, low.value(owner_node), key, value, target, node)
        case _:
            raise low.refuse(target, "target", "this cannot be assigned to in a kernel program")


def _annotated(
    low: Lowering,
    target: ast.expr,
    annotation: ast.expr,
    expression: ast.expr | None,
    node: ast.stmt,
) -> None:
    """`x: u32 = value`: the local has that type from here on."""
    if not isinstance(target, ast.Name):
        raise low.refuse(target, "annotation", "only a local takes an annotation here")
    type_ = annotated_type(low, annotation)
    if expression is None:
        if isinstance(type_, (Int, Pointer)):
            from probee.compiler.frontend.lowering import Local

            low.frame.locals.setdefault(target.id, Local(Num(type_, 0)))
        return
    value = low.value(expression)
    low.place(node)
    if isinstance(type_, (Int, Pointer)):
        number = numbers.convert(low, low.as_number(value, expression), type_, expression)
        known = low.frame.locals.get(target.id)
        if known is not None and isinstance(known.like, Num) and known.like.type != type_:
            raise low.refuse(target, "local-type", f"`{target.id}` had another type before")
        low.assign(target.id, number, target)
        return
    ref = value.ref if isinstance(value, Opt) else value
    if not isinstance(ref, Ref) or ref.type != type_:
        raise low.refuse(expression, "type", f"{describe(value)} is not what the annotation says")
    low.assign(target.id, value, target)


def annotated_type(low: Lowering, annotation: ast.expr) -> Int | Pointer | StructType | CharArray:
    """The type that an annotation inside a function names."""
    node: ast.expr = annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = ast.parse(node.value, mode="eval").body
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # T | None
        node = node.left
    dotted = ast.unparse(node)
    scope = low.frame.scope
    obj = scope.get(dotted, low.world.annotation(low.frame.source.function, dotted))
    try:
        return value_type(obj)  # type: ignore[return-value]
    except UsageError as error:
        raise low.refuse(annotation, "annotation", str(error)) from None


def _augmented(
    low: Lowering, target: ast.expr, operator: ast.operator, expression: ast.expr, node: ast.stmt
) -> None:
    """`target op= value`: the target is evaluated once, read, then the value, then stored."""
    from probee.compiler.frontend import maps, memory

    match target:
        case ast.Name(id=name):
            old = low.as_number(low.value(ast.Name(name, ast.Load(), **_place(target))), target)
            new = low.number(expression)
            low.place(node)
            low.assign(name, numbers.binary(low, operator, old, new, node), target)
        case ast.Attribute(value=owner_node):
            owner = low.value(owner_node)
            place = memory.field_place(low, owner, target)
            memory.check_writable(low, place.ref, target)
            old = memory.load_number(low, place, target)
            new = low.number(expression)
            low.place(node)
            result = numbers.binary(low, operator, old, new, node)
            memory.store_number(low, place, result, node)
        case ast.Subscript(value=owner_node, slice=key):
            place = maps.element(low, low.value(owner_node), key, target)
            old = memory.load_number(low, place, target)
            new = low.number(expression)
            low.place(node)
            result = numbers.binary(low, operator, old, new, node)
            memory.store_number(low, place, result, node)
        case _:
            raise low.refuse(target, "target", "this cannot be assigned to in a kernel program")


def _place(node: ast.expr) -> dict[str, int | None]:
    return {
        "lineno": node.lineno,
        "col_offset": node.col_offset,
        "end_lineno": node.end_lineno,
        "end_col_offset": node.end_col_offset,
    }


def is_global(value: TypedValue) -> bool:
    return isinstance(value, Thing) and isinstance(value.obj, Global)


def is_map(value: TypedValue) -> bool:
    return isinstance(value, Thing) and isinstance(value.obj, MapDeclaration)


__all__ = ["NoneType", "OptNum", "annotated_type", "body", "replace", "statement", "store"]
