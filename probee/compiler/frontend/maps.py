"""Maps in the words of a dict: lookups, stores, deletion, `in`.

In: a map's name in a program, the expressions of its key and value. Out: IR. A missing key of
`m[k]` and `del m[k]`, and an index out of range, trap. Methods stand in mapmethods.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import counters, hist, mapkeys, memory, queues, tables
from probee.compiler.frontend.traps import stop_if_missing, trap_if
from probee.compiler.frontend.values import Ref, Thing
from probee.lang.hist import Hist
from probee.lang.queues import BloomFilter
from probee.spec.types import Int

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block


def element(
    low: Lowering, owner: TypedValue, key: tuple[ast.expr, TypedValue], node: ast.expr
) -> memory.Place:
    """`m[k]` as a place to change; a missing key traps."""
    table = tables.table_of(low, owner, node)
    if table.prefixes:
        raise low.refuse(
            node,
            "map-operation",
            "this would read one prefix and write another",
            why="`m[k]` of an LpmTrie finds the longest prefix, `m[k] = v` means exactly k",
            fix="get() the entry, and change its fields",
        )
    return _place(low, table, key, node)


def _place(
    low: Lowering, table: tables.Table, key: tuple[ast.expr, TypedValue], node: ast.expr
) -> memory.Place:
    """The value under a key; a missing one traps."""
    key_node, key_value = key
    pointer = tables.lookup(low, table, key_value, key_node)
    if table.array:
        stop_if_missing(low, pointer, node)
    else:
        trap_if(low, "eq", pointer, 0, "KeyError", node)
    # an array's entries stay where they are, whatever is stored into them
    origin = "data" if table.array else table.origin
    born = low.changes.get(origin, 0)
    return memory.Place(memory.bare(pointer, origin, born=born), 0, table.value)


def subscript(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> TypedValue:
    """`m[k]` read; a Counter's missing key is 0."""
    if isinstance(owner, Thing) and isinstance(owner.obj, Hist):
        return hist.row(low, owner.obj, key, node)
    table = tables.table_of(low, owner, node)
    if table.counter:
        return counters.read(low, table, key, node)
    return tables.load(low, table, _place(low, table, (key, low.value(key)), node).ref.ptr)


def store(
    low: Lowering,
    owner: TypedValue,
    key: ast.expr,
    value: TypedValue,
    target: ast.expr,
    node: ast.expr,
) -> None:
    """`m[k] = value`: the value was computed first, as Python does.

    A number goes straight to its place in an array, which the kernel finds without a call; but not
    while a record is open, which would have to be given back where the verifier doubts the place.
    """
    table = tables.table_of(low, owner, target)
    key_value = low.value(key)
    if table.array and isinstance(table.value, Int) and not low.open_records():
        pointer = tables.lookup(low, table, key_value, key)
        stop_if_missing(low, pointer, target)
        low.place(target)
        memory.put(low, memory.Place(memory.bare(pointer, "data"), 0, table.value), value, node)
        tables.changed(low, table)
        return
    source = mapkeys.in_memory(low, value, table.value, "value", node)
    pointer = mapkeys.key_address(low, table, key_value, key)
    low.place(target)
    tables.update(low, table, pointer, source, tables.BPF_ANY)
    tables.changed(low, table)
    if isinstance(value, Ref):
        memory.mark_stored(low, value, table.origin)


def delete(low: Lowering, owner: TypedValue, node: ast.Subscript) -> None:
    """`del m[k]`: a missing key traps."""
    table = tables.table_of(low, owner, node)
    if table.array:
        raise low.refuse(
            node,
            "map-operation",
            "an array's entries cannot be deleted",
            why="all of them exist for as long as the map does",
            fix="store 0",
        )
    result = tables.remove(low, table, low.value(node.slice), node.slice)
    if not table.counter:  # to delete what a Counter has not is no error in Python
        trap_if(low, "ne", result, 0, "KeyError", node)
    tables.changed(low, table)


def contains(
    low: Lowering,
    node: ast.AST,
    owner: TypedValue,
    key: tuple[ast.expr, TypedValue],
    then: Block,
    other: Block,
) -> None:
    """`k in m`."""
    if isinstance(owner, Thing) and isinstance(owner.obj, BloomFilter):
        queues.contains(low, owner.obj, key, then, other)
        return
    table = tables.table_of(low, owner, node)
    if table.array:
        raise low.refuse(
            node,
            "map-operation",
            "`in` of an array would look at its values",
            why="that is what `in` of a list means",
            fix="compare the index with the number of entries",
        )
    key_node, key_value = key
    low.branch("ne", tables.lookup(low, table, key_value, key_node), 0, then, other)
