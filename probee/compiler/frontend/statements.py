"""Statements. In: a list of nodes. Out: IR, in order; each refusal is kept and the rest goes on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    arrays,
    buffers,
    counters,
    declared,
    kernelnames,
    loops,
    mapkeys,
    maps,
    matching,
    memory,
    names,
    numbers,
    optionals,
    recovery,
    results,
)
from probee.compiler.frontend.source import Refusal, at
from probee.compiler.frontend.values import (
    NONE,
    Keyed,
    Method,
    Num,
    Opt,
    ReadStr,
    Ref,
    Several,
    Thing,
    describe,
)
from probee.compiler.ir.builder import Undefined
from probee.frozen import replace
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.errors import Diagnostic
    from probee.spec.types import ValueType


def body(low: Lowering, nodes: list[ast.stmt]) -> None:
    """Lowers statements; what follows an end of the path is lowered too, for its errors."""
    loops_around = len(low.frame.loops)
    low.entered.add(id(nodes))
    for node in nodes:
        before, flow, mark = low.builder.at, low.flow, low.statement_begins()
        outer, low.entered = low.entered, set()
        low.ended = False
        try:
            low.place(node)
            statement(low, node)
        except (Refusal, Undefined) as error:
            if isinstance(error, Undefined):
                low.report(unbound(error))
                low.frame.poisoned.add(_name_of(error))
            else:
                low.report(error.diagnostic)
            del low.frame.loops[loops_around:]
            recovery.go_on(low, node, flow)
            low.builder.at = None if isinstance(node, ast.Return) else low.builder.at or before
        low.entered = outer
        low.statement_ends(mark)


def unbound(undefined: Undefined) -> Diagnostic:
    """A local is read that some path did not assign."""
    name, loc = _name_of(undefined), undefined.loc
    if loc.text.encode()[loc.column :].startswith(name.encode()):
        loc = replace(loc, end=loc.column + len(name.encode()))
    return at(
        loc,
        "unbound",
        f"`{name}` may have no value here",
        why="on some path to this line nothing was assigned to it; Python would raise",
        fix=f"assign `{name}` on every path",
    )


def _name_of(undefined: Undefined) -> str:
    variable = undefined.variable
    return str(variable[1] if isinstance(variable, tuple) else variable)


def statement(low: Lowering, node: ast.stmt) -> None:
    """Lowers one statement."""
    if id(node) in low.world.refused:  # its syntax, and that was told
        raise Refusal(None)
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
            pass
        case ast.Expr(value=ast.Constant(value=v)) if v is Ellipsis:
            pass
        case ast.Expr(value=expression):
            low.discarded = expression
            _check_unused(low, low.value(expression), expression)
        case ast.Assign(targets=targets, value=expression):
            _assign(low, targets, expression)
        case ast.AnnAssign(target=target, annotation=annotation, value=given):
            _annotated(low, target, annotation, given)
        case ast.AugAssign():
            _augmented(low, node)
        case ast.If(test=test, body=then_body, orelse=else_body):
            _if(low, test, then_body, else_body)
        case ast.While():
            loops.while_(low, node)
        case ast.For():
            loops.for_(low, node)
        case ast.Match():
            matching.match_(low, node)
        case ast.Break() | ast.Continue():
            loops.leave(low, node)
            low.ended = True
        case ast.Return(value=result):
            results.return_(low, result, node)
            low.ended = True
        case ast.Delete(targets=targets):
            for gone in targets:
                _delete(low, gone)
        case _:
            raise low.not_yet(node, type(node).__name__)


def _delete(low: Lowering, target: ast.expr) -> None:
    if not isinstance(target, ast.Subscript):
        raise low.refuse(
            target,
            "del",
            "only `del m[k]` of a map means something here",
            why="a local takes no memory that could be given back",
            fix="leave it out",
        )
    maps.delete(low, low.value(target.value), target)


def _check_unused(low: Lowering, value: TypedValue, node: ast.expr) -> None:
    """An expression whose value is dropped must be one that does something by itself."""
    if isinstance(value, Opt) and value.ref.origin.startswith("ring:"):
        raise low.refuse(
            node,
            "ring-duty",
            "a reserved record is dropped here",
            why="the verifier refuses a program that may keep a record",
            fix="keep it in a local and submit it",
        )
    if isinstance(value, (Keyed, Method, ReadStr, Thing)):
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
    match target:
        case ast.Name(id=name):
            names.assign(low, name, value, target)
        case ast.Tuple(elts=elements):
            _unpack(low, target, elements, value, node)
        case ast.Attribute(value=owner):
            place_owner = low.value(owner)
            low.place(target)
            memory.write_field(low, place_owner, target, value, node)
        case ast.Subscript(value=owner, slice=key):
            _store_element(low, low.value(owner), key, value, target, node)
        case _:
            raise low.refuse(target, "target", "this cannot be assigned to in a kernel program")


def _store_element(
    low: Lowering,
    owner: TypedValue,
    key: ast.expr,
    value: TypedValue,
    target: ast.expr,
    node: ast.expr,
) -> None:
    if isinstance(owner, Ref) and arrays.is_array(owner):
        arrays.store(low, owner, key, value, target, node)
    else:
        maps.store(low, owner, key, value, target, node)


def _unpack(
    low: Lowering, target: ast.expr, elements: list[ast.expr], value: TypedValue, node: ast.expr
) -> None:
    if not isinstance(value, Several) or len(value.items) != len(elements):
        raise low.refuse(
            target,
            "unpack",
            f"{describe(value)} does not unpack into these names",
            why="as many values as names are wanted, written as a tuple",
            fix="assign them one by one",
        )
    parts = node.elts if isinstance(node, ast.Tuple) else [node] * len(elements)
    for element, item, part in zip(elements, value.items, parts, strict=True):
        store(low, element, item, part)


def _annotated(
    low: Lowering, target: ast.expr, annotation: ast.expr, expression: ast.expr | None
) -> None:
    """`x: u32 = value`: the local has that type from here on."""
    if not isinstance(target, ast.Name):
        raise low.refuse(
            target,
            "annotation",
            "only a local takes an annotation here",
            why="a field has the type that its struct says",
            fix="leave the annotation out",
        )
    if (cls := kernelnames.stated(low, annotation)) is not None:
        kernelnames.annotated(low, target.id, (cls, annotation), expression, target)
        return
    if (said := declared.loose(low, annotation)) is not None:
        _annotated_loosely(low, target, said, annotation, expression)
        return
    type_ = declared.type_of(low, annotation)
    known = low.frame.locals.get(target.id)
    if isinstance(type_, (Int, Pointer)) and declared.optional(annotation):
        optionals.declare(low, target.id, type_, target)
        if expression is not None:
            found = optionals.converted(low, low.value(expression), type_, expression)
            names.assign(low, target.id, found, target)
        return
    if isinstance(type_, (Int, Pointer)):
        if known is not None and not (isinstance(known, Num) and known.type == type_):
            raise low.refuse(
                target,
                "local-type",
                f"`{target.id}` was something else before",
                why="a local keeps one type",
                fix="annotate it where it is first assigned, or use another name",
            )
        low.frame.stated.add(target.id)
        if expression is not None:
            value = low.value(expression)
            number = numbers.convert(low, low.as_number(value, expression), type_, expression)
            low.frame.locals[target.id] = Num(type_, 0)
            names.assign(low, target.id, number, target)
        else:
            low.frame.locals[target.id] = Num(type_, 0)
    elif expression is not None:
        _annotated_object(low, target, type_, expression)


def _annotated_object(
    low: Lowering, target: ast.Name, type_: ValueType, expression: ast.expr
) -> None:
    """`x: T = object`."""
    value = low.value(expression)
    ref = value.ref if isinstance(value, Opt) else value
    if not isinstance(ref, Ref) or ref.type != type_:
        raise low.refuse(expression, "type", f"{describe(value)} is not what the annotation says")
    names.assign(low, target.id, value, target)


def _annotated_loosely(
    low: Lowering,
    target: ast.Name,
    said: declared.Loose,
    annotation: ast.expr,
    expression: ast.expr | None,
) -> None:
    """`x: str = value`, `x: list[T] = value`; `chars(N)` and `array(T, N)` give it memory."""
    if expression is None:
        return
    layout = buffers.layout(low, expression)
    if layout is not None and said.fits(layout):
        buffers.declare(low, target.id, layout, target)
        return
    value = None if layout is not None else low.value(expression)
    if value is None or not said.takes(value, optional=declared.optional(annotation)):
        raise low.refuse(
            expression,
            "type",
            f"{'a buffer' if value is None else describe(value)} is not what the annotation says",
        )
    names.assign(low, target.id, value, target)


def _augmented(low: Lowering, node: ast.AugAssign) -> None:
    """`target op= value`: the target is evaluated once, read, then the value, then stored."""
    match node.target:
        case ast.Name(id=name) as target:
            old = low.as_number(names.lookup(low, name, target), target)
            new = low.number(node.value)
            low.place(node)
            names.assign(low, name, numbers.binary(low, node.op, old, new, node), target)
        case ast.Attribute(value=owner_node) as target:
            owner = low.value(owner_node)
            place = memory.field_place(low, owner, target)
            _update(low, node, place)
            memory.wrote(low, place)
        case ast.Subscript(value=owner_node, slice=key) as target:
            found = low.value(owner_node)
            if isinstance(found, Ref) and arrays.is_array(found):
                place = arrays.element(low, found, key, target)
                _update(low, node, place)
                memory.wrote(low, place)
            elif counters.is_counter(found):
                counters.augmented(low, found, key, node)
            else:
                key_value = low.value(key)
                place = maps.element(low, found, (key, key_value), target)
                _update(low, node, place, key_value)


def _update(
    low: Lowering, node: ast.AugAssign, place: memory.Place, key: TypedValue = NONE
) -> None:
    """`place op= value`, where computing the value must not take the place, or its key, away."""
    memory.check_writable(low, place.ref, node.target)
    type_ = memory.number_type(low, place, node.target)
    old = memory.load_number(low, place, type_)
    (new,) = mapkeys.held(low, key, [node.value])
    low.place(node)
    memory.check_usable(low, place.ref, node.target)
    memory.check_writable(low, place.ref, node.target)
    result = numbers.binary(low, node.op, old, new, node)
    memory.store_number(low, place, numbers.convert(low, result, type_, node), type_)
