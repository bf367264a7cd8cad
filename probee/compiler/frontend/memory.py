"""Structs and buffers in memory: fields, construction, copies, text stored into fields.

In: references and values. Out: loads, stores, `zero` and `copy` operations. A struct starts as
zeroes and is then written field by field; the pass that drops dead stores removes the zeroing of
what is overwritten.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import numbers
from probee.compiler.frontend.values import (
    Comm,
    Num,
    Opt,
    OptNum,
    ReadStr,
    Ref,
    Text,
    Thing,
    describe,
)
from probee.compiler.ir.ops import Value
from probee.frozen import Frozen, replace
from probee.lang.maps import Global
from probee.spec.types import CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.spec.types import ValueType


class Place(Frozen):
    """A value of `type` at `offset` bytes into the object `ref` (its own offset included)."""

    ref: Ref
    offset: int
    type: ValueType


def field_place(low: Lowering, owner: TypedValue, node: ast.Attribute) -> Place:
    """Where `owner.attr` stands."""
    from probee.compiler.frontend.expressions import maybe_none

    if isinstance(owner, (Opt, OptNum)):
        raise maybe_none(low, node.value)
    if isinstance(owner, Thing) and isinstance(owner.obj, Global) and node.attr == "value":
        variable = low.world.variable(owner.obj)
        address = low.builder.emit("dataaddr", symbol=variable.section, offset=variable.offset)
        ref = Ref(address, 0, StructType("", (), 0, 8), "data")
        return Place(ref, 0, variable.type)
    if not isinstance(owner, Ref) or not isinstance(owner.type, StructType):
        raise low.refuse(node, "no-attribute", f"{describe(owner)} has no .{node.attr} to write")
    check_usable(low, owner, node)
    field = owner.type.field(node.attr)
    if field is None:
        names = ", ".join(f.name for f in owner.type.fields)
        raise low.refuse(
            node,
            "no-attribute",
            f"{owner.type.name} has no field {node.attr!r}",
            fix=f"its fields: {names}",
        )
    return Place(owner, owner.offset + field.offset, field.type)


def check_usable(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """A ring record may be used between its reserve and its submit."""
    if not ref.origin.startswith("ring:"):
        return
    state = low.flow.record(ref.site)
    if state != "live":
        on_some = " on some path" if state == "mixed" else ""
        raise low.refuse(
            node,
            "use-after-submit",
            f"the record was submitted or discarded before this{on_some}",
            why="the kernel has taken its memory back",
            fix="read what is needed before the record is submitted",
        )


def read_field(low: Lowering, owner: Ref, node: ast.Attribute) -> TypedValue:
    """`owner.attr` as a value."""
    from probee.compiler.frontend.values import Method

    if isinstance(owner.type, CharArray) or node.attr in ("submit", "discard"):
        return Method(owner, node.attr)
    place = field_place(low, owner, node)
    if isinstance(place.type, (Int, Pointer)):
        return load_number(low, place, node)
    assert isinstance(place.type, (StructType, CharArray))
    return replace(owner, offset=place.offset, type=place.type)


def load_number(low: Lowering, place: Place, node: ast.AST) -> Num:
    if not isinstance(place.type, (Int, Pointer)):
        raise low.refuse(node, "type", "an integer is needed here")
    op = low.builder.emit("load", place.ref.ptr, size=place.type.size, offset=place.offset)
    if isinstance(place.type, Int) and place.type.signed and place.type.size < 8:
        op = low.builder.emit("sext", op, size=place.type.size)
    return Num(place.type, op)


def store_number(low: Lowering, place: Place, value: Num, node: ast.AST) -> None:
    if not isinstance(place.type, (Int, Pointer)):
        raise low.refuse(node, "type", "an integer cannot be stored here")
    number = numbers.convert(low, value, place.type, node)
    low.builder.emit("store", place.ref.ptr, number.op, size=place.type.size, offset=place.offset)


def check_writable(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """Refuses writes to what is read-only, and to what was copied elsewhere before."""
    if ref.origin in ("ctx", "rodata"):
        raise low.refuse(node, "read-only", "this memory cannot be written")
    if ref.site:
        low.rely("stored", ref.site, node)
        if ref.site in low.flow.stored:
            raise changed_after_store(low, node)


def changed_after_store(low: Lowering, node: ast.AST):  # type: ignore[no-untyped-def]
    return low.refuse(
        node,
        "changed-after-store",
        "this struct was stored into a map or field before, and is changed here",
        why="in Python both names would mean one object; the kernel copied it",
        fix="change it before it is stored, or look the stored one up and change that",
    )


def write_field(
    low: Lowering, owner: TypedValue, target: ast.Attribute, value: TypedValue, node: ast.expr
) -> None:
    """`owner.attr = value`."""
    place = field_place(low, owner, target)
    check_writable(low, place.ref, target)
    put(low, place, value, node)


def put(low: Lowering, place: Place, value: TypedValue, node: ast.expr) -> None:
    """Stores `value` at `place`, whatever their kinds."""
    from probee.compiler.frontend import texts
    from probee.compiler.frontend.expressions import refuse_kind

    match place.type:
        case Int() | Pointer():
            store_number(low, place, low.as_number(value, node), node)
        case CharArray():
            texts.put(low, place, value, node)
        case StructType():
            if not isinstance(value, Ref) or value.type != place.type:
                raise refuse_kind(low, value, f"a {place.type.name}", node)
            check_usable(low, value, node)
            copy(low, place.ref.ptr, place.offset, value)
            mark_stored(low, value)
        case _:
            raise low.not_yet(node, "arrays in structs")


def copy(low: Lowering, destination: Value, offset: int, source: Ref) -> None:
    """Copies all of `source` to `destination` + `offset`."""
    align = source.type.align
    low.builder.emit(
        "copy",
        destination,
        source.ptr,
        size=source.type.size,
        offset=offset,
        offset2=source.offset,
        align=align,
    )


def mark_stored(low: Lowering, ref: Ref) -> None:
    """From here on `ref`'s object must not change: it has been copied."""
    if ref.site:
        low.flow = replace(low.flow, stored=low.flow.stored | {ref.site})


def construct(low: Lowering, cls: type, call: ast.Call) -> Ref:
    """`T(a, field=b)`: zeroes on the stack, then the fields given, in the order they are written."""
    layout: StructType = cls.layout_  # type: ignore[attr-defined]
    given: list[tuple[str, ast.expr, TypedValue]] = []
    names = [field.name for field in layout.fields]
    if len(call.args) > len(names):
        raise low.refuse(call, "arguments", f"{layout.name} has {len(names)} fields")
    pairs = [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    for name, expression in pairs:
        if name is None or name not in names or name in [n for n, _, _ in given]:
            raise low.refuse(expression, "arguments", f"{layout.name} takes each of {names} once")
        given.append((name, expression, low.value(expression)))
    low.place(call)
    pointer = low.builder.slot(f"{layout.name.lower()}{low.site()}", layout.size)
    low.builder.emit("zero", pointer, size=layout.size, align=8)
    ref = Ref(pointer, 0, layout, "stack", low.site())
    for name, expression, value in given:
        field = layout.field(name)
        assert field is not None
        put(low, Place(ref, field.offset, field.type), value, expression)
    return ref


def address(low: Lowering, ref: Ref) -> Value:
    """The address of `ref` as one value."""
    if not ref.offset:
        return ref.ptr
    return low.builder.emit("add", ref.ptr, ref.offset, result="ptr", size=8)


__all__ = [
    "Comm",
    "Place",
    "ReadStr",
    "Text",
    "address",
    "check_usable",
    "check_writable",
    "construct",
    "copy",
    "field_place",
    "load_number",
    "mark_stored",
    "put",
    "read_field",
    "store_number",
    "write_field",
]
