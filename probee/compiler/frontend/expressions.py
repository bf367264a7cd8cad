"""Expressions, in Python's order of evaluation.

In: an expression node. Out: its typed value, its effects emitted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    arrays,
    calls,
    choices,
    conditions,
    context,
    hints,
    kernel,
    maps,
    memory,
    names,
    numbers,
    objects,
    printing,
    rawtext,
    replaced,
    variables,
)
from probee.compiler.frontend.values import (
    NONE,
    Context,
    Kern,
    KernItems,
    KernPointers,
    Keyed,
    Method,
    NoneType,
    Num,
    Opt,
    OptNum,
    OptText,
    Raw,
    Ref,
    Several,
    Text,
    Thing,
    boolean,
    describe,
    literal,
)
from probee.frozen import replace
from probee.lang.builtins import Current
from probee.lang.maps import MapDeclaration
from probee.lang.variables import Const, Global
from probee.spec.types import CharArray, Int, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.lang.variables import Variable


def value(low: Lowering, node: ast.expr) -> TypedValue:
    """Lowers `node`."""
    low.place(node)
    match node:
        case ast.Constant(value=constant_):
            return _constant(low, constant_, node)
        case ast.Name(id=name):
            return names.lookup(low, name, node)
        case ast.Attribute():
            return _attribute(low, node)
        case ast.Subscript(value=owner, slice=key):
            return _subscript(low, low.value(owner), key, node)
        case ast.Call():
            return calls.call(low, node)
        case ast.BinOp(left=left, op=operator, right=right):
            a, b = low.number(left), low.number(right)
            return numbers.binary(low, operator, a, b, node)
        case ast.UnaryOp(op=ast.Not()) | ast.Compare():
            return boolean(conditions.as_operand(low, node))
        case ast.UnaryOp(op=sign, operand=operand):
            return numbers.unary(low, sign, low.number(operand), node)
        case ast.BoolOp():
            return choices.either(low, node)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return choices.conditional(low, test, body, orelse, node)
        case ast.NamedExpr(target=target, value=inner):
            names.assign(low, target.id, low.value(inner), node)
            return names.read(low, target.id, node)
        case ast.JoinedStr():
            raise printing.outside(low, node)
        case ast.Tuple(elts=items):
            return Several(tuple(low.value(item) for item in items))
        case _:
            raise low.not_yet(node, f"{type(node).__name__} here")


def _constant(low: Lowering, constant_: object, node: ast.expr) -> TypedValue:
    match constant_:
        case None:
            return NONE
        case bool():
            return boolean(int(constant_))
        case int():
            number = literal(constant_)
            numbers.check_literal(low, number, node)
            return number
        case str() | bytes():
            return objects.text(low, constant_, node)
        case float() | complex():
            raise low.refuse(
                node,
                "no-float",
                f"{constant_!r} has no form in the kernel",
                why="the kernel has no floating point",
                fix="use whole numbers of a smaller unit",
            )
        case _:
            raise low.refuse(node, "constant", f"{constant_!r} has no form in the kernel")


def constant(low: Lowering, const: Const[object], node: ast.AST) -> TypedValue:
    """A Const's value: folded, or written into the code or .rodata when it is loaded."""
    type_ = const.identity()[1]
    if not low.world.folded(const):
        return variable(low, const, node)
    value_ = low.world.frozen[low.world.capture.name_of(const)]
    return Text(value_) if isinstance(value_, bytes) else Num(type_, value_)


def variable(low: Lowering, declaration: Variable[object], node: ast.AST) -> TypedValue:
    """The value of a Const or Global in its data section."""
    type_ = declaration.identity()[1]
    if not low.live:  # it is given a place only where it is needed
        nowhere = low.function.new_value("ptr")
        return Ref(nowhere, 0, type_, "rodata") if isinstance(type_, CharArray) else Num(type_, 0)
    spec = low.world.variable(declaration)
    if spec.section == ".code":
        signed = int(isinstance(spec.type, Int) and spec.type.signed)
        name = spec.name
        return Num(
            type_, low.builder.emit("const", size=spec.type.size, offset=signed, symbol=name)
        )
    place = variables.place(low, spec, node)
    if isinstance(spec.type, CharArray):
        origin = "rodata" if spec.section == ".rodata" else "data"
        text = replace(place.ref, offset=place.offset, type=spec.type, origin=origin)
        return replaced.refreshed(low, text)
    return memory.load_number(low, place, type_)


def _attribute(low: Lowering, node: ast.Attribute) -> TypedValue:
    owner = low.value(node.value)
    low.place(node)
    match owner:
        case Opt() | OptNum() | OptText():
            raise maybe_none(low, node.value)
        case NoneType() if not low.live:  # behind a test that says so
            raise low.not_yet(
                node,
                f"what `{ast.unparse(node.value)}` would be, were it not None in this call",
                fix="state a struct, as in `p: Point | None`; for text, write another function",
            )
        case Context():
            return context.field(low, owner, node)
        case Thing(obj=Current()):
            return context.current(low, owner, node)
        case Thing(obj=MapDeclaration()) | Keyed():
            return Method(owner, node.attr)
        case Thing(obj=Global() as declaration):
            if node.attr != "value":
                raise low.refuse(
                    node,
                    "no-attribute",
                    f"a Global has no .{node.attr}",
                    fix="read and write its .value",
                )
            return variable(low, declaration, node)
        case Thing(name=name) if f"{name}.{node.attr}" in low.frame.scope:
            dotted = f"{name}.{node.attr}"
            return objects.known(low, low.frame.scope[dotted], dotted, node)
        case Ref(type=StructType()):
            return memory.read_field(low, owner, node)
        case Kern():
            return kernel.read(low, owner, node)
        case _ if rawtext.compared(owner):
            found = None if isinstance(owner, Raw) else rawtext.attribute(low, owner, node)
            return found or Method(owner, node.attr)
        case _:
            raise low.refuse(
                node,
                "no-attribute",
                f"{describe(owner)} has no .{node.attr} here",
                why="in a kernel program, records, the context, maps and modules have attributes",
                fix=hints.without_value(owner, node.attr),
            )


def _subscript(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> TypedValue:
    if isinstance(owner, Ref) and arrays.is_array(owner):
        return arrays.subscript(low, owner, key, node)
    if isinstance(owner, (KernPointers, KernItems)):
        return kernel.element(low, owner, key, node)
    if rawtext.compared(owner):
        return rawtext.subscript(low, owner, key, node)
    return maps.subscript(low, owner, key, node)


def maybe_none(low: Lowering, node: ast.expr) -> Refusal:
    """The refusal of an optional that was not tested."""
    text = ast.unparse(node)
    if isinstance(node, ast.Name):
        low.frame.poisoned.add(node.id)  # one check is missing, however often it is used
    return low.refuse(
        node,
        "maybe-none",
        f"`{text}` may be None here",
        why="it is None when the key is missing, the queue empty or the ring full, and the verifier"
        " would reject the load",
        fix=f"return, or skip, `if {text} is None` first"
        if isinstance(node, ast.Name)
        else f"give it a name and test that: `if (found := {text}) is not None:`",
    )


def refuse_kind(low: Lowering, found: TypedValue, wanted: str, node: ast.AST) -> Refusal:
    """`found` stands where `wanted` is needed."""
    if isinstance(found, (Opt, OptNum, OptText)) and isinstance(node, ast.expr):
        return maybe_none(low, node)
    message = f"{describe(found)} stands where {wanted} is needed"
    return low.refuse(node, "type", message, fix=hints.instead_of(found))
