"""Arrays in structs: elements by index, `len`, `in`, loops.

In: a reference to an array, expressions. Out: places of elements, IR. Indices count from the end
where they are negative, as a list's do; one that is out of range is refused if it is constant, and
traps otherwise. What is added to an address is shown to the verifier within its bounds, next to
where it is used.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import conditions, loops, memory, names, texts
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import S64, Num, Ref, literal
from probee.frozen import replace
from probee.spec.types import ArrayOf

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.memory import Place
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand


def is_array(value: TypedValue) -> bool:
    """Whether it is an array in a struct."""
    return isinstance(value, Ref) and isinstance(value.type, ArrayOf)


def element(low: Lowering, owner: Ref, key: ast.expr, node: ast.expr) -> Place:
    """Where `owner[key]` stands."""
    if isinstance(key, ast.Slice):
        raise low.not_yet(key, "a slice of an array", fix="loop over a range of indices")
    index = low.number(key)
    low.place(node)
    memory.check_usable(low, owner, node)
    return at(low, owner, index, key)


def at(low: Lowering, owner: Ref, index: Num, node: ast.AST) -> Place:
    """The element at an index, as Python counts."""
    type_ = owner.type
    assert isinstance(type_, ArrayOf)
    count, size = type_.count, type_.element.size
    if isinstance(index.op, int):
        if not -count <= index.op < count:
            raise low.refuse(
                node,
                "index-range",
                f"the index {index.op} is outside the {count} elements",
                why="Python would raise IndexError",
                fix=f"an index from 0 to {count - 1}, or from -{count} to -1, from the end",
            )
        return memory.Place(owner, owner.offset + index.op % count * size, type_.element)
    inside = _inside(low, index, count, node)
    distance = low.builder.emit("mul", inside, size, size=8) if size > 1 else inside
    pointer = low.builder.emit("add", owner.ptr, distance, result="ptr", size=8)
    align = min(owner.align, size & -size)
    ref = replace(owner, ptr=pointer, align=align, moved=True)
    return memory.Place(ref, owner.offset, type_.element)


def _inside(low: Lowering, index: Num, count: int, node: ast.AST) -> Operand:
    """The index counted from the start; the program stops where it is out of range."""
    op, (bottom, top) = index.op, index.bounds
    if bottom < 0:
        behind, before = low.blocks(2)
        low.branch("slt", op, 0, behind, before)
        low.start(behind)
        ends = [low.end(low.builder.emit("add", op, count, size=8))]
        low.start(before)
        ends.append(low.end(op))
        op = low.join(ends)
    if -count <= bottom and top < count:
        op = bounded(low, op, count)
    else:
        trap_if(low, "uge", op, count, "IndexError", node)
    mask = (1 << (count - 1).bit_length()) - 1
    return low.builder.emit("and", op, mask, size=8)


def bounded(low: Lowering, op: Operand, count: int) -> Operand:
    """`op`, which is below `count`, in a form that shows it where a mask alone does not.

    Passes drop the test where the verifier sees the bound by itself.
    """
    if count & (count - 1) == 0:
        return op
    inside, outside = low.blocks(2)
    low.branch("ult", op, count, inside, outside)
    ends = []
    for block, value in ((inside, op), (outside, 0)):
        low.start(block)
        ends.append(low.end(value))
    return low.join(ends)


def subscript(low: Lowering, owner: Ref, key: ast.expr, node: ast.expr) -> TypedValue:
    """`owner[key]` read."""
    return memory.load(low, element(low, owner, key, node))


def store(
    low: Lowering, owner: Ref, key: ast.expr, value: TypedValue, target: ast.expr, node: ast.expr
) -> None:
    """`owner[key] = value`."""
    place = element(low, owner, key, target)
    memory.write(low, place, value, target, node)


def length(value: Ref) -> Num:
    """`len(array)`."""
    assert isinstance(value.type, ArrayOf)
    return literal(value.type.count)


def contains(
    low: Lowering,
    owner: Ref,
    wanted: tuple[ast.expr, TypedValue],
    node: ast.expr,
    then: Block,
    other: Block,
) -> None:
    """Leaves by `wanted in owner`: elements are compared in order."""
    type_ = owner.type
    assert isinstance(type_, ArrayOf)
    memory.check_usable(low, owner, node)
    wanted = wanted[0], texts.kept(low, wanted[1], wanted[0])
    head, look, again = low.blocks(3)
    place = low.temporary()
    low.builder.write(place, 0)
    low.jump(head)
    low.start(head, sealed=False)
    index = low.builder.read(place)
    low.branch("slt", index, type_.count, look, other)
    low.start(look)
    here = Num(S64, index, 0, type_.count - 1)
    found = memory.load(low, at(low, owner, here, node))
    conditions.equal(low, node, (node, found), wanted, then, again)
    low.start(again)
    low.builder.write(place, low.builder.emit("add", index, 1, size=8))
    low.jump(head)
    low.builder.seal(head)


def loop(low: Lowering, node: ast.For, owner: Ref, *, numbered: bool = False) -> None:
    """`for x in array`: x is an integer, or refers to the element, of the array as it is then.

    `numbered`: `for i, x in enumerate(array)`.
    """
    target, number = node.target, None
    if numbered and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        number, target = target.elts
    if not isinstance(target, ast.Name) or (numbered and not isinstance(number, ast.Name)):
        raise low.refuse(
            node.target,
            "unpack",
            "an element does not unpack into these names",
            why="elements of arrays are integers, structs, texts or arrays",
            fix="give two names, for the index and the element" if numbered else "give one name",
        )
    name = target.id
    hidden = f"for {low.number_of()}"  # no name of Python's: what the loop goes through
    memory.check_usable(low, owner, node.iter)
    names.assign(low, hidden, owner, node.iter)

    def bind(index: Num) -> None:
        array = names.read(low, hidden, node.iter)
        assert isinstance(array, Ref)
        memory.check_usable(low, array, node.iter)
        found = memory.load(low, at(low, array, index, node.iter))
        if isinstance(number, ast.Name):
            names.assign(low, number.id, index, number)
        names.assign(low, name, found, target)

    assert isinstance(owner.type, ArrayOf)
    loops.through(low, node, loops.Span.of(owner.type.count), bind)
    low.frame.locals.pop(hidden, None)
