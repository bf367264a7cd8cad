"""Expressions, in Python's order of evaluation.

In: an expression node. Out: its typed value, its effects emitted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import numbers
from probee.compiler.frontend.values import (
    NONE,
    Context,
    Method,
    NoneType,
    Num,
    Opt,
    OptNum,
    Ref,
    Several,
    Text,
    Thing,
    boolean,
    describe,
    literal,
)
from probee.lang.builtins import Current
from probee.lang.maps import Const, Global, MapDeclaration
from probee.spec.types import CharArray, Int, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue

_BUILTINS = {
    "range": range,
    "min": min,
    "max": max,
    "abs": abs,
    "bool": bool,
    "int": int,
    "len": len,
}


def value(low: Lowering, node: ast.expr) -> TypedValue:
    """Lowers `node`."""
    low.place(node)
    match node:
        case ast.Constant(value=constant):
            return _constant(low, constant, node)
        case ast.Name(id=name):
            return _name(low, name, node)
        case ast.Attribute():
            return _attribute(low, node)
        case ast.Subscript(value=owner, slice=key):
            from probee.compiler.frontend import maps

            return maps.subscript(low, low.value(owner), key, node)
        case ast.Call():
            from probee.compiler.frontend import calls

            return calls.call(low, node)
        case ast.BinOp(left=left, op=operator, right=right):
            a, b = low.number(left), low.number(right)
            low.place(node)
            return numbers.binary(low, operator, a, b, node)
        case ast.UnaryOp(op=ast.Not()) | ast.Compare():
            from probee.compiler.frontend import conditions

            return boolean(conditions.as_operand(low, node))
        case ast.UnaryOp(op=operator_, operand=operand):
            return numbers.unary(low, operator_, low.number(operand), node)
        case ast.BoolOp():
            return _choice_of_values(low, node)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _conditional(low, test, body, orelse, node)
        case ast.NamedExpr(target=ast.Name(id=name), value=inner):
            result = low.value(inner)
            low.assign(name, result, node)
            return low.read(name, node)
        case ast.Tuple(elts=items):
            return Several(tuple(low.value(item) for item in items))
        case _:
            raise low.not_yet(node, f"{type(node).__name__} here")


def _constant(low: Lowering, constant: object, node: ast.expr) -> TypedValue:
    match constant:
        case None:
            return NONE
        case bool():
            return boolean(int(constant))
        case int():
            number = literal(constant)
            numbers.check_literal(low, number, node)
            return number
        case str() | bytes():
            raw = (
                constant.encode("utf-8", "surrogateescape")
                if isinstance(constant, str)
                else constant
            )
            if b"\0" in raw:
                raise low.refuse(node, "text-nul", "text in the kernel ends at its first NUL byte")
            return Text(raw)
        case _:
            raise low.refuse(
                node,
                "no-float" if isinstance(constant, float) else "constant",
                f"{constant!r} has no form in the kernel",
                why="eBPF has integers and bytes" if isinstance(constant, float) else "",
            )


def _name(low: Lowering, name: str, node: ast.expr) -> TypedValue:
    frame = low.frame
    if name in frame.names:
        return low.read(name, node)
    if name in frame.scope:
        return known(low, frame.scope[name], name, node)
    if name in _BUILTINS:
        return Thing(_BUILTINS[name], name)
    raise low.refuse(
        node,
        "undefined-name",
        f"`{name}` is not defined where this function can see it",
        why="a kernel program sees its own locals and what its module had bound when it was compiled",
    )


def known(low: Lowering, obj: object, name: str, node: ast.AST) -> TypedValue:
    """A Python object that the program names, as a typed value."""
    if obj is None:
        return NONE
    if isinstance(obj, bool):
        return boolean(int(obj))
    if isinstance(obj, int):
        return literal(int(obj))
    if isinstance(obj, (str, bytes)):
        raw = obj.encode("utf-8", "surrogateescape") if isinstance(obj, str) else obj
        return Text(raw)
    if isinstance(obj, Const):
        return _const(low, obj, node)
    if isinstance(obj, float):
        raise low.refuse(node, "no-float", f"`{name}` is a float", why="eBPF has no floating point")
    return Thing(obj, name)


def _const(low: Lowering, const: Const[object], node: ast.AST) -> TypedValue:
    """A Const's value: folded, or read from .rodata where the Session sets it."""
    type_ = const.type  # type: ignore[attr-defined]
    if low.world.folded(const):
        if isinstance(type_, CharArray):
            return Text(const.value)  # type: ignore[attr-defined]
        return Num(type_, const.value)  # type: ignore[attr-defined]
    return _variable(low, const, node)


def _variable(low: Lowering, variable: Const[object] | Global[object], node: ast.AST) -> TypedValue:
    if not low.live:  # placed only where it is needed
        type_ = variable.type  # type: ignore[attr-defined]
        dead = low.function.new_value("ptr")
        return Ref(dead, 0, type_, "rodata") if isinstance(type_, CharArray) else Num(type_, dead)
    place = low.world.variable(variable)
    address = low.builder.emit("dataaddr", symbol=place.section, offset=place.offset)
    if isinstance(place.type, CharArray):
        origin = "rodata" if place.section == ".rodata" else "data"
        return Ref(address, 0, place.type, origin)
    assert isinstance(place.type, Int)
    return load(low, Ref(address, 0, StructType("", (), 0, 1), "data"), 0, place.type)


def load(low: Lowering, ref: Ref, offset: int, type_: Int) -> Num:
    """An integer field at `offset` bytes into `ref`."""
    op = low.builder.emit("load", ref.ptr, size=type_.size, offset=ref.offset + offset)
    if type_.signed and type_.size < 8:
        op = low.builder.emit("sext", op, size=type_.size)
    return Num(type_, op)


def _attribute(low: Lowering, node: ast.Attribute) -> TypedValue:
    from probee.compiler.frontend import context, memory

    owner = low.value(node.value)
    low.place(node)
    match owner:
        case Ref():
            return memory.read_field(low, owner, node)
        case Opt() | OptNum():
            raise maybe_none(low, node.value)
        case Context():
            return context.field(low, owner, node)
        case Thing(obj=Current()):
            return context.current(low, node)
        case Thing(obj=MapDeclaration()):
            return Method(owner, node.attr)
        case Thing(obj=Global() as variable):
            if node.attr != "value":
                raise low.refuse(node, "no-attribute", f"a Global has .value, and no .{node.attr}")
            return _variable(low, variable, node)
        case Thing(obj=obj, name=name) if f"{name}.{node.attr}" in low.frame.scope:
            dotted = f"{name}.{node.attr}"
            return known(low, low.frame.scope[dotted], dotted, node)
        case Thing(obj=type() as obj) if isinstance(getattr(obj, node.attr, None), int):
            return literal(int(getattr(obj, node.attr)))  # an enum's member
        case Text():
            return Method(owner, node.attr)
        case _:
            from probee.compiler.frontend.texts import is_text

            if is_text(owner):
                return Method(owner, node.attr)
            raise low.refuse(node, "no-attribute", f"{describe(owner)} has no .{node.attr} here")


def maybe_none(low: Lowering, node: ast.expr) -> Refusal:
    """The refusal of an optional that was not tested."""
    text = ast.unparse(node)
    return low.refuse(
        node,
        "maybe-none",
        f"`{text}` may be None here",
        why="it is None when the key is missing or the ring is full, and the verifier would reject the load",
        fix=f"return, or skip, `if {text} is None` first",
    )


def refuse_kind(
    low: Lowering, value_: TypedValue, wanted: str, node: ast.expr | ast.AST
) -> Refusal:
    """`value_` stands where `wanted` is needed."""
    if isinstance(value_, (Opt, OptNum)) and isinstance(node, ast.expr):
        return maybe_none(low, node)
    hint = "write u8 to u64 or s8 to s64" if isinstance(value_, Thing) else ""
    return low.refuse(node, "type", f"{describe(value_)} stands where {wanted} is needed", fix=hint)


def unify(low: Lowering, a: TypedValue, b: TypedValue, node: ast.AST) -> Int:
    """The type of a value that is `a` on one path and `b` on another: numbers only."""
    for value_ in (a, b):
        if isinstance(value_, (Opt, OptNum, NoneType)):
            raise low.refuse(
                node,
                "maybe-none",
                "one of these values may be None",
                fix="test it in an if statement first",
            )
        if not isinstance(value_, Num):
            raise low.not_yet(node, f"choosing between values that are {describe(value_)}")
    assert isinstance(a, Num) and isinstance(b, Num)
    if a.type == b.type and isinstance(a.type, Int):
        return numbers.S64 if a.literal else a.type
    return numbers.common(low, a, b, node)


def _conditional(
    low: Lowering, test: ast.expr, body: ast.expr, orelse: ast.expr, node: ast.expr
) -> Num:
    """`a if test else b`: both sides are lowered into blocks, then brought to one type."""
    yes, no, done = low.blocks(3)
    low.condition(test, yes, no)
    low.start(yes)
    a = low.value(body)
    a_end, a_flow = low.builder.at, low.flow
    low.start(no)
    b = low.value(orelse)
    type_ = unify(low, a, b, node)
    assert isinstance(a, Num) and isinstance(b, Num)
    out = low.temporary()
    low.builder.write(out, numbers.convert(low, b, type_, node).op)
    low.jump(done)
    low.builder.at, low.flow = a_end, a_flow
    low.builder.write(out, numbers.convert(low, a, type_, node).op)
    low.jump(done)
    low.start(done)
    return Num(type_, low.builder.read(out))


def _boolean_shaped(node: ast.expr) -> bool:
    """Whether `node` is True or False whatever its operands are."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp(values=values):
            return all(_boolean_shaped(v) for v in values)
        case _:
            return False


def _choice_of_values(low: Lowering, node: ast.BoolOp) -> Num:
    """`a and b`, `a or b` as values: the last operand looked at, as in Python."""
    if _boolean_shaped(node):
        from probee.compiler.frontend import conditions

        return boolean(conditions.as_operand(low, node))
    is_and = isinstance(node.op, ast.And)
    ends = []
    for operand in node.values[:-1]:
        leave, on = low.blocks(2)
        if _boolean_shaped(operand):
            num = boolean(0 if is_and else 1)
            low.condition(operand, on if is_and else leave, leave if is_and else on)
        else:
            num = low.number(operand)
            low.branch("ne", num.op, 0, on if is_and else leave, leave if is_and else on)
        low.start(leave)
        ends.append((low.builder.at, low.flow, num))
        low.start(on)
    num = low.number(node.values[-1])
    ends.append((low.builder.at, low.flow, num))
    type_: Int | None = None
    for _, _, end in ends:
        before = end if type_ is None else Num(type_, low.context)
        type_ = unify(low, before, end, node)
    assert type_ is not None
    (done,) = low.blocks(1)
    out = low.temporary()
    for at, flow, end in ends:
        low.builder.at, low.flow = at, flow
        low.builder.write(out, numbers.convert(low, end, type_, node).op)
        low.jump(done)
    low.start(done)
    return Num(type_, low.builder.read(out))
