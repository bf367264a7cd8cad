"""Methods of maps: `get`, `pop`, `setdefault`, each by the name that a dict gives it.

In: a map and the call. Out: a value that may be None, and IR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, memory, numbers, rings, tables
from probee.compiler.frontend.mapkeys import INDEX
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import NONE, Num, Opt, OptNum, Ref, Thing
from probee.compiler.ir.ops import Value
from probee.lang.maps import Array, LruHash, Mapping, RingBuf
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.tables import Table
    from probee.compiler.frontend.values import TypedValue


def method(low: Lowering, owner: Thing, name: str, call: ast.Call) -> TypedValue:
    """A method call on a map."""
    if isinstance(owner.obj, RingBuf):
        return rings.method(low, owner.obj, name, call)
    table = tables.table_of(low, owner, call)
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
    return _optional(low, table, tables.lookup(low, table, key, call.args[0]))


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
    pointer = mapkeys.in_memory(low, Num(INDEX, index.op), INDEX, "key", node)
    return _optional(low, table, tables.find(low, table, pointer, node))


def _optional(low: Lowering, table: Table, pointer: Value) -> TypedValue:
    """What stands at an address that is 0 where the key is missing."""
    if not isinstance(table.value, (Int, Pointer)):
        return Opt(tables.reference(low, table, pointer))
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    found = tables.load(low, table, pointer)
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
            result = _optional(low, table, tables.lookup(low, table, key, call.args[0]))
    elif call is not low.discarded:
        raise low.not_yet(call, "pop() of a struct used as a value", fix="get() it first")
    tables.remove(low, table, key, call.args[0])
    tables.changed(low, table)
    return result


def _setdefault(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.setdefault(k, v)`: as a dict's. Python has no counterpart to a full map: a trap."""
    key, value = _arguments(low, call, 2, "m.setdefault(key, value)")
    key_node, value_node = call.args
    if isinstance(value, Num) and isinstance(table.value, (Int, Pointer)):
        value = numbers.convert(low, value, table.value, value_node)
    pointer = tables.lookup(low, table, key, key_node)
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    ends = [low.end(pointer)]
    low.start(missing)
    source = mapkeys.in_memory(low, value, table.value, "value", value_node)
    pointer = mapkeys.key_address(low, table, key, key_node)
    tables.update(low, table, pointer, source, tables.BPF_NOEXIST)
    again = tables.lookup(low, table, key, key_node)
    trap_if(low, "eq", again, 0, "KeyError", call)
    ends.append(low.end(again))
    final = low.join(ends, "ptr")
    assert isinstance(final, Value)
    if isinstance(table.declaration, LruHash):  # the new entry may have cost another its place
        tables.changed(low, table)
    if isinstance(value, Ref):
        memory.mark_stored(low, value, table.origin)
    return tables.load(low, table, final)


_HASH_METHODS: dict[str, Callable[[Lowering, Table, ast.Call], TypedValue]] = {
    "get": _get,
    "pop": _pop,
    "setdefault": _setdefault,
}
_ARRAY_METHODS: dict[str, Callable[[Lowering, Table, ast.Call], TypedValue]] = {"get": _get_element}
