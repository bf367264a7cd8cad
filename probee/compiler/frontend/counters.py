"""Counters: a missing key reads 0, and what is added is added in one atomic step.

In: a map declared as `Counter`, keys and numbers. Out: IR. A key that is missing is inserted with
the number to add; where another CPU was faster, it is added to what stands there by then. What
finds no room in the map is counted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, memory, numbers, tables
from probee.compiler.frontend.traps import bump
from probee.compiler.frontend.values import S64, Num, Thing
from probee.lang.counters import Counter

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.tables import Table
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand, Value


def is_counter(owner: TypedValue) -> bool:
    """Whether a value is a map declared as Counter."""
    return isinstance(owner, Thing) and isinstance(owner.obj, Counter)


def read(low: Lowering, table: Table, key: ast.expr, node: ast.expr) -> Num:
    """`c[k]`: 0 where it is missing."""
    address = mapkeys.key_address(low, table, low.value(key), key)
    return _read(low, table, address, node)


def _read(low: Lowering, table: Table, key: Value, node: ast.expr) -> Num:
    pointer = tables.find(low, table, key, node)
    there, missing = low.blocks(2)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    number = memory.load_number(low, memory.Place(memory.bare(pointer), 0, S64), S64)
    ends = [low.end(number.op)]
    low.start(missing)
    return Num(S64, low.join([*ends, low.end(0)]))


def augmented(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.AugAssign) -> None:
    """`c[k] op= n`: adding and subtracting are atomic; the rest reads, then stores."""
    table = tables.table_of(low, owner, node.target)
    key_value = low.value(key)
    if isinstance(node.op, (ast.Add, ast.Sub)):
        _add(low, table, (key, key_value), node)
        return
    old = _read(low, table, mapkeys.key_address(low, table, key_value, key), node.target)
    new = low.number(node.value)
    low.place(node)
    result = numbers.convert(low, numbers.binary(low, node.op, old, new, node), S64, node)
    source = mapkeys.in_memory(low, result, S64, "value", node.value)
    address = mapkeys.key_address(low, table, key_value, key)
    tables.update(low, table, address, source, tables.BPF_ANY)
    tables.changed(low, table)


def _add(
    low: Lowering, table: Table, key: tuple[ast.expr, TypedValue], node: ast.AugAssign
) -> None:
    """`c[k] += n`, `c[k] -= n`."""
    before = low.changes.get(table.origin, 0)
    (amount,) = mapkeys.held(low, key[1], [node.value])
    if low.changes.get(table.origin, 0) != before:
        raise low.refuse(
            node.value,
            "stale-reference",
            f"`{table.name}` is changed while what is added to it is computed",
            why="Python would add to the number that was there before",
            fix="compute it in a statement before",
        )
    low.place(node)
    zero = Num(S64, 0)
    amount = numbers.convert(low, numbers.binary(low, node.op, zero, amount, node), S64, node)
    key_node, key_value = key
    address = mapkeys.key_address(low, table, key_value, key_node)
    pointer = tables.find(low, table, address, node.target)
    there, missing, again, refused, done = low.blocks(5)
    low.branch("ne", pointer, 0, there, missing)
    low.start(there)
    _atomic(low, pointer, amount.op)
    low.jump(done)
    low.start(missing)
    source = mapkeys.in_memory(low, amount, S64, "value", node.value)
    result = tables.try_update(low, table, address, source, tables.BPF_NOEXIST)
    low.branch("eq", result, 0, done, again)
    low.start(again)
    pointer = tables.find(low, table, address, node.target)
    (late,) = low.blocks(1)
    low.branch("ne", pointer, 0, late, refused)
    low.start(late)
    _atomic(low, pointer, amount.op)
    low.jump(done)
    low.start(refused)
    if low.live:
        bump(low, low.world.counter("map_update", table.name))
    low.jump(done)
    low.start(done)
    tables.changed(low, table)


def _atomic(low: Lowering, pointer: Value, amount: Operand) -> None:
    low.builder.emit("atomic", pointer, amount, result="none", size=8, symbol="add")
