"""Keys and values where the kernel reads them: in memory.

In: a typed value, the type that the map has. Out: an address. What has none gets one on the stack.
An index out of range traps before it could be wrapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, memory, numbers, textkeys
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import U32, Num, Ref, with_article
from probee.frozen import replace
from probee.spec.types import CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.tables import Table
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Value
    from probee.spec.types import ValueType


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
        if use == "key":
            return textkeys.text_key(low, value, type_, node)
        return textkeys.text_value(low, value, type_, node)
    if isinstance(value, Ref) and value.type == type_:
        memory.check_usable(low, value, node)
        if use == "key" and textkeys.has_text(type_):
            return textkeys.struct_key(low, value)
        return memory.address(low, value)
    wanted = with_article(type_.name) if isinstance(type_, StructType) else "another type"
    raise expressions.refuse_kind(low, value, wanted, node)


def key_address(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    """The key's address; an index outside the array traps before it could be wrapped."""
    if not table.array:
        return compared(low, key, table.key, node)
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
    return in_memory(low, Num(U32, index.op, 0, entries - 1), U32, "index", node)


def compared(low: Lowering, value: TypedValue, type_: ValueType, node: ast.expr) -> Value:
    """The address of what the kernel compares byte by byte: a key, a member of a set."""
    return in_memory(low, value, type_, "key", node)


def held(low: Lowering, key: TypedValue, nodes: Sequence[ast.expr]) -> list[Num]:
    """Lowers numbers while `key`, if it is a struct, may not change.

    Of `m[k] += f()` and `h[k].add(f())` the kernel looks k up once, Python before f() and behind.
    """
    site = key.site if isinstance(key, Ref) and isinstance(key.type, StructType) else ""
    around = (site, memory.HELD) in low.flow.copies
    if site:
        low.flow = low.flow.copied(site, memory.HELD)
    found = [low.number(node) for node in nodes]
    if site and not around:
        low.flow = replace(low.flow, copies=low.flow.copies - {(site, memory.HELD)})
    return found
