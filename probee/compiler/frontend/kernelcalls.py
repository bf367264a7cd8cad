"""`cast`, `container_of`, `has_field`, `has_type`; pointers into the kernel compared.

In: calls, and pairs of values. Out: pointers and numbers. What a kernel has is known when the
program is loaded: the number is written into the code then, and the verifier drops the branches
that it rules out, so that what stands there may be read of no other kernel.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, kernel
from probee.compiler.frontend.values import U64, Kern, Num, Text, Thing, boolean, describe
from probee.errors import UsageError
from probee.frozen import replace
from probee.lang.kernel import KernelMeta, kernel_name, member_type
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand

FORMS = {
    "cast": "cast(T, pointer)",
    "container_of": 'container_of(pointer, T, "member")',
    "has_field": 'has_field(T, "member")',
    "has_type": "has_type(T)",
}
CALLS = tuple(FORMS)


def call(low: Lowering, name: str, node: ast.Call) -> TypedValue:
    """A call of one of them."""
    form = FORMS[name]
    if node.keywords or len(node.args) != form.count(",") + 1:
        raise low.refuse(node, "arguments", f"the form is {form}")
    match name:
        case "cast":
            return _cast(low, node)
        case "container_of":
            return _container(low, node)
        case "has_field":
            cls = _struct(low, node.args[0])
            path = _path(low, node.args[1])
            wants = _wanted(low, cls, path, node.args[1])
            symbol = kernel.access(low, "field_exists", cls, path, wants)
        case _:
            symbol = kernel.access(low, "type_exists", _struct(low, node.args[0]), (), "")
    low.place(node)
    return boolean(low.builder.emit("core", size=4, symbol=symbol))


def _cast(low: Lowering, node: ast.Call) -> Kern:
    cls = _struct(low, node.args[0])
    value = low.value(node.args[1])
    low.place(node)
    match value:
        case Kern(root=root, path=()) if kernel_name(root) == kernel_name(cls):
            return replace(value, cls=cls, root=cls)
        case Kern():
            return Kern(cls, kernel.unknown(low, value).op, cls)
        case Num(type=Pointer(space="user")):
            raise low.refuse(
                node.args[1],
                "type",
                "this points into the memory of the traced process, where no kernel's struct is",
                why="it would be read as an address in the kernel, and nothing be found there",
                fix="read a Struct of your own: probe_read_user(mine, sizeof(Mine), pointer)",
            )
        case Num(type=Int(size=8) | Pointer()):
            return Kern(cls, low.builder.emit("same", value.op, result="ptr"), cls)
        case _:
            raise expressions.refuse_kind(low, value, "an address", node.args[1])


def _container(low: Lowering, node: ast.Call) -> Kern:
    value = low.value(node.args[0])
    if not isinstance(value, Kern):
        raise expressions.refuse_kind(low, value, "a pointer into the kernel", node.args[0])
    cls = _struct(low, node.args[1])
    path = _path(low, node.args[2])
    wants = _wanted(low, cls, path, node.args[2])
    if wants != kernel.wanted(value.cls):
        raise low.refuse(
            node.args[2],
            "type",
            f"{'.'.join(path)} of {cls.__name__} is not {describe(value)}",
            why="the pointer points to that member, so it is of the member's type",
            fix="name the member that it points to",
        )
    low.place(node)
    inside = kernel.unknown(low, value).op
    symbol = kernel.access(low, "byte_off", cls, path, wants)
    offset = low.builder.emit("core", size=4, symbol=symbol)
    return Kern(cls, low.builder.emit("sub", inside, offset, result="ptr", size=8), cls)


def _struct(low: Lowering, node: ast.expr) -> KernelMeta:
    value = low.value(node)
    if isinstance(value, Thing) and isinstance(value.obj, KernelMeta):
        return value.obj
    raise expressions.refuse_kind(low, value, "a KernelStruct", node)


def _path(low: Lowering, node: ast.expr) -> tuple[str, ...]:
    value = low.value(node)
    if not isinstance(value, Text):
        raise expressions.refuse_kind(low, value, "the name of a member, as text", node)
    return tuple(value.raw.decode().split("."))


def _wanted(low: Lowering, cls: KernelMeta, path: tuple[str, ...], node: ast.expr) -> str:
    """What the member at the end of a path is declared to be."""
    inner: KernelMeta | None = cls
    wants = ""
    for name in path:
        try:
            found = None if inner is None else member_type(inner, name)
        except UsageError as error:
            raise low.refuse(node, "annotation", error.message, why="its class says so") from None
        if found is None:
            raise _no_member(low, cls, path, node)
        inner = found if isinstance(found, KernelMeta) else None
        wants = kernel.wanted(found)
    return wants


def _no_member(low: Lowering, cls: KernelMeta, path: tuple[str, ...], node: ast.expr) -> Refusal:
    return low.refuse(
        node,
        "no-attribute",
        f"{cls.__name__} declares no member {'.'.join(path)!r}",
        why="it is asked for in the type that it is declared with, within the struct itself",
        fix="declare it in the class, or in that of the struct inside",
    )


def compared(
    low: Lowering,
    operator: ast.cmpop,
    a: tuple[ast.expr, TypedValue],
    b: tuple[ast.expr, TypedValue],
) -> bool:
    """Whether two values are compared as addresses. Refuses pointers to different structs."""
    (_, left), (node, right) = (a, b) if isinstance(a[1], Kern) else (b, a)
    if not isinstance(left, Kern) or not isinstance(operator, (ast.Eq, ast.NotEq)):
        return False
    if isinstance(right, Num):
        return isinstance(right.type, Pointer) or right.type == U64 or right.op == 0
    if not isinstance(right, Kern):
        return False
    if kernel_name(left.cls) != kernel_name(right.cls):
        raise low.refuse(
            node,
            "type",
            f"{describe(left)} is compared with {describe(right)}",
            why="pointers to different structs are equal by accident only",
            fix="cast one of them",
        )
    return True


def address(low: Lowering, value: TypedValue) -> Operand:
    """What is compared of a pointer, or of a number beside it."""
    if isinstance(value, Num):
        return value.op
    assert isinstance(value, Kern)
    return kernel.unknown(low, value).op
