"""Histograms: `h.add(value)` and `h[key].add(value)`.

In: a `Hist` declaration, numbers. Out: the slot of a value, computed without a branch a bit of the
result, and one atomic addition. The slots are laid out as lang/hist.py says. A key that finds no
room is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, numbers, tables
from probee.compiler.frontend.values import NONE, S64, U64, Keyed, Num, Thing, describe
from probee.compiler.ir.ops import Value
from probee.lang.hist import Hist
from probee.spec.types import ArrayOf, Pointer

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand

SLOT = 8


def row(low: Lowering, hist: Hist[object], key: ast.expr, node: ast.expr) -> Keyed:
    """`h[key]`, about to be added to."""
    if not hist.keyed:
        raise low.refuse(
            node,
            "map-operation",
            "this Hist was declared without a key type",
            why="it is one histogram",
            fix="write h.add(value), or declare Hist(u32) to have one for each key",
        )
    return Keyed(hist, low.value(key), key)


def method(low: Lowering, owner: TypedValue, name: str, call: ast.Call) -> TypedValue:
    """`add`, the only one."""
    if name != "add":
        raise low.refuse(
            call,
            "map-operation",
            f"Hist has no {name}() in kernel programs",
            why="a histogram is read on the user side: session[h]",
            fix="it has: add",
        )
    if not 1 <= len(call.args) <= 2 or any(k.arg != "count" for k in call.keywords):
        raise low.refuse(call, "arguments", "the form is add(value) or add(value, count)")
    counts = [*call.args[1:], *(k.value for k in call.keywords)]
    if len(counts) > 1:
        raise low.refuse(call, "arguments", "the form is add(value) or add(value, count)")
    key = owner.key if isinstance(owner, Keyed) else NONE
    value, *given = mapkeys.held(low, key, [call.args[0], *counts])
    count = _count(low, given[0], counts[0]) if given else 1
    low.place(call)
    if isinstance(owner, Keyed):
        _add_keyed(low, owner, value, count, call)
    else:
        assert isinstance(owner, Thing)
        _add(low, owner.obj, value, count, call)
    return NONE


def _count(low: Lowering, count: Num, node: ast.expr) -> Operand:
    """How often: never less than not at all, which the user side could not tell from wrapping."""
    if isinstance(count.type, Pointer) or count.bounds[0] < 0:
        raise low.refuse(
            node,
            "type",
            f"{describe(count)} is counted here, and may be negative",
            why="a histogram counts up",
            fix="convert it: u64(n)",
        )
    return numbers.cast(low, count, U64).op


def _add(low: Lowering, hist: object, value: Num, count: Operand, call: ast.Call) -> None:
    """Into this CPU's copy: atomically, since another program may interrupt this one there."""
    assert isinstance(hist, Hist)
    if hist.keyed:
        raise low.refuse(
            call,
            "map-operation",
            "this Hist has a histogram for each key",
            why="it was declared with a key type",
            fix="write h[key].add(value)",
        )
    name = low.world.capture.name_of(hist)
    offset = _slot(low, hist, value, call)
    pointer = tables.only_element(low, name)
    found, done = low.blocks(2)
    low.branch("ne", pointer, 0, found, done)
    low.start(found)
    _bump(low, pointer, offset, count)
    low.jump(done)
    low.start(done)


def _add_keyed(low: Lowering, owner: Keyed, value: Num, count: Operand, call: ast.Call) -> None:
    """Into the key's histogram, which is made of zeroes the first time."""
    hist = owner.hist
    assert isinstance(hist, Hist)
    assert hist.key is not None
    assert hist.value is not None
    table = tables.Table(hist, low.world.capture.name_of(hist), hist.key, hist.value)
    offset = _slot(low, hist, value, call)
    key = mapkeys.key_address(low, table, owner.key, owner.node)
    pointer = tables.find(low, table, key, call)
    found, missing, made, full, done = low.blocks(5)
    place = low.temporary("ptr")
    low.builder.write(place, pointer)
    low.branch("ne", pointer, 0, found, missing)
    low.start(missing)
    zeroes = low.builder.emit(
        "dataaddr", symbol=".rodata", offset=low.world.read_only(bytes(hist.value.size))
    )
    map_ = tables.map_address(low, table.name)
    # another CPU may be first: then this is refused, and what it made is found
    low.builder.emit(
        "call",
        map_,
        key,
        zeroes,
        tables.BPF_NOEXIST,
        result="int",
        symbol="map_update_elem",
    )
    again = tables.find(low, table, key, call)
    low.builder.write(place, again)
    low.branch("ne", again, 0, made, full)
    low.start(made)
    low.jump(found)
    low.start(full)
    tables.lost(low, "map_update", table.name)
    low.jump(done)
    low.start(found)
    where = low.builder.read(place)
    assert isinstance(where, Value)
    _bump(low, where, offset, count)
    low.jump(done)
    low.start(done)


def _bump(low: Lowering, pointer: Value, offset: Operand, count: Operand) -> None:
    place = low.builder.emit("add", pointer, offset, result="ptr", size=8)
    low.builder.emit("atomic", place, count, result="none", size=8, symbol="add")


def _slot(low: Lowering, hist: Hist[object], value: Num, call: ast.Call) -> Operand:
    """The byte offset of the slot that counts `value`."""
    if isinstance(value.type, Pointer):
        raise low.refuse(
            call.args[0],
            "type",
            f"{describe(value)} is no number to count",
            why="where something stands says little about it",
            fix="convert it: u64(p)",
        )
    if isinstance(value.op, int):
        return SLOT * hist.slot(value.op)
    if hist.linear is not None:
        return _linear_slot(low, hist, hist.linear, value)
    offset = _log2_slot(low, value)
    if value.bounds[0] >= 0:
        return offset
    sign = low.builder.emit("ashr", value.op, 63, size=8)  # all ones, or 0
    there = low.builder.emit("xor", sign, -1, size=8)
    return low.builder.emit("and", offset, there, size=8)


def _log2_slot(low: Lowering, value: Num) -> Operand:
    """Of a number of 0 or more: 8 times one more than its logarithm, and 8 for 0. Else: any slot.

    Five steps, each of which asks whether the upper half of what is left is 0: the sign of its
    negation tells, without a branch. So the verifier follows one way, and sees bounded bits: they
    are added, for behind an `or` of two values older verifiers (5.10, 6.1) know nothing.
    """
    emit = low.builder.emit
    rest: Operand = value.op
    total: Operand = 0
    for bit in (5, 4, 3, 2, 1):
        if value.bounds[0] >= 0 and value.bounds[1] >> (1 << bit) == 0:
            continue
        upper = emit("lshr", rest, 1 << bit, size=8)
        there = emit("lshr", emit("neg", upper, size=8), 63, size=8)
        shift = emit("shl", there, bit, size=8)
        rest = emit("lshr", rest, shift, size=8)
        total = emit("add", total, shift, size=8) if total != 0 else shift
    last = emit("and", emit("lshr", rest, 1, size=8), 1, size=8)
    total = emit("add", total, last, size=8) if total != 0 else last
    return emit("add", emit("shl", total, 3, size=8), SLOT, size=8)


def _linear_slot(
    low: Lowering, hist: Hist[object], linear: tuple[int, int, int], value: Num
) -> Operand:
    start, stop, step = linear
    assert isinstance(hist.value, ArrayOf)
    bottom, top = value.bounds
    letter = "s" if top <= S64.high else "u"
    below, above, inside, upwards = low.blocks(4)
    if bottom < start:  # then the value is signed, or `start` is more than 0
        low.branch(f"{letter}lt", value.op, start, below, upwards)
    else:
        low.jump(upwards)
    low.start(upwards)
    if top >= stop:
        limit = stop if letter == "s" else max(stop, 0)
        low.branch(f"{letter}ge", value.op, limit, above, inside)
    else:
        low.jump(inside)
    ends = []
    for block, slot in ((below, 0), (above, hist.slot(stop))):
        if low.builder.reached(block):
            low.start(block)
            ends.append(low.end(SLOT * slot))
    low.start(inside)
    index: Operand = low.builder.emit("sub", value.op, start, size=8)
    if step > 1:
        index = low.builder.emit("udiv", index, step, size=8)
    index = low.builder.emit("add", index, 1, size=8)
    index = low.builder.emit("and", index, hist.value.count - 1, size=8)
    ends.append(low.end(low.builder.emit("shl", index, 3, size=8)))
    return low.join(ends)
