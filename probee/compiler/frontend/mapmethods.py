"""Methods of maps: `get`, `pop`, `setdefault`, each by the name that a dict gives it.

In: a map and the call. Out: a value that may be None, and IR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, memory, numbers, queues, rings, tables
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import NONE, U32, Num, Opt, OptNum, Ref, Thing, describe
from probee.compiler.ir.ops import Value
from probee.lang.counters import Counter
from probee.lang.maps import Array, LruHash, Mapping, RingBuf
from probee.lang.queues import BloomFilter, Queue
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

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
    if isinstance(owner.obj, (Queue, BloomFilter)):
        return queues.method(low, owner.obj, name, call)
    table = tables.table_of(low, owner, call)
    handlers = _ARRAY_METHODS if table.array else _HASH_METHODS
    if table.prefixes:
        handlers = {"get": _get}
    if name in ("items", "keys", "values"):
        raise low.not_yet(call, f"{name}() of a map in a kernel program")
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


def _arguments(low: Lowering, call: ast.Call, most: int, form: str) -> list[TypedValue]:
    """One argument, up to `most`."""
    if not 1 <= len(call.args) <= most:
        raise low.refuse(call, "arguments", f"the form is {form}")
    return [low.value(arg) for arg in call.args]


def _get(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.get(k)`: a reference or None, an integer or None. `m.get(k, n)`: an integer."""
    key, *default = _arguments(low, call, 2, "m.get(key) or m.get(key, default)")
    found = _optional(low, table, tables.lookup(low, table, key, call.args[0]))
    return _or_default(low, found, default, call)


def _or_default(
    low: Lowering, found: TypedValue, default: list[TypedValue], call: ast.Call
) -> TypedValue:
    """`found`, or the default where it is None, in the type that both have in common."""
    if not default or default == [NONE]:
        return found
    if not isinstance(found, OptNum) or not isinstance(default[0], Num):
        raise low.not_yet(
            call.args[1],
            f"a default that is {describe(default[0])}",
            fix="test for None in an if statement",
        )
    type_ = numbers.joined([found.num, default[0]])
    there, missing = low.blocks(2)
    low.branch("ne", found.present, 0, there, missing)
    ends = []
    for block, side in ((there, found.num), (missing, default[0])):
        low.start(block)
        ends.append(low.end(numbers.convert(low, side, type_, call).op))
    return Num(type_, low.join(ends))


def _get_element(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`a.get(i)`: an index out of range gives None; the kernel itself says so for 32 bits."""
    key, *default = _arguments(low, call, 2, "a.get(index) or a.get(index, default)")
    node = call.args[0]
    index = low.as_number(key, node)
    entries = table.declaration.max_entries
    bottom, top = index.bounds
    if bottom < 0 or top > U32.high:
        inside, outside = low.blocks(2)
        low.branch("ult", index.op, entries, inside, outside)
        ends = []
        for block, op in ((inside, index.op), (outside, entries)):
            low.start(block)
            ends.append(low.end(op))
        index = Num(U32, low.join(ends), 0, entries)
    pointer = mapkeys.in_memory(low, Num(U32, index.op), U32, "key", node)
    found = _optional(low, table, tables.find(low, table, pointer, node))
    return _or_default(low, found, default, call)


def _optional(low: Lowering, table: Table, pointer: Value) -> TypedValue:
    """What stands at an address that is 0 where the key is missing."""
    if not isinstance(table.value, (Int, Pointer)):
        return Opt(tables.reference(low, table, pointer))
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    found = tables.load(low, table, pointer)
    assert isinstance(found, Num)
    return queues.optional(low, found, missing)


def _pop(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.pop(k)`, `m.pop(k, default)`: the value is read, or copied, then the entry deleted."""
    key, *default = _arguments(low, call, 2, "m.pop(key) or m.pop(key, default)")
    node = call.args[0]
    if call is low.discarded:
        result = tables.remove(low, table, key, node)
        if not default:
            trap_if(low, "ne", result, 0, "KeyError", call)
        tables.changed(low, table)
        return NONE
    pointer = tables.lookup(low, table, key, node)
    if not default:
        trap_if(low, "eq", pointer, 0, "KeyError", call)
    if isinstance(table.value, (StructType, CharArray, ArrayOf)):
        found: TypedValue = _taken(low, table, table.value, pointer)
    elif default:
        found = _optional(low, table, pointer)
    else:
        found = tables.load(low, table, pointer)
    found = _or_default(low, found, default, call)
    tables.remove(low, table, key, node)
    tables.changed(low, table)
    if isinstance(found, Opt) and not default:
        return found.ref
    return found


def _taken(
    low: Lowering, table: Table, type_: StructType | CharArray | ArrayOf, pointer: Value
) -> Opt:
    """A copy on the stack of the entry at `pointer`, which is about to be deleted."""
    site = low.site()
    copy = low.object_slot("taken", type_.size, site)
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    place = memory.Place(memory.bare(copy), 0, type_)
    memory.copy(low, place, tables.reference(low, table, pointer))
    memory.mark_copied_out(low, table.origin, site)
    ends = [low.end(copy)]
    low.start(missing)
    found = low.join([*ends, low.end(0)], "ptr")
    assert isinstance(found, Value)
    return Opt(Ref(found, 0, type_, "stack", site))


def _setdefault(low: Lowering, table: Table, call: ast.Call) -> TypedValue:
    """`m.setdefault(k, v)`: as a dict's. Python has no counterpart to a full map: a trap."""
    if len(call.args) != 2:
        raise low.refuse(call, "arguments", "the form is m.setdefault(key, value)")
    key, value = (low.value(arg) for arg in call.args)
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
    if isinstance(table.declaration, (LruHash, Counter)):
        # an LRU map's new entry may have cost another its place; what a Counter had may be old
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
