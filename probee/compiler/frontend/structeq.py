"""Structs and arrays compared: equal where all that they hold is.

In: two references to values of one type. Out: IR that leaves to one of two blocks. `Struct.__eq__`
compares the fields on the user side; so does this, each as Python compares its type.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import arrays, memory, numbers, search
from probee.compiler.frontend.values import S64, Num, Ref, describe
from probee.frozen import replace
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block

UNROLLED = 8


def is_object(value: TypedValue) -> bool:
    """Whether it is a struct or an array."""
    return isinstance(value, Ref) and isinstance(value.type, (StructType, ArrayOf))


def compare(
    low: Lowering, node: ast.AST, operator: ast.cmpop, a: Ref, b: Ref, then: Block, other: Block
) -> None:
    """Leaves by `a == b`; `!=` has its ways exchanged before."""
    if arrays.is_array(a) and (a.type != b.type or not isinstance(operator, (ast.Eq, ast.NotEq))):
        raise low.not_yet(node, "the order of arrays, and arrays of two types beside each other")
    if not isinstance(operator, (ast.Eq, ast.NotEq)):
        raise low.refuse(
            node,
            "type",
            f"{describe(a)} has no order",
            why="Python would raise TypeError",
            fix="compare a field",
        )
    if a.type != b.type:
        raise low.refuse(
            node,
            "type",
            f"{describe(a)} and {describe(b)} are compared",
            why="in Python objects of two types are never equal",
            fix="compare their fields",
        )
    memory.check_usable(low, a, node)
    memory.check_usable(low, b, node)
    _same(low, node, a, b, then, other)


def _same(low: Lowering, node: ast.AST, a: Ref, b: Ref, then: Block, other: Block) -> None:
    match a.type:
        case StructType(fields=fields):
            for field in fields:
                left = memory.Place(a, a.offset + field.offset, field.type)
                right = memory.Place(b, b.offset + field.offset, field.type)
                _place(low, node, left, right, other)
            low.jump(then)
        case ArrayOf(count=count) if count <= UNROLLED:
            for i in range(count):
                index = Num(S64, i)
                left, right = (arrays.at(low, ref, index, node) for ref in (a, b))
                _place(low, node, left, right, other)
            low.jump(then)
        case ArrayOf(count=count):
            _elements(low, node, a, b, count, then, other)
        case CharArray():
            search.equal(low, node, a, b, then, other)


def _place(low: Lowering, node: ast.AST, a: memory.Place, b: memory.Place, other: Block) -> None:
    """Goes on where two places hold the same, else to `other`."""
    (on,) = low.blocks(1)
    if isinstance(a.type, (Int, Pointer)):
        one, two = (memory.load_number(low, place, a.type) for place in (a, b))
        numbers.compare(low, ast.Eq(), one, two, on, other)
    else:
        left, right = (replace(p.ref, offset=p.offset, type=a.type) for p in (a, b))
        _same(low, node, left, right, on, other)
    low.start(on)


def _elements(
    low: Lowering, node: ast.AST, a: Ref, b: Ref, count: int, then: Block, other: Block
) -> None:
    """Compares long arrays in a loop."""
    head, look = low.blocks(2)
    place = low.temporary()
    low.builder.write(place, 0)
    low.jump(head)
    low.start(head, sealed=False)
    index = low.builder.read(place)
    low.branch("slt", index, count, look, then)
    low.start(look)
    here = Num(S64, index, 0, count - 1)
    _place(low, node, arrays.at(low, a, here, node), arrays.at(low, b, here, node), other)
    low.builder.write(place, low.builder.emit("add", index, 1, size=8))
    low.jump(head)
    low.builder.seal(head)
