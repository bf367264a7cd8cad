"""Records that are copied into a ring: `ring.output(record, size)`, and `offsetof`.

In: a record in memory, and how many of its bytes are to be sent. Out: the call. User space reads a
shorter record as if zeroes followed, so a size may leave out no more than the last field, text or
an array; another one stops the program with a ValueError. Without a size a record is sent up to
the end of its last text, where that is known: what stands behind it means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import lengths, mapkeys, tables
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import Ref, Text, Thing, boolean, describe, literal
from probee.errors import UsageError
from probee.lang.types import Struct, offsetof
from probee.spec.types import CharArray, StructType, last_field, least_record

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import Num, TypedValue
    from probee.compiler.ir.ops import Operand
    from probee.lang.maps import RingBuf


def output(low: Lowering, ring: RingBuf[Struct], call: ast.Call) -> TypedValue:
    """`ring.output(record)`, `ring.output(record, size)`: whether there was room."""
    if not 1 <= len(call.args) <= 2:
        raise low.refuse(call, "arguments", "the form is ring.output(record, size)")
    value = low.value(call.args[0])
    layout = ring.value
    assert isinstance(layout, StructType)
    name = low.world.capture.name_of(ring)
    said = low.number(call.args[1]) if len(call.args) > 1 else None
    source = mapkeys.in_memory(low, value, layout, "value", call.args[0])
    assert isinstance(value, Ref)
    low.place(call)
    size = _used(low, value, layout) if said is None else _size(low, said, layout, call.args[1])
    ring_address = tables.map_address(low, name)
    result = low.builder.emit(
        "call", ring_address, source, size, 0, result="int", symbol="ringbuf_output"
    )
    tables.count_unless_zero(low, result, "ring_full", name)
    return boolean(low.builder.emit("cmp", result, 0, symbol="eq", size=8))


def _used(low: Lowering, record: Ref, layout: StructType) -> Operand:
    """The record's length up to the end of its last text, if that is known."""
    offset, last = last_field(layout)
    if not isinstance(last, CharArray):
        return layout.size
    count = lengths.known(low, record, record.offset + offset, last.size)
    if count is None:
        return layout.size
    return low.builder.emit("add", count, offset, size=8)


def _size(low: Lowering, said: Num, layout: StructType, node: ast.expr) -> Operand:
    """The length that the program says; one that is too short or too long traps."""
    least, most = least_record(layout), layout.size
    bottom, top = said.bounds
    if least == most and not (bottom == top == most):
        raise low.refuse(
            node,
            "record-size",
            f"a record of {layout.name} has one length, {most} bytes",
            why="only a last field that is text or an array can be sent in part",
            fix="leave the size out, or put the text last",
        )
    if top < least or bottom > most:
        raise low.refuse(
            node,
            "record-size",
            f"no record of {layout.name} has this length: it takes {least} to {most} bytes",
            why="what stands before the last field is always sent, and no more than there is",
            fix="add what is used of the last field to its place: offsetof(T, 'path') + n",
        )
    if bottom < least:
        trap_if(low, "slt", said.op, least, "ValueError", node)
    if top > most:
        trap_if(low, "ugt", said.op, most, "ValueError", node)
    return said.op


def offset_of(low: Lowering, call: ast.Call) -> Num:
    """`offsetof(T, "path")`: a literal."""
    if len(call.args) != 2 or call.keywords:
        raise low.refuse(call, "arguments", 'the form is offsetof(T, "field")')
    struct, field = (low.value(argument) for argument in call.args)
    cls = struct.obj if isinstance(struct, Thing) else None
    if not isinstance(cls, type) or not issubclass(cls, Struct):
        raise low.refuse(
            call.args[0],
            "type",
            f"{describe(struct)} has no fields",
            why="offsetof takes a Struct and the name of a field",
        )
    if not isinstance(field, Text):
        raise low.refuse(
            call.args[1],
            "type",
            f"{describe(field)} stands where a field's name is needed",
            fix='write it out: offsetof(T, "path")',
        )
    try:
        return literal(offsetof(cls, field.raw.decode("utf-8", "replace")))
    except UsageError as error:
        fields = ", ".join(f.name for f in cls.layout_.fields)
        raise low.refuse(
            call.args[1], "no-attribute", str(error), fix=f"its fields: {fields}"
        ) from None
