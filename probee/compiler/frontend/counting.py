"""How often a `while` can run at most.

In: a `while` node. Out: what counts its rounds, and their number; nothing where nothing bounds it.
One conjunct of the condition compares a local with a bound that stays, and the body moves that
local towards it by a constant, once, on every round; or the local is shifted right until nothing is
left of it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from probee.compiler.frontend.scope import assigned
from probee.compiler.frontend.values import Num, OptText, Ref, Thing
from probee.spec.types import ArrayOf, CharArray, Int

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering

_MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}


class Counter(NamedTuple):
    """A local that bounds a loop: its value, when a round begins, is from `low` to `high`."""

    name: str
    rounds: int
    low: int
    high: int


def counters(low: Lowering, node: ast.While) -> list[Counter]:
    """What each conjunct of the condition allows."""
    test = node.test
    conjuncts = [test]
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        conjuncts = test.values
    return [found for c in conjuncts if (found := _allowed(low, node, c)) is not None]


def compared(low: Lowering, node: ast.While) -> list[str]:
    """The integer locals that the condition reads."""
    found = [n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)]
    return [name for name in dict.fromkeys(found) if isinstance(low.frame.locals.get(name), Num)]


def _allowed(low: Lowering, node: ast.While, test: ast.expr) -> Counter | None:
    match test:
        case ast.Name():
            return _shifted_out(low, node, test)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            found = _counted(low, node, left, type(operator), right)
            if found is None and type(operator) in _MIRRORED:
                found = _counted(low, node, right, _MIRRORED[type(operator)], left)
            if found is None and _is_zero(right) and isinstance(operator, (ast.NotEq, ast.Gt)):
                return _shifted_out(low, node, left)
            return found
        case _:
            return None


def _shifted_out(low: Lowering, node: ast.While, counter: ast.expr) -> Counter | None:
    """`while x: … x >>= 1`, where x is not negative."""
    bounds = _bounds(low, counter)
    if bounds is None or bounds[0] < 0 or not isinstance(counter, ast.Name):
        return None
    move = _move(node, counter.id)
    if move is None or move[0] is not ast.RShift:
        return None
    return Counter(counter.id, bounds[1].bit_length() // move[1] + 1, 0, bounds[1])


def _counted(
    low: Lowering, node: ast.While, counter: ast.expr, operator: type[ast.cmpop], limit: ast.expr
) -> Counter | None:
    """`while i < n: … i += 1` and the like, where i cannot wrap before it gets there."""
    start, stop = _bounds(low, counter), _lasting_bounds(low, node, limit)
    if start is None or stop is None or not isinstance(counter, ast.Name):
        return None
    move = _move(node, counter.id)
    type_ = _type(low, counter)
    if move is None or type_ is None:
        return None
    direction, amount = move
    inclusive = operator in (ast.LtE, ast.GtE)
    if direction is ast.Add and operator in (ast.Lt, ast.LtE):
        highest = stop[1] - (not inclusive)  # the last value with which a round begins
        if highest + amount > type_.high:
            return None
        rounds = max(0, (highest - start[0]) // amount + 1)
        return Counter(counter.id, rounds, start[0], highest)
    if direction is ast.Sub and operator in (ast.Gt, ast.GtE):
        lowest = stop[0] + (not inclusive)
        if lowest - amount < type_.low:
            return None
        rounds = max(0, (start[1] - lowest) // amount + 1)
        return Counter(counter.id, rounds, lowest, start[1])
    return None


def _bounds(low: Lowering, counter: ast.expr) -> tuple[int, int] | None:
    """What the counter may be when the loop begins."""
    type_ = _type(low, counter)
    if type_ is None or not isinstance(counter, ast.Name):
        return None
    return low.flow.ranges.get(low.frame.key(counter.id), (type_.low, type_.high))


def _type(low: Lowering, counter: ast.expr) -> Int | None:
    if not isinstance(counter, ast.Name):
        return None
    match low.frame.locals.get(counter.id):
        case Num(type=Int() as type_):
            return type_
        case _:
            return None


def _lasting_bounds(low: Lowering, node: ast.While, limit: ast.expr) -> tuple[int, int] | None:
    """Bounds that hold in every round: of a constant, or a local that the loop does not assign."""
    if isinstance(limit, ast.Name) and limit.id in low.frame.names:
        return None if limit.id in assigned(node) else _bounds(low, limit)
    if (size := _text_size(low, limit)) is not None:
        return 0, size - 1
    if not _constant(low, limit):
        return None
    value = low.value(limit)
    return value.bounds if isinstance(value, Num) else None


def _text_size(low: Lowering, limit: ast.expr) -> int | None:
    """The size of the buffer of `s` in `len(s.raw)`: a local's text is shorter, whichever it is."""
    match limit:
        case ast.Call(
            func=ast.Name(id="len"), args=[ast.Attribute(value=ast.Name(id=name), attr="raw")]
        ):
            match low.frame.locals.get(name):
                case Ref(type=CharArray(size)) | OptText(ref=Ref(type=CharArray(size))):
                    return size
    return None


def _constant(low: Lowering, node: ast.expr) -> bool:
    """Whether it is made of numbers and names from outside, and the lengths of arrays."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.Name(id=name):
            return name not in low.frame.names
        case ast.Attribute():  # of a module or an enum
            dotted = ast.unparse(node)
            return dotted.partition(".")[0] not in low.frame.names and dotted in low.frame.scope
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _constant(low, operand)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            return _constant(low, left) and _constant(low, right)
        case ast.Call(func=ast.Name() as name, args=[ast.Name() | ast.Attribute() as argument]):
            found = low.value(argument) if low.value(name) == Thing(len, "len") else None
            return isinstance(found, Ref) and isinstance(found.type, ArrayOf)
        case _:
            return False


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == 0


def _move(node: ast.While, name: str) -> tuple[type[ast.operator], int] | None:
    """How the body moves `name`, if by one constant step on every round: (operator, amount)."""
    inside = [n for child in [*node.body, node.test] for n in ast.walk(child)]
    stores = [
        n
        for n in inside
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
    ]
    if len(stores) != 1 or any(isinstance(n, ast.MatchAs) and n.name == name for n in inside):
        return None
    for statement in node.body:
        if isinstance(statement, ast.AugAssign) and statement.target is stores[0]:
            amount = statement.value
            if isinstance(amount, ast.Constant) and type(amount.value) is int and amount.value > 0:
                return type(statement.op), amount.value
            return None
        if _continues(statement):
            return None
    return None


def _continues(node: ast.AST) -> bool:
    """Whether a `continue` of the loop around `node` stands in it."""
    if isinstance(node, ast.Continue):
        return True
    inner = node.orelse if isinstance(node, (ast.For, ast.While)) else ast.iter_child_nodes(node)
    return any(_continues(child) for child in inner)
