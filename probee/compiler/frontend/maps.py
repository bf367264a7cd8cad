"""Maps: lookups, stores, deletion, ring buffers, in the words of a dict.

In: a map declaration, keys and values. Out: helper calls. A key or value that has no address gets
one on the stack. Updates that the kernel refuses are counted a map; a missing key of `m[k]` and
`del m[k]`, and an index out of range, trap. A change of a map makes references into it stale.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, numbers
from probee.compiler.frontend.traps import bump, trap, trap_if
from probee.compiler.frontend.values import (
    NONE,
    Num,
    Opt,
    OptNum,
    Ref,
    Thing,
    TypedValue,
    describe,
)
from probee.compiler.ir.ops import Operand, Value
from probee.frozen import replace
from probee.lang.maps import Array, Hash, LruHash, MapDeclaration, RingBuf
from probee.lang.types import u32
from probee.spec.types import CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Block
    from probee.spec.types import ValueType

BPF_ANY, BPF_NOEXIST = 0, 1


def declaration(low: Lowering, owner: TypedValue, node: ast.AST) -> MapDeclaration:
    if isinstance(owner, Thing) and isinstance(owner.obj, MapDeclaration):
        return owner.obj
    raise low.refuse(node, "type", f"{describe(owner)} is not a map")


def _keyed(low: Lowering, owner: TypedValue, node: ast.AST) -> MapDeclaration:
    table = declaration(low, owner, node)
    if isinstance(table, RingBuf):
        raise low.refuse(
            node, "map-operation", "a ring buffer has no keys", fix="use reserve() or output()"
        )
    return table


def map_address(low: Lowering, table: MapDeclaration) -> Value:
    return low.builder.emit("mapaddr", symbol=low.world.capture.name_of(table))


def in_memory(
    low: Lowering, value: TypedValue, type_: ValueType, use: str, node: ast.expr
) -> Value:
    """The address of `value` as a key or value of `type_`."""
    if isinstance(type_, (Int, Pointer)):
        number = numbers.convert(low, low.as_number(value, node), type_, node)
        pointer = low.scratch_slot(use, type_.size)
        low.builder.emit("store", pointer, number.op, size=type_.size)
        return pointer
    if isinstance(value, Ref) and value.type == type_ and value.origin != "ctx":
        memory.check_usable(low, value, node)
        return memory.address(low, value)
    if isinstance(type_, CharArray):
        raise low.not_yet(node, "text as a key or value", fix="put it into a Struct")
    from probee.compiler.frontend.expressions import refuse_kind

    wanted = f"a {type_.name}" if isinstance(type_, StructType) else "another type"
    raise refuse_kind(low, value, wanted, node)


def key_address(low: Lowering, table: MapDeclaration, key: TypedValue, node: ast.expr) -> Value:
    """The key's address; an index outside the array traps before it could be wrapped."""
    assert table.key is not None
    if isinstance(table, Array):
        index = low.as_number(key, node)
        bottom, top = index.bounds
        if top < 0 or bottom >= table.max_entries:
            raise low.refuse(
                node,
                "index-range",
                f"the index is outside the {table.max_entries} entries",
                why="Python would raise IndexError",
            )
        if bottom < 0 or top >= table.max_entries:
            trap_if(low, "uge", index.op, table.max_entries, "IndexError", node)
        return in_memory(low, Num(u32, index.op, 0, table.max_entries - 1), u32, "key", node)  # type: ignore[arg-type]
    return in_memory(low, key, table.key, "key", node)


def lookup(low: Lowering, table: MapDeclaration, key: TypedValue, node: ast.expr) -> Value:
    """The address of the value, 0 where the key is missing."""
    pointer = key_address(low, table, key, node)
    low.place(node)
    return low.builder.emit(
        "call", map_address(low, table), pointer, result="ptr", symbol="map_lookup_elem"
    )


def reference(low: Lowering, table: MapDeclaration, pointer: Value) -> Ref:
    name = low.world.capture.name_of(table)
    type_ = table.value
    assert isinstance(type_, (StructType, CharArray))
    return Ref(pointer, 0, type_, f"map:{name}", f"map:{name}")


def element(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> memory.Place:
    """`m[k]` as a place; a missing key traps."""
    table = _keyed(low, owner, node)
    pointer = lookup(low, table, low.value(key), key)
    exception = "IndexError" if isinstance(table, Array) else "KeyError"
    trap_if(low, "eq", pointer, 0, exception, node)
    name = low.world.capture.name_of(table)
    assert table.value is not None
    ref = Ref(pointer, 0, StructType("", (), 0, 8), f"map:{name}")
    return memory.Place(ref, 0, table.value)


def subscript(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> TypedValue:
    """`m[k]` read."""
    table = _keyed(low, owner, node)
    place = element(low, owner, key, node)
    if isinstance(place.type, (Int, Pointer)):
        return memory.load_number(low, place, node)
    return reference(low, table, place.ref.ptr)


def store(
    low: Lowering,
    owner: TypedValue,
    key: ast.expr,
    value: TypedValue,
    target: ast.expr,
    node: ast.expr,
) -> None:
    """`m[k] = value`: the value was computed first, as Python does."""
    table = _keyed(low, owner, target)
    assert table.value is not None
    key_value = low.value(key)
    source = in_memory(low, value, table.value, "value", node)
    pointer = key_address(low, table, key_value, key)
    low.place(target)
    _update(low, table, pointer, source, BPF_ANY)
    if isinstance(value, Ref):
        memory.mark_stored(low, value)
    changed(low, table)


def _update(low: Lowering, table: MapDeclaration, key: Value, value: Value, flags: int) -> None:
    """map_update_elem; what the kernel refuses is counted."""
    result = low.builder.emit(
        "call", map_address(low, table), key, value, flags, result="int", symbol="map_update_elem"
    )
    refused, done = low.blocks(2)
    low.branch("eq", result, 0, done, refused)
    low.start(refused)
    if low.live:
        bump(low, low.world.counter("map_update", low.world.capture.name_of(table)))
    low.jump(done)
    low.start(done)


def changed(low: Lowering, table: MapDeclaration) -> None:
    """Locals that refer into `table` are stale from here on."""
    origin = f"map:{low.world.capture.name_of(table)}"
    stale = set(low.flow.stale)
    for frame in low.frames:
        for name, local in frame.locals.items():
            ref = local.like.ref if isinstance(local.like, Opt) else local.like
            if isinstance(ref, Ref) and ref.origin == origin:
                stale.add(f"{frame.number}:{name}")
    low.flow = replace(low.flow, stale=frozenset(stale))


def delete(low: Lowering, node: ast.Subscript) -> None:
    """`del m[k]`: a missing key traps."""
    table = _keyed(low, low.value(node.value), node)
    if isinstance(table, Array):
        raise low.refuse(
            node, "map-operation", "an array's entries cannot be deleted", fix="store 0"
        )
    result = _delete(low, table, low.value(node.slice), node.slice)
    trap_if(low, "ne", result, 0, "KeyError", node)
    changed(low, table)


def _delete(low: Lowering, table: MapDeclaration, key: TypedValue, node: ast.expr) -> Value:
    pointer = key_address(low, table, key, node)
    return low.builder.emit(
        "call", map_address(low, table), pointer, result="int", symbol="map_delete_elem"
    )


def contains(
    low: Lowering, node: ast.Compare, owner: TypedValue, key: TypedValue, then: Block, other: Block
) -> None:
    """`k in m`."""
    table = _keyed(low, owner, node)
    if isinstance(table, Array):
        raise low.refuse(
            node,
            "map-operation",
            "`in` of an array would look at its values",
            fix="compare the index",
        )
    low.branch("ne", lookup(low, table, key, node.left), 0, then, other)


def method(low: Lowering, owner: Thing, name: str, call: ast.Call) -> TypedValue:
    """A method call on a map."""
    table = declaration(low, owner, call)
    handler = _METHODS.get((_family(table), name))
    if handler is None:
        raise low.refuse(
            call,
            "map-operation",
            f"{type(table).__name__} has no {name}() in kernel programs",
            fix="it has: " + ", ".join(n for f, n in _METHODS if f == _family(table)),
        )
    if call.keywords:
        raise low.refuse(call, "arguments", f"{name}() takes no keywords")
    return handler(low, table, call)


def _family(table: MapDeclaration) -> str:
    if isinstance(table, RingBuf):
        return "ring"
    return (
        "array"
        if isinstance(table, Array)
        else "hash"
        if isinstance(table, (Hash, LruHash))
        else ""
    )


def _arguments(low: Lowering, call: ast.Call, count: int, form: str) -> list[TypedValue]:
    if len(call.args) != count:
        raise low.refuse(call, "arguments", f"the form is {form}")
    return [low.value(arg) for arg in call.args]


def _get(low: Lowering, table: MapDeclaration, call: ast.Call) -> TypedValue:
    (key,) = _arguments(low, call, 1, "m.get(key)")
    if isinstance(table, Array):
        return _get_element(low, table, low.as_number(key, call.args[0]), call)
    return _optional(low, table, lookup(low, table, key, call.args[0]))


def _get_element(low: Lowering, table: MapDeclaration, index: Num, call: ast.Call) -> TypedValue:
    """`a.get(i)`: an index past the end gives None; the kernel itself says so for 32 bits."""
    bottom, top = index.bounds
    if 0 <= bottom and top <= u32.high:  # type: ignore[attr-defined]
        pointer = in_memory(low, index, u32, "key", call.args[0])  # type: ignore[arg-type]
    else:
        inside, outside, done = low.blocks(3)
        safe = low.temporary()
        low.branch("ult", index.op, table.max_entries, inside, outside)
        for block, op in ((inside, index.op), (outside, table.max_entries)):
            low.start(block)
            low.builder.write(safe, op)
            low.jump(done)
        low.start(done)
        number = Num(u32, low.builder.read(safe), 0, table.max_entries)  # type: ignore[arg-type]
        pointer = in_memory(low, number, u32, "key", call.args[0])  # type: ignore[arg-type]
    found = low.builder.emit(
        "call", map_address(low, table), pointer, result="ptr", symbol="map_lookup_elem"
    )
    return _optional(low, table, found)


def _optional(low: Lowering, table: MapDeclaration, pointer: Value) -> TypedValue:
    """What a lookup gives: a reference or None, an integer or None (read at once)."""
    if not isinstance(table.value, (Int, Pointer)):
        return Opt(reference(low, table, pointer))
    there, done = low.blocks(2)
    out = low.temporary()
    low.builder.write(out, 0)
    low.branch("ne", pointer, 0, there, done)
    low.start(there)
    ref = Ref(pointer, 0, StructType("", (), 0, 8), "map")
    low.builder.write(
        out, memory.load_number(low, memory.Place(ref, 0, table.value), ast.Pass()).op
    )
    low.jump(done)
    low.start(done)
    return OptNum(Num(table.value, low.builder.read(out)), pointer)


def _pop(low: Lowering, table: MapDeclaration, call: ast.Call) -> TypedValue:
    """`m.pop(k, None)`: the value is read, then the entry deleted."""
    key, default = _arguments(low, call, 2, "m.pop(key, None)")
    if default != NONE:
        raise low.not_yet(call.args[1], "a default of pop() that is not None")
    result: TypedValue = NONE
    if isinstance(table.value, (Int, Pointer)):
        pointer = lookup(low, table, key, call.args[0])
        found = _optional(low, table, pointer)
        assert isinstance(found, OptNum)
        present = low.builder.emit("cmp", pointer, 0, symbol="ne", size=8)
        result = OptNum(found.num, present)
    elif call is not low.discarded:
        raise low.not_yet(call, "pop() of a struct used as a value", fix="get() it first")
    _delete(low, table, key, call.args[0])
    changed(low, table)
    return result


def _setdefault(low: Lowering, table: MapDeclaration, call: ast.Call) -> TypedValue:
    """`m.setdefault(k, v)`: as a dict's. Where the map is full, Python has no counterpart: a trap."""
    if len(call.args) != 2:
        raise low.refuse(call, "arguments", "the form is m.setdefault(key, value)")
    assert table.value is not None
    key, value = low.value(call.args[0]), low.value(call.args[1])
    pointer = lookup(low, table, key, call.args[0])
    missing, done = low.blocks(2)
    out = low.temporary("ptr")
    low.builder.write(out, pointer)
    low.branch("eq", pointer, 0, missing, done)
    low.start(missing)
    source = in_memory(low, value, table.value, "value", call.args[1])
    _update(low, table, key_address(low, table, key, call.args[0]), source, BPF_NOEXIST)
    again = lookup(low, table, key, call.args[0])
    trap_if(low, "eq", again, 0, "KeyError", call)
    low.builder.write(out, again)
    low.jump(done)
    low.start(done)
    if isinstance(value, Ref):
        memory.mark_stored(low, value)
    final = low.builder.read(out)
    if isinstance(table.value, (Int, Pointer)):
        assert isinstance(final, Value)
        ref = Ref(final, 0, StructType("", (), 0, 8), "map")
        return memory.load_number(low, memory.Place(ref, 0, table.value), call)
    assert isinstance(final, Value)
    return reference(low, table, final)


def _reserve(low: Lowering, table: MapDeclaration, call: ast.Call) -> TypedValue:
    """`ring.reserve()`: a full ring is counted; a record begins as zeroes."""
    _arguments(low, call, 0, "ring.reserve()")
    layout = table.value
    assert isinstance(layout, StructType)
    site = low.site()
    pointer = low.builder.emit(
        "call", map_address(low, table), layout.size, 0, result="ptr", symbol="ringbuf_reserve"
    )
    full, got, done = low.blocks(3)
    low.branch("eq", pointer, 0, full, got)
    low.start(full)
    _count_full(low, table)
    low.jump(done)
    low.start(got)
    low.builder.emit("zero", pointer, size=layout.size, align=8)
    low.jump(done)
    low.start(done)
    if low.frame.loops and low.flow.record(site):
        raise low.refuse(call, "ring-duty", "a record of an earlier round is still reserved")
    low.flow = low.flow.with_record(site, "maybe")
    low.record_pointers[site] = pointer
    name = low.world.capture.name_of(table)
    return Opt(Ref(pointer, 0, layout, f"ring:{name}", site))


def _count_full(low: Lowering, table: MapDeclaration) -> None:
    if low.live:
        bump(low, low.world.counter("ring_full", low.world.capture.name_of(table)))


def _output(low: Lowering, table: MapDeclaration, call: ast.Call) -> TypedValue:
    """`ring.output(record)`: a copy; a full ring is counted."""
    (value,) = _arguments(low, call, 1, "ring.output(record)")
    assert table.value is not None
    source = in_memory(low, value, table.value, "value", call.args[0])
    result = low.builder.emit(
        "call",
        map_address(low, table),
        source,
        table.value.size,
        0,
        result="int",
        symbol="ringbuf_output",
    )
    full, done = low.blocks(2)
    low.branch("eq", result, 0, done, full)
    low.start(full)
    _count_full(low, table)
    low.jump(done)
    low.start(done)
    if isinstance(value, Ref):
        memory.mark_stored(low, value)
    return NONE


def finish(low: Lowering, record: Ref, name: str, call: ast.Call) -> TypedValue:
    """`record.submit()`, `record.discard()`."""
    if call.args or call.keywords:
        raise low.refuse(call, "arguments", f"{name}() takes no arguments")
    if (
        not record.origin.startswith("ring:")
        or not isinstance(record.type, StructType)
        or record.offset
    ):
        raise low.refuse(call, "ring-duty", f"{name}() belongs to a record from reserve()")
    memory.check_usable(low, record, call)
    flags: Operand = 0
    low.builder.emit("call", record.ptr, flags, result="none", symbol=f"ringbuf_{name}")
    low.flow = low.flow.with_record(record.site, "done")
    return NONE


_METHODS = {
    ("hash", "get"): _get,
    ("array", "get"): _get,
    ("hash", "pop"): _pop,
    ("hash", "setdefault"): _setdefault,
    ("ring", "reserve"): _reserve,
    ("ring", "output"): _output,
}

__all__ = [
    "contains",
    "delete",
    "element",
    "finish",
    "in_memory",
    "method",
    "store",
    "subscript",
    "trap",
]
