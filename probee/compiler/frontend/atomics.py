"""Atomic operations: a place is read and written in one step.

In: a call of `atomic_add` or its kin, whose first argument is a place. Out: an `atomic` operation.
As in any call the arguments come first, in their order: where the place is found (a missing key
traps), then the numbers; then the step is done.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import arrays, counters, maps, memory, numbers
from probee.compiler.frontend.values import NONE, Num, Ref
from probee.spec.types import Int

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue

# the language's word → the operation of the IR, and whether it gives the old value
OPERATIONS = {
    "atomic_add": ("add", False),
    "atomic_and": ("and", False),
    "atomic_or": ("or", False),
    "atomic_xor": ("xor", False),
    "atomic_fetch_add": ("fetch_add", True),
    "atomic_fetch_and": ("fetch_and", True),
    "atomic_fetch_or": ("fetch_or", True),
    "atomic_fetch_xor": ("fetch_xor", True),
    "atomic_exchange": ("xchg", True),
    "atomic_compare_exchange": ("cmpxchg", True),
}


def call(low: Lowering, name: str, node: ast.Call) -> TypedValue:
    """`atomic_add(place, value)` and its kin."""
    symbol, fetching = OPERATIONS[name]
    wanted = 3 if symbol == "cmpxchg" else 2
    if node.keywords or len(node.args) != wanted:
        words = "place, expected, value" if wanted == 3 else "place, value"
        raise low.refuse(node, "arguments", f"the form is {name}({words})")
    target, *others = node.args
    place = _place(low, target)
    type_ = _type(low, place, target)
    given = [numbers.convert(low, low.number(other), type_, other).op for other in others]
    given.reverse()  # the value, then what is expected
    low.place(node)
    memory.check_usable(low, place.ref, target)
    memory.check_writable(low, place.ref, target)
    result = low.builder.emit(
        "atomic",
        place.ref.ptr,
        *given,
        result="int" if fetching else "none",
        size=type_.size,
        offset=place.offset,
        symbol=symbol,
    )
    memory.wrote(low, place)
    if not fetching:
        return NONE
    if type_.signed and type_.size < 8:
        result = low.builder.emit("sext", result, size=type_.size)
    return Num(type_, result)


def _place(low: Lowering, node: ast.expr) -> memory.Place:
    """What the first argument names: something that could be assigned to."""
    match node:
        case ast.Attribute(value=owner):
            place = memory.field_place(low, low.value(owner), node)
            memory.check_writable(low, place.ref, node)
            return place
        case ast.Subscript(value=owner, slice=key):
            found = low.value(owner)
            if isinstance(found, Ref) and arrays.is_array(found):
                return arrays.element(low, found, key, node)
            if counters.is_counter(found):
                raise low.refuse(
                    node,
                    "atomic-place",
                    "a Counter has no place for a key that is missing",
                    why="it reads 0 there, and makes an entry when something is added",
                    fix="write `c[k] += n`, which is atomic",
                )
            return maps.element(low, found, (key, low.value(key)), node)
        case _:
            raise low.refuse(
                node,
                "atomic-place",
                "this is no place that other CPUs see",
                why="a local, and what is only computed, belong to this run of the program alone",
                fix="give m[k], a field of a record, or the .value of a Global",
            )


def _type(low: Lowering, place: memory.Place, node: ast.expr) -> Int:
    if isinstance(place.type, Int) and not place.type.boolean and place.type.size in (4, 8):
        return place.type
    raise low.refuse(
        node,
        "atomic-place",
        "an atomic operation is on an integer of 4 or 8 bytes",
        why="processors have no others that the kernel lets programs use",
        fix="declare it as u32, s32, u64 or s64",
    )
