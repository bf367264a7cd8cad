"""Maps in the words of a dict: lookups, stores, deletion.

In: a map declaration, keys and values. Out: helper calls. A key or value that has no address gets
one on the stack. Updates that the kernel refuses are counted a map; a missing key of `m[k]` and
`del m[k]`, and an index out of range, trap. A change of a map makes references into it stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, memory, numbers, rings
from probee.compiler.frontend.traps import bump, trap_if
from probee.compiler.frontend.values import (
    NONE,
    Num,
    Opt,
    OptNum,
    Ref,
    Thing,
    describe,
)
from probee.compiler.ir.ops import Value
from probee.frozen import Frozen, replace
from probee.lang.maps import Array, LruHash, MapDeclaration, Mapping, RingBuf
from probee.spec.types import CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand
    from probee.spec.types import ValueType

BPF_ANY, BPF_NOEXIST = 0, 1
INDEX = Int("u32", 4, False)


class Table(Frozen):
    """A map that has keys: its declaration, types, and the name it has in the kernel."""

    declaration: MapDeclaration
    name: str
    key: ValueType
    value: ValueType

    @property
    def array(self) -> bool:
        """Whether its keys are indices, all of them there."""
        return isinstance(self.declaration, Array)

    @property
    def origin(self) -> str:
        """The place of its values, for references."""
        return f"map:{self.name}"


def _table(low: Lowering, owner: TypedValue, node: ast.AST) -> Table:
    if not isinstance(owner, Thing) or not isinstance(owner.obj, MapDeclaration):
        raise low.refuse(
            node,
            "type",
            f"{describe(owner)} is not a map",
            why="only maps have keys in a kernel program",
        )
    if isinstance(owner.obj, RingBuf):
        raise low.refuse(
            node,
            "map-operation",
            "a ring buffer has no keys",
            why="its records go to user space in order",
            fix="use reserve() or output()",
        )
    key, value = owner.obj.key, owner.obj.value
    assert key is not None
    assert value is not None
    return Table(owner.obj, low.world.capture.name_of(owner.obj), key, value)


# ------------------------------------------------------------------------------ keys and values


def in_memory(
    low: Lowering, value: TypedValue, type_: ValueType, use: str, node: ast.expr
) -> Value:
    """The address of `value` as a key or value of `type_`."""
    if isinstance(type_, (Int, Pointer)):
        number = numbers.convert(low, low.as_number(value, node), type_, node)
        pointer = low.scratch_slot(use, type_.size)
        low.builder.emit("store", pointer, number.op, size=type_.size)
        return pointer
    if isinstance(type_, CharArray):
        raise low.not_yet(node, "text as a key or value", fix="put it into a Struct")
    if isinstance(value, Ref) and value.type == type_:
        memory.check_usable(low, value, node)
        return memory.address(low, value)
    wanted = f"a {type_.name}" if isinstance(type_, StructType) else "another type"
    raise expressions.refuse_kind(low, value, wanted, node)


def _key_address(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    """The key's address; an index outside the array traps before it could be wrapped."""
    if not table.array:
        if _has_text(table.key):  # what stands behind a text's NUL would tell equal keys apart
            raise low.not_yet(node, "text in a key", fix="use a number as the key")
        return in_memory(low, key, table.key, "key", node)
    index = low.as_number(key, node)
    entries = table.declaration.max_entries
    bottom, top = index.bounds
    if index.literal and not 0 <= bottom < entries:
        raise low.refuse(
            node,
            "index-range",
            f"the index {bottom} is outside the {entries} entries",
            why="Python would raise IndexError; an array of the kernel has no negative indices",
            fix=f"an index from 0 to {entries - 1}",
        )
    if bottom < 0 or top >= entries:
        trap_if(low, "uge", index.op, entries, "IndexError", node)
    return in_memory(low, Num(INDEX, index.op, 0, entries - 1), INDEX, "key", node)


def _has_text(type_: ValueType) -> bool:
    if isinstance(type_, StructType):
        return any(_has_text(field.type) for field in type_.fields)
    return isinstance(type_, CharArray)


def _lookup(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    """The address of the value, 0 where the key is missing."""
    return _find(low, table, _key_address(low, table, key, node), node)


def _find(low: Lowering, table: Table, key: Value, node: ast.expr) -> Value:
    low.place(node)
    address = map_address(low, table.name)
    return low.builder.emit("call", address, key, result="ptr", symbol="map_lookup_elem")


def map_address(low: Lowering, name: str) -> Value:
    """A map as helpers want it."""
    return low.builder.emit("mapaddr", symbol=name)


def _reference(low: Lowering, table: Table, pointer: Value) -> Ref:
    """The struct at an address in the map."""
    assert isinstance(table.value, (StructType, CharArray))
    born = low.changes.get(table.origin, 0)
    return Ref(pointer, 0, table.value, table.origin, table.origin, born)


def _load(low: Lowering, table: Table, pointer: Value) -> TypedValue:
    """What stands at an address in the map: a number is read at once, a struct referred to."""
    if isinstance(table.value, (Int, Pointer)):
        return memory.load_number(
            low, memory.Place(memory.bare(pointer), 0, table.value), table.value
        )
    return _reference(low, table, pointer)


# ------------------------------------------------------------------------------------ statements


def element(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> memory.Place:
    """`m[k]` as a place; a missing key traps."""
    table = _table(low, owner, node)
    pointer = _lookup(low, table, low.value(key), key)
    trap_if(low, "eq", pointer, 0, "IndexError" if table.array else "KeyError", node)
    # an array's entries stay where they are, whatever is stored into them
    origin = "data" if table.array else table.origin
    born = low.changes.get(origin, 0)
    return memory.Place(memory.bare(pointer, origin, born=born), 0, table.value)


def subscript(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> TypedValue:
    """`m[k]` read."""
    place = element(low, owner, key, node)
    return _load(low, _table(low, owner, node), place.ref.ptr)


def store(
    low: Lowering,
    owner: TypedValue,
    key: ast.expr,
    value: TypedValue,
    target: ast.expr,
    node: ast.expr,
) -> None:
    """`m[k] = value`: the value was computed first, as Python does."""
    table = _table(low, owner, target)
    key_value = low.value(key)
    source = in_memory(low, value, table.value, "value", node)
    pointer = _key_address(low, table, key_value, key)
    low.place(target)
    _update(low, table, pointer, source, BPF_ANY)
    changed(low, table)
    if isinstance(value, Ref):
        memory.mark_stored(low, value, table.origin)


def _update(low: Lowering, table: Table, key: Value, value: Value, flags: int) -> None:
    """map_update_elem; what the kernel refuses is counted."""
    address = map_address(low, table.name)
    result = low.builder.emit(
        "call", address, key, value, flags, result="int", symbol="map_update_elem"
    )
    count_unless_zero(low, result, "map_update", table.name)


def count_unless_zero(low: Lowering, result: Operand, kind: str, subject: str) -> None:
    """A call that gave an error is counted, and the program goes on."""
    refused, done = low.blocks(2)
    low.branch("eq", result, 0, done, refused)
    low.start(refused)
    if low.live:
        bump(low, low.world.counter(kind, subject))
    low.jump(done)
    low.start(done)


def changed(low: Lowering, table: Table) -> None:
    """References into `table` are stale from here on."""
    low.changes[table.origin] = low.changes.get(table.origin, 0) + 1
    stale = set(low.flow.stale)
    for frame in low.frames:
        for name, local in frame.locals.items():
            ref = local.ref if isinstance(local, Opt) else local
            if isinstance(ref, Ref) and ref.origin == table.origin:
                stale.add(frame.key(name))
    low.flow = replace(low.flow, stale=frozenset(stale))


def delete(low: Lowering, owner: TypedValue, node: ast.Subscript) -> None:
    """`del m[k]`: a missing key traps."""
    table = _table(low, owner, node)
    if table.array:
        raise low.refuse(
            node,
            "map-operation",
            "an array's entries cannot be deleted",
            why="all of them exist for as long as the map does",
            fix="store 0",
        )
    result = _delete(low, table, low.value(node.slice), node.slice)
    trap_if(low, "ne", result, 0, "KeyError", node)
    changed(low, table)


def _delete(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    pointer = _key_address(low, table, key, node)
    address = map_address(low, table.name)
    return low.builder.emit("call", address, pointer, result="int", symbol="map_delete_elem")


def contains(
    low: Lowering,
    node: ast.Compare,
    owner: TypedValue,
    key: tuple[ast.expr, TypedValue],
    then: Block,
    other: Block,
) -> None:
    """`k in m`."""
    table = _table(low, owner, node)
    if table.array:
        raise low.refuse(
            node,
            "map-operation",
            "`in` of an array would look at its values",
            why="that is what `in` of a list means",
            fix="compare the index with the number of entries",
        )
    key_node, key_value = key
    low.branch("ne", _lookup(low, table, key_value, key_node), 0, then, other)


# --------------------------------------------------------------------------------------- methods


def method(low: Lowering, owner: Thing, name: str, call: ast.Call) -> TypedValue:
    """A method call on a map."""
    if isinstance(owner.obj, RingBuf):
        return rings.method(low, owner.obj, name, call)
    table = _table(low, owner, call)
    handlers = _ARRAY_METHODS if table.array else _HASH_METHODS
    if name not in handlers or not isinstance(table.declaration, (Array, Mapping)):
        raise low.refuse(
            call,
            "map-operation",
            f"{type(table.declaration).__name__} has no {name}() in kernel programs",
            why="a map has the operations that the kernel gives it",
            fix=f"it has: {', '.join(handlers)}",
        )
    if call.keywords:
        raise low.refuse(call, "arguments", f"{name}() takes no keywords")
    return handlers[name](low, table, call)


def _arguments(low: Lowering, call: ast.Call, count: int, form: str) -> list[TypedValue]:
    if len(call.args) != count:
        raise low.refuse(call, "arguments", f"the form is {form}")
    return [low.value(arg) for arg in call.args]


def _get(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.get(k)`: a reference or None, an integer or None."""
    (key,) = _arguments(low, call, 1, "m.get(key)")
    return _optional(low, table, _lookup(low, table, key, call.args[0]))


def _get_element(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`a.get(i)`: an index out of range gives None; the kernel itself says so for 32 bits."""
    (key,) = _arguments(low, call, 1, "a.get(index)")
    node = call.args[0]
    index = low.as_number(key, node)
    entries = table.declaration.max_entries
    bottom, top = index.bounds
    if bottom < 0 or top > INDEX.high:
        inside, outside = low.blocks(2)
        low.branch("ult", index.op, entries, inside, outside)
        ends = []
        for block, op in ((inside, index.op), (outside, entries)):
            low.start(block)
            ends.append(low.end(op))
        index = Num(INDEX, low.join(ends), 0, entries)
    pointer = in_memory(low, Num(INDEX, index.op), INDEX, "key", node)
    return _optional(low, table, _find(low, table, pointer, node))


def _optional(low: Lowering, table: Table, pointer: Value) -> TypedValue:
    """What stands at an address that is 0 where the key is missing."""
    if not isinstance(table.value, (Int, Pointer)):
        return Opt(_reference(low, table, pointer))
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    found = _load(low, table, pointer)
    assert isinstance(found, Num)
    value = low.temporary()
    low.builder.write(value, found.op)
    ends = [low.end(1)]
    low.start(missing)
    low.builder.write(value, 0)
    ends.append(low.end(0))
    present = low.join(ends)
    return OptNum(Num(table.value, low.builder.read(value)), present)


def _pop(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.pop(k, None)`: the value is read, then the entry deleted."""
    key, default = _arguments(low, call, 2, "m.pop(key, None)")
    if default != NONE:
        raise low.not_yet(call.args[1], "a default of pop() that is not None")
    result: TypedValue = NONE
    if isinstance(table.value, (Int, Pointer)):
        if call is not low.discarded:
            result = _optional(low, table, _lookup(low, table, key, call.args[0]))
    elif call is not low.discarded:
        raise low.not_yet(call, "pop() of a struct used as a value", fix="get() it first")
    _delete(low, table, key, call.args[0])
    changed(low, table)
    return result


def _setdefault(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.setdefault(k, v)`: as a dict's. Python has no counterpart to a full map: a trap."""
    key, value = _arguments(low, call, 2, "m.setdefault(key, value)")
    key_node, value_node = call.args
    if isinstance(value, Num) and isinstance(table.value, (Int, Pointer)):
        value = numbers.convert(low, value, table.value, value_node)
    pointer = _lookup(low, table, key, key_node)
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    ends = [low.end(pointer)]
    low.start(missing)
    source = in_memory(low, value, table.value, "value", value_node)
    _update(low, table, _key_address(low, table, key, key_node), source, BPF_NOEXIST)
    again = _lookup(low, table, key, key_node)
    trap_if(low, "eq", again, 0, "KeyError", call)
    ends.append(low.end(again))
    final = low.join(ends, "ptr")
    assert isinstance(final, Value)
    if isinstance(table.declaration, LruHash):  # the new entry may have cost another its place
        changed(low, table)
    if isinstance(value, Ref):
        memory.mark_stored(low, value, table.origin)
    return _load(low, table, final)


_HASH_METHODS: dict[str, Callable[[Lowering, Table, ast.Call], TypedValue]] = {
    "get": _get,
    "pop": _pop,
    "setdefault": _setdefault,
}
_ARRAY_METHODS: dict[str, Callable[[Lowering, Table, ast.Call], TypedValue]] = {"get": _get_element}
