"""Structs and buffers in memory: fields, construction, copies.

In: references and values. Out: loads, stores, `zero` and `copy` operations. A struct starts as
zeroes and is then written field by field; the pass that drops dead stores removes the zeroing of
what is overwritten.

Python has one object where the kernel has copies, so a reference is refused where the two would
tell: a record after it was submitted, an entry of a map that was changed since (`Ref.born` tells
for what is in no local yet), an object that is changed after it was copied into another, and one
that is read after its copy was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    expressions,
    hints,
    kernel,
    lengths,
    names,
    numbers,
    replaced,
    texts,
    twins,
    variables,
)
from probee.compiler.frontend.values import (
    Comm,
    Kern,
    Method,
    Num,
    Opt,
    OptNum,
    OptText,
    Ref,
    Text,
    Thing,
    describe,
    with_article,
)
from probee.frozen import Frozen, replace
from probee.lang.variables import Global
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal, Source
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Value
    from probee.lang.types import StructMeta
    from probee.spec.types import ValueType


HELD = "key"  # where an object is while it is the key of a statement that is not done


class Place(Frozen):
    """A value of `type` at `offset` bytes from the address `ref.ptr`, inside the object `ref`."""

    ref: Ref
    offset: int
    type: ValueType


def bare(pointer: Value, origin: str = "data", site: str = "", born: int = 0) -> Ref:
    """What stands at an address, as the owner of a `Place` whose type says the rest."""
    return Ref(pointer, 0, StructType("", (), 0, 8), origin, site, born)


# -------------------------------------------------------------------- what may be used, and how


def check_usable(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """Refuses an object whose memory is another's by now, or whose copy has gone its own way."""
    check_current(low, ref, node)
    if ref.origin.startswith("ring:"):
        state = low.flow.record(ref.site)
        if state != "live":
            where = " on some path" if state == "mixed" else ""
            raise low.refuse(
                node,
                "use-after-submit",
                f"the record was submitted or discarded before this{where}",
                why="the kernel has taken its memory back",
                fix="read what is needed before the record is submitted",
            )
    if ref.site:
        low.rely("diverged", ref.site, node)
        if ref.site in low.flow.diverged:
            raise diverged(low.frame.source, node)


def check_current(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """Refuses a reference into a map that was changed since, or to what was replaced since."""
    replaced.check(low, ref, node)
    if ref.origin.startswith("map:") and ref.born != low.changes.get(ref.origin, 0):
        raise names.stale(low.frame.source, node)


def check_writable(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """Refuses writes to what is read-only, and to what was copied elsewhere before."""
    if ref.origin in ("ctx", "rodata"):
        raise low.refuse(
            node,
            "read-only",
            "this memory cannot be written",
            why="the context and constants are only read",
            fix="copy it into a record of your own",
        )
    if ref.site:
        low.rely("stored", ref.site, node)
        if (ref.site, HELD) in low.flow.copies:
            raise _key_changed(low, node)
        if ref.site in low.flow.stored:
            raise changed_after_store(low.frame.source, node)


def wrote(low: Lowering, place: Place) -> None:
    """`place` was changed: what its object is a copy of is another thing now."""
    ref = place.ref
    lengths.forget(low, ref, place.offset, place.type.size)
    if ref.site:
        twins.changed(low, ref)
        apart = twins.siblings(low, ref)
        low.flow = low.flow.written(ref.site)
        low.flow = replace(low.flow, diverged=low.flow.diverged | apart)


def mark_stored(low: Lowering, ref: Ref, place: str) -> None:
    """`ref`'s object was copied to `place`, and must not change from here on."""
    if ref.site:
        twins.stored(low, ref, place)
        low.flow = low.flow.copied(ref.site, place)


def mark_copied_out(low: Lowering, place: str, site: str, *, leaves: bool = True) -> None:
    """The object `site` comes out of `place`: in Python it is one that was stored there.

    `leaves`: it is not there any more.
    """
    if leaves:
        low.taken[site] = place
    for stored, where in low.flow.copies:
        if where == place:
            low.flow = low.flow.copied(stored, site)


def _key_changed(low: Lowering, node: ast.AST) -> Refusal:
    return low.refuse(
        node,
        "changed-after-store",
        "this struct is the key of what is being written, and is changed on the way",
        why="Python would look it up before and behind the change; the kernel looks it up once",
        fix="compute what is to be written in a statement before",
    )


def changed_after_store(source: Source, node: ast.AST) -> Refusal:
    """An object is changed after it was copied."""
    return source.refuse(
        node,
        "changed-after-store",
        "this struct was stored into a map or field before, and is changed here",
        why="in Python both names would mean one object; the kernel copied it",
        fix="change it before it is stored, or look the stored one up and change that",
    )


def diverged(source: Source, node: ast.AST) -> Refusal:
    """An object is read after its copy was changed."""
    return source.refuse(
        node,
        "changed-after-store",
        "this struct was stored into a map or field, and what is there was changed since",
        why="in Python both would be one object; the kernel copied it, and this one is as it was",
        fix="read the stored one",
    )


# ----------------------------------------------------------------------------------------- fields


def field_place(low: Lowering, owner: TypedValue, node: ast.Attribute) -> Place:
    """Where `owner.attr` stands."""
    if isinstance(owner, (Opt, OptNum, OptText)):
        raise expressions.maybe_none(low, node.value)
    if isinstance(owner, Thing) and isinstance(owner.obj, Global) and node.attr == "value":
        return variables.place(low, low.world.variable(owner.obj), node)
    if isinstance(owner, Kern):
        raise kernel.not_written(low, owner, node)
    if not isinstance(owner, Ref) or not isinstance(owner.type, StructType):
        raise low.refuse(
            node,
            "no-attribute",
            f"{describe(owner)} has no .{node.attr} to write",
            why="fields of records, and the .value of a Global, can be written",
            fix=hints.without_value(owner, node.attr),
        )
    check_usable(low, owner, node)
    field = owner.type.field(node.attr)
    if field is None:
        fields = ", ".join(f.name for f in owner.type.fields)
        raise low.refuse(
            node,
            "no-attribute",
            f"{owner.type.name} has no field {node.attr!r}",
            fix=f"its fields: {fields}",
        )
    return Place(owner, owner.offset + field.offset, field.type)


def read_field(low: Lowering, owner: Ref, node: ast.Attribute) -> TypedValue:
    """`owner.attr` as a value."""
    if node.attr in ("submit", "discard"):
        return Method(owner, node.attr)
    return load(low, field_place(low, owner, node))


def write_field(
    low: Lowering, owner: TypedValue, target: ast.Attribute, value: TypedValue, node: ast.expr
) -> None:
    """`owner.attr = value`."""
    write(low, field_place(low, owner, target), value, target, node)


def write(low: Lowering, place: Place, value: TypedValue, target: ast.expr, node: ast.expr) -> None:
    """`place = value`, where the target stands for a part of an object."""
    check_writable(low, place.ref, target)
    wrote(low, place)
    put(low, place, value, node)
    if not isinstance(place.type, (Int, Pointer)):
        replaced.overwrote(low, replace(place.ref, offset=place.offset, type=place.type))


def load(low: Lowering, place: Place) -> TypedValue:
    """What stands at `place`: a number is read at once, anything else referred to."""
    if isinstance(place.type, (Int, Pointer)):
        return load_number(low, place, place.type)
    return replaced.refreshed(low, replace(place.ref, offset=place.offset, type=place.type))


def load_number(low: Lowering, place: Place, type_: Int | Pointer) -> Num:
    """The integer or pointer of `type_` at `place`."""
    op = low.builder.emit("load", place.ref.ptr, size=type_.size, offset=place.offset)
    if isinstance(type_, Int) and type_.signed and type_.size < 8:
        op = low.builder.emit("sext", op, size=type_.size)
    return Num(type_, op)


def named(type_: StructType | ArrayOf) -> str:
    """A type in the user's words."""
    if isinstance(type_, StructType):
        return with_article(type_.name)
    return f"an array of {type_.count} of the same type"


def number_type(low: Lowering, place: Place, node: ast.AST) -> Int | Pointer:
    """The type of a place that must hold a number."""
    if isinstance(place.type, (Int, Pointer)):
        return place.type
    raise low.refuse(node, "type", "an integer is needed here")


def put(low: Lowering, place: Place, value: TypedValue, node: ast.expr) -> None:
    """Stores `value` at `place`, whatever their kinds."""
    match place.type:
        case Int() | Pointer() as type_:
            number = numbers.convert(low, low.as_number(value, node), type_, node)
            store_number(low, place, number, type_)
        case CharArray():
            texts.put(low, place, value, node)
        case StructType() | ArrayOf():
            if not isinstance(value, Ref) or value.type != place.type:
                raise expressions.refuse_kind(low, value, named(place.type), node)
            check_usable(low, value, node)
            low.clean.discard(place.ref.site)
            copy(low, place, value)
            mark_stored(low, value, place.ref.site)


def store_number(low: Lowering, place: Place, number: Num, type_: Int | Pointer) -> None:
    """Writes a number that is already of the place's type."""
    low.builder.emit("store", place.ref.ptr, number.op, size=type_.size, offset=place.offset)


def copy(low: Lowering, place: Place, source: Ref) -> None:
    """Copies all of `source` to `place`, by the widest accesses that both allow."""
    size = source.type.size
    ends = (place.ref.align, source.align, place.offset, source.offset)
    low.builder.emit(
        "copy",
        place.ref.ptr,
        source.ptr,
        size=size,
        offset=place.offset,
        offset2=source.offset,
        align=min(end & -end or 8 for end in ends),
    )


def construct(low: Lowering, cls: StructMeta, call: ast.Call) -> Ref:
    """`T(a, field=b)`: zeroes on the stack, then the fields given, in their written order."""
    layout = cls.layout_
    given: dict[str, tuple[ast.expr, TypedValue]] = {}
    fields = [field.name for field in layout.fields]
    if len(call.args) > len(fields):
        raise low.refuse(call, "arguments", f"{layout.name} has {len(fields)} fields")
    pairs = [*zip(fields, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    places = [*call.args, *call.keywords]
    for (name, expression), place in zip(pairs, places, strict=True):
        if name is None or name not in fields or name in given:
            what = "twice the field" if name in given else "no field"
            raise low.refuse(
                place,
                "arguments",
                f"{layout.name} has {what} {name!r} here" if name else "** is not resolved here",
                fix=f"its fields: {', '.join(fields)}, each once",
            )
        given[name] = (expression, low.value(expression))
    low.place(call)
    site = low.site()
    pointer = low.object_slot(layout.name.lower(), layout.size, site)
    low.builder.emit("zero", pointer, size=layout.size, align=8)
    ref = Ref(pointer, 0, layout, "stack", site)
    for name, (expression, value) in given.items():
        field = layout.field(name)
        assert field is not None
        put(low, Place(ref, field.offset, field.type), value, expression)
    if all(isinstance(value, (Num, Text, Comm)) for _, value in given.values()):
        low.clean.add(site)
    return ref


def alike(a: Ref, b: Ref) -> bool:
    """Whether one may stand for the other but for the address of the object around it.

    The offset counts: that address is a multiple of 8, so what the offset is a multiple of tells
    how wide an access may be.
    """
    shape = ("type", "origin", "site", "offset", "align", "moved")
    return all(getattr(a, part) == getattr(b, part) for part in shape)


def address_of(low: Lowering, place: Place) -> Value:
    """The address of a place as one value."""
    return address(low, replace(place.ref, offset=place.offset))


def address(low: Lowering, ref: Ref) -> Value:
    """The address of `ref` as one value."""
    if not ref.offset:
        return ref.ptr
    return low.builder.emit("add", ref.ptr, ref.offset, result="ptr", size=8)
