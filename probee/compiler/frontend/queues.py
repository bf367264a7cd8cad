"""Queues, stacks and bloom filters: maps without keys.

In: a declaration, values. Out: helper calls. What is taken out, or looked at, is a copy on the
stack; a push that finds no room is counted, and False.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, memory, tables
from probee.compiler.frontend.values import NONE, Num, Opt, OptNum, Ref, boolean
from probee.compiler.ir.ops import ASKING, Value
from probee.lang.queues import BloomFilter, Queue
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast
    from typing import Any

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block
    from probee.spec.types import ValueType

_FORMS = {
    "push": ("queue.push(value)", 1),
    "pop": ("queue.pop()", 0),
    "peek": ("queue.peek()", 0),
    "add": ("bloom.add(value)", 1),
}


def method(
    low: Lowering, owner: Queue[Any] | BloomFilter[Any], name: str, call: ast.Call
) -> TypedValue:
    """A method call on a map without keys."""
    has = ("push", "pop", "peek") if isinstance(owner, Queue) else ("add",)
    if name not in has:
        raise low.refuse(
            call,
            "map-operation",
            f"{type(owner).__name__} has no {name}() in kernel programs",
            why="a map has the operations that the kernel gives it",
            fix=f"it has: {', '.join(has)}" + ("" if isinstance(owner, Queue) else ", and `in`"),
        )
    form, count = _FORMS[name]
    if call.keywords or len(call.args) != count:
        raise low.refuse(call, "arguments", f"the form is {form}")
    if name in ("pop", "peek"):
        return _take(low, owner, name, call)
    return _put(low, owner, call)


def _put(low: Lowering, owner: Queue[Any] | BloomFilter[Any], call: ast.Call) -> TypedValue:
    """`q.push(v)`: whether it fits. `b.add(v)`: it always does."""
    (node,) = call.args
    value = low.value(node)
    name = low.world.capture.name_of(owner)
    type_ = _held(owner)
    queue = isinstance(owner, Queue)
    if queue:
        source = mapkeys.in_memory(low, value, type_, "value", node)
    else:
        source = mapkeys.compared(low, value, type_, node)
    low.place(call)
    address = tables.map_address(low, name)
    result = low.builder.emit("call", address, source, 0, result="int", symbol="map_push_elem")
    if not queue:
        return NONE
    if isinstance(value, Ref):
        memory.mark_stored(low, value, f"map:{name}")
    tables.count_unless_zero(low, result, "map_update", name)
    fits, full = low.blocks(2)
    low.branch("eq", result, 0, fits, full)
    return boolean(low.either(fits, full))


def _take(
    low: Lowering, owner: Queue[Any] | BloomFilter[Any], name: str, call: ast.Call
) -> TypedValue:
    """`q.pop()`, `q.peek()`: a copy of the value, or None."""
    low.place(call)
    type_ = _held(owner)
    kernel_name = low.world.capture.name_of(owner)
    whole = isinstance(type_, (StructType, CharArray, ArrayOf))
    site = low.site() if whole else ""
    if whole:
        pointer = low.object_slot("taken", type_.size, site)
    else:
        pointer = low.scratch_slot("taken", type_.size)
    address = tables.map_address(low, kernel_name)
    symbol = f"map_{name}_elem"
    result = low.builder.emit("call", address, pointer, result="int", symbol=symbol)
    got, nothing = low.blocks(2)
    low.branch("eq", result, 0, got, nothing)
    low.start(got)
    if isinstance(type_, (StructType, CharArray, ArrayOf)):
        memory.mark_copied_out(low, f"map:{kernel_name}", site, leaves=name == "pop")
        if name == "peek":  # in Python a change of it would change what is in the queue
            low.flow = low.flow.copied(site, f"map:{kernel_name}")
        ends = [low.end(pointer)]
        low.start(nothing)
        found = low.join([*ends, low.end(0)], "ptr")
        assert isinstance(found, Value)
        return Opt(Ref(found, 0, type_, "stack", site))
    assert isinstance(type_, (Int, Pointer))
    number = memory.load_number(low, memory.Place(memory.bare(pointer), 0, type_), type_)
    return optional(low, number, nothing)


def optional(low: Lowering, found: Num, missing: Block) -> OptNum:
    """`found`, on this path; None on that through `missing`."""
    value = low.temporary()
    low.builder.write(value, found.op)
    ends = [low.end(1)]
    low.start(missing)
    low.builder.write(value, 0)
    ends.append(low.end(0))
    present = low.join(ends)
    return OptNum(Num(found.type, low.builder.read(value)), present)


def _held(owner: Queue[Any] | BloomFilter[Any]) -> ValueType:
    assert owner.value is not None
    return owner.value


def contains(
    low: Lowering,
    owner: BloomFilter[Any],
    value: tuple[ast.expr, TypedValue],
    then: Block,
    other: Block,
) -> None:
    """`v in b`: surely not, or probably."""
    node, found = value
    type_ = _held(owner)
    source = mapkeys.compared(low, found, type_, node)
    address = tables.map_address(low, low.world.capture.name_of(owner))
    # Its prototype says that it writes a value, as it does of queues: see ops.ASKING.
    result = low.builder.emit("call", address, source, type_.size, result="int", symbol=ASKING)
    low.branch("eq", result, 0, then, other)
