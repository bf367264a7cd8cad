"""Values that are one of several: `a if c else b`, `a or b`, what a function returns.

In: ways that meet, each with the value it brings. Out: one value. Numbers are brought to the type
that all of them have in common; where one way brings None, the result is a number or None.
References to the same place, and None beside references into a map, give a reference or None.
What is the same on every way is what it is; tuples are chosen part by part.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from probee.compiler.frontend import conditions, kernelnames, memory, numbers, replaced
from probee.compiler.frontend.values import (
    NONE,
    NoneType,
    Num,
    Opt,
    OptNum,
    OptText,
    Ref,
    Several,
    boolean,
    describe,
)
from probee.compiler.ir.ops import Value
from probee.frozen import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block


class Side(NamedTuple):
    """An open block (None: not reachable), what is known there, and the value it ends with."""

    value: TypedValue
    at: Block | None
    flow: Flow


def side(low: Lowering, value: TypedValue, node: ast.AST) -> Side:
    """This block, open, with a value that must be good here, to be united with others."""
    for ref in _objects(value):
        memory.check_current(low, ref, node)
        low.keep(ref.site)
    return Side(value, low.builder.at, low.flow)


def _objects(value: TypedValue) -> list[Ref]:
    """What a value refers to, in all parts of a tuple."""
    if isinstance(value, Several):
        return [ref for item in value.items for ref in _objects(item)]
    ref = replaced.referred(value)
    return [] if ref is None else [ref]


def conditional(
    low: Lowering, test: ast.expr, body: ast.expr, orelse: ast.expr, node: ast.expr
) -> TypedValue:
    """`a if test else b`: each side in a block of its own."""
    yes, no = low.blocks(2)
    low.condition(test, yes, no)
    sides = []
    for block, expression in ((yes, body), (no, orelse)):
        low.start(block)
        sides.append(side(low, low.value(expression), expression))
    return unite(low, sides, node)


def either(low: Lowering, node: ast.BoolOp) -> TypedValue:
    """`a and b`, `a or b` as values: the last operand looked at, as in Python."""
    if _boolean_shaped(node):
        return boolean(conditions.as_operand(low, node))
    is_and = isinstance(node.op, ast.And)
    sides = []
    for operand in node.values[:-1]:
        leave, on = low.blocks(2)
        yes, no = (on, leave) if is_and else (leave, on)
        if _boolean_shaped(operand):
            value: TypedValue = boolean(int(not is_and))
            low.condition(operand, yes, no)
        else:
            value = low.value(operand)
            conditions.truth(low, value, operand, yes, no)
            if isinstance(value, OptNum) and not is_and:  # what is true is there
                value = value.num
        low.start(leave)
        sides.append(side(low, value, operand))
        low.start(on)
    last = node.values[-1]
    return unite(low, [*sides, side(low, low.value(last), last)], node)


def _boolean_shaped(node: ast.expr) -> bool:
    """Whether `node` is True or False whatever its operands are."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp(values=values):
            return all(_boolean_shaped(v) for v in values)
        case _:
            return False


def unite(low: Lowering, sides: Sequence[Side], node: ast.AST) -> TypedValue:
    """The value of the way that was taken, where all of them meet."""
    # None on a path that cannot run makes nothing optional
    sides = [s for s in sides if s.at is not None or s.value != NONE] or sides
    together = _together(low, [s.value for s in sides], node)
    (done,) = low.blocks(1)
    for number, one in enumerate(sides):
        low.resume(one.at, one.flow)
        together.put(low, number)
        low.jump(done)
    low.start(done)
    return together.get(low)


def _together(low: Lowering, values: Sequence[TypedValue], node: ast.AST) -> _Together:
    """How these values become one. Raises Refusal where they cannot."""
    first = values[0]
    if all(isinstance(v, (Num, OptNum, NoneType)) for v in values) and any(
        isinstance(v, (Num, OptNum)) for v in values
    ):
        return _Numbers(low, values, node)
    if any(replaced.referred(v) is not None for v in values):
        return _References(low, values, node)
    if kernelnames.United.takes(values):
        return kernelnames.United(low, values)
    if all(isinstance(v, Several) for v in values):
        return _Tuples(low, [v for v in values if isinstance(v, Several)], node)
    if all(v == first for v in values):
        return _Same(first)
    raise _unlike(low, values, node)


def _unlike(low: Lowering, values: Sequence[TypedValue], node: ast.AST) -> Refusal:
    kinds = " or ".join(dict.fromkeys(describe(v) for v in values))
    return low.not_yet(node, f"a value that is {kinds}", fix="decide with an if statement")


class _Numbers:
    """Integers and pointers, and None."""

    def __init__(self, low: Lowering, values: Sequence[TypedValue], node: ast.AST) -> None:
        self.node = node
        self.values = values
        given = [v.num if isinstance(v, OptNum) else v for v in values]
        self.type = numbers.joined([v for v in given if isinstance(v, Num)])
        self.optional = any(isinstance(v, (OptNum, NoneType)) for v in values)
        self.number, self.present = low.temporary(), low.temporary()
        self.bounds: list[tuple[int, int]] = []

    def put(self, low: Lowering, place: int) -> None:
        value = self.values[place]
        number = value.num if isinstance(value, OptNum) else value
        present = value.present if isinstance(value, OptNum) else int(isinstance(value, Num))
        if isinstance(number, Num):
            number = numbers.convert(low, number, self.type, self.node)
            self.bounds.append(number.bounds)
            low.builder.write(self.number, number.op)
        else:
            low.builder.write(self.number, 0)
        low.builder.write(self.present, present)

    def get(self, low: Lowering) -> TypedValue:
        operand = low.builder.read(self.number)
        if self.optional:
            return OptNum(Num(self.type, operand), low.builder.read(self.present))
        bottom, top = min(low_ for low_, _ in self.bounds), max(high for _, high in self.bounds)
        return Num(self.type, operand, bottom, top)


class _References:
    """References to one object, or into one map, and None; text in one buffer, or None."""

    def __init__(self, low: Lowering, values: Sequence[TypedValue], node: ast.AST) -> None:
        found = [v for v in values if v != NONE]
        refs = [ref for v in found if (ref := replaced.referred(v)) is not None]
        texts = [v for v in values if isinstance(v, OptText)]
        if len(refs) < len(found) or not all(memory.alike(refs[0], ref) for ref in refs):
            raise _unlike(low, values, node)
        if len(found) < len(values) and not refs[0].origin.startswith("map:"):
            raise _unlike(low, values, node)
        if texts and len(texts) < len(values):
            raise _unlike(low, values, node)
        self.values, self.ref = values, refs[0]
        self.optional = any(isinstance(v, (Opt, NoneType)) for v in values)
        self.pointer = low.temporary("ptr")
        self.present = low.temporary() if texts else None

    def put(self, low: Lowering, place: int) -> None:
        value = self.values[place]
        ref = replaced.referred(value)
        low.builder.write(self.pointer, 0 if ref is None else ref.ptr)
        if self.present is not None and isinstance(value, OptText):
            low.builder.write(self.present, value.present)

    def get(self, low: Lowering) -> TypedValue:
        pointer = low.builder.read(self.pointer)
        if not isinstance(pointer, Value):  # only None comes here
            return NONE
        born = low.changes.get(self.ref.origin, 0)
        ref = replaced.refreshed(low, replace(self.ref, ptr=pointer, born=born))
        if self.present is not None:
            return OptText(ref, low.builder.read(self.present))
        return Opt(ref) if self.optional else ref


class _Same:
    """What is the same on every way, None too."""

    def __init__(self, value: TypedValue) -> None:
        self.value = value

    def put(self, low: Lowering, place: int) -> None:
        pass

    def get(self, low: Lowering) -> TypedValue:
        return self.value


class _Tuples:
    """Tuples of one length."""

    def __init__(self, low: Lowering, values: Sequence[Several], node: ast.AST) -> None:
        if len({len(v.items) for v in values}) > 1:
            raise _unlike(low, values, node)
        columns = zip(*(v.items for v in values), strict=True)
        self.parts = [_together(low, column, node) for column in columns]

    def put(self, low: Lowering, place: int) -> None:
        for part in self.parts:
            part.put(low, place)

    def get(self, low: Lowering) -> TypedValue:
        return Several(tuple(part.get(low) for part in self.parts))


_Together: TypeAlias = "_Numbers | _References | _Same | _Tuples | kernelnames.United"
