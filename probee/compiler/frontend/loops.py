"""Loops whose number of rounds is proved from the source.

In: `for i in range(…)` and `while` nodes. Out: IR loops that the verifier follows to their end.

A `range` is bounded by what is known of its ends. A `while` must count: one conjunct of its
condition compares a local with a bound, and the body moves that local by a constant, once, on every
round. What is learnt in a round must still hold in the next: facts about locals that the body
assigns are forgotten at its head, and reads that rely on something the body takes away are refused.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend.flow import Flow
from probee.compiler.frontend.lowering import Loop
from probee.compiler.frontend.memory import changed_after_store
from probee.compiler.frontend.numbers import convert
from probee.compiler.frontend.values import S64, Num, Thing
from probee.frozen import replace
from probee.spec.types import Int

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.ir.ops import Block

MAX_ROUNDS = 8192  # the verifier walks every round; past this it gives up on its own limits


def for_(low: Lowering, node: ast.For) -> None:
    """`for i in range(…)`, with `else`."""
    start, stop, step = _range(low, node)
    if not isinstance(node.target, ast.Name):
        raise low.refuse(node.target, "target", "a range gives integers: one name is wanted")
    low.place(node)
    bottom, top = (
        (start.bounds[0], stop.bounds[1]) if step > 0 else (stop.bounds[0], start.bounds[1])
    )
    _check_rounds(low, node.iter, (top - bottom + abs(step) - 1) // abs(step))
    counter = low.temporary()
    low.builder.write(counter, start.op)
    head, inside, again, exhausted, done = low.blocks(5)
    low.jump(head)
    loop = _enter(low, node, head, again, done)
    now = low.builder.read(counter)
    low.branch("slt" if step > 0 else "sgt", now, stop.op, inside, exhausted)
    low.start(inside)
    in_range = (bottom, top - 1) if step > 0 else (bottom + 1, top)
    value = Num(S64, now, *in_range) if in_range[0] <= in_range[1] else Num(S64, now)
    low.assign(node.target.id, value, node.target)
    low.body(node.body)
    low.jump(again)
    low.start(again)
    low.place(node)
    low.builder.write(counter, low.builder.emit("add", now, step, size=8))
    _close(low, node, loop, head)
    _finish(low, node.orelse, exhausted, done)


def _range(low: Lowering, node: ast.For) -> tuple[Num, Num, int]:
    """The ends and the step of a range, evaluated once, in order."""
    call = node.iter
    is_range = isinstance(call, ast.Call) and low.value(call.func) == Thing(range, "range")
    if not is_range:
        raise low.not_yet(node.iter, "a for loop over anything but range(…)")
    assert isinstance(call, ast.Call)
    if not 1 <= len(call.args) <= 3 or call.keywords:
        raise low.refuse(
            call, "arguments", "range takes a stop, or start and stop, or these and a step"
        )
    numbers = []
    for argument in call.args:
        number = low.number(argument)
        if not number.literal and number.bounds[1] > S64.high:
            raise low.refuse(
                argument,
                "unbounded-loop",
                "a u64 here may be past what a loop can count to",
                fix="bound it: `min(n, 64)`, or mask it",
            )
        numbers.append(convert(low, number, S64, argument))
    start = numbers[0] if len(numbers) > 1 else Num(S64, 0)
    stop = numbers[min(1, len(numbers) - 1)]
    if len(numbers) < 3:
        return start, stop, 1
    step = numbers[2].op
    if not isinstance(step, int):
        raise low.not_yet(call.args[2], "a step that is not a constant")
    if step == 0:
        raise low.refuse(call.args[2], "arguments", "range() with a step of 0 raises in Python")
    return start, stop, step


def _check_rounds(low: Lowering, node: ast.AST, rounds: int) -> None:
    if rounds > MAX_ROUNDS:
        raise low.refuse(
            node,
            "unbounded-loop",
            f"this loop may run {rounds:,} times, and {MAX_ROUNDS:,} is the most",
            why="the verifier follows every round before it lets the program run",
            fix="bound it: `min(n, 64)`, a mask, or a type as u8",
        )


def while_(low: Lowering, node: ast.While) -> None:
    """`while condition`, with `else`, where the body counts towards the condition's end."""
    low.place(node)
    rounds = _rounds(low, node)
    if rounds is None:
        raise low.refuse(
            node.test,
            "unbounded-loop",
            "nothing here shows that this loop ends",
            why="the verifier refuses a loop without a bound that it can see",
            fix="write `for i in range(64):` with a break, or count: `while … and i < 64:` with `i += 1` in the body",
        )
    _check_rounds(low, node.test, rounds)
    head, inside, exhausted, done = low.blocks(4)
    low.jump(head)
    loop = _enter(low, node, head, head, done)
    low.condition(node.test, inside, exhausted)
    low.start(inside)
    low.body(node.body)
    _close(low, node, loop, head)
    _finish(low, node.orelse, exhausted, done)


def _rounds(low: Lowering, node: ast.While) -> int | None:
    """The most rounds that any one conjunct of the condition allows; None where none bounds it."""
    test = node.test
    conjuncts = (
        test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    )
    found = [r for c in conjuncts if (r := _bound_of(low, node, c)) is not None]
    return min(found, default=None)


def _bound_of(low: Lowering, node: ast.While, test: ast.expr) -> int | None:
    if isinstance(test, ast.Name):
        name, operator, bound = test.id, "NotEq", (0, 0)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name):
        name, operator = test.left.id, type(test.ops[0]).__name__
        limit = _constant_bounds(low, node, test.comparators[0])
        if limit is None:
            return None
        bound = limit
    else:
        return None
    local = low.frame.locals.get(name)
    if local is None or not isinstance(local.like, Num) or not isinstance(local.like.type, Int):
        return None
    move = _move(node, name)
    if move is None:
        return None
    kind, amount = move
    type_ = local.like.type
    bottom, top = low.flow.ranges.get(low.key(name), (type_.low, type_.high))
    if kind == "RShift" and bottom >= 0 and operator in ("NotEq", "Gt") and bound == (0, 0):
        return top.bit_length() // amount + 1
    if kind == "Add" and operator in ("Lt", "LtE") and bound[1] + amount <= type_.high:
        return max(0, (bound[1] - bottom + (operator == "LtE") + amount - 1) // amount)
    if kind == "Sub" and operator in ("Gt", "GtE") and bound[0] - amount >= type_.low:
        return max(0, (top - bound[0] + (operator == "GtE") + amount - 1) // amount)
    return None


def _constant_bounds(low: Lowering, node: ast.While, limit: ast.expr) -> tuple[int, int] | None:
    """Bounds that hold in every round: of a constant, or of a local that the body does not assign."""
    if isinstance(limit, ast.Constant) and isinstance(limit.value, int):
        return limit.value, limit.value
    if not isinstance(limit, ast.Name) or limit.id in assigned(node):
        return None
    if limit.id not in low.frame.names:
        value = low.value(limit)
        return value.bounds if isinstance(value, Num) else None
    local = low.frame.locals.get(limit.id)
    if local is None or not isinstance(local.like, Num) or not isinstance(local.like.type, Int):
        return None
    return low.flow.ranges.get(low.key(limit.id), (local.like.type.low, local.like.type.high))


def _move(node: ast.While, name: str) -> tuple[str, int] | None:
    """How the body moves `name`, if by one constant step on every round: (operator, amount)."""
    stores = [
        n
        for child in [*node.body, node.test]
        for n in ast.walk(child)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
    ]
    if len(stores) != 1:
        return None
    for statement in node.body:
        if isinstance(statement, ast.AugAssign) and statement.target is stores[0]:
            amount = statement.value
            if isinstance(amount, ast.Constant) and type(amount.value) is int and amount.value > 0:
                return type(statement.op).__name__, amount.value
            return None
        if any(isinstance(n, ast.Continue) for n in ast.walk(statement)):
            return None
    return None


def leave(low: Lowering, node: ast.Break | ast.Continue) -> None:
    """`break`, `continue`."""
    loop = low.frame.loops[-1]
    if isinstance(node, ast.Break):
        low.jump(loop.done)
    elif loop.again is loop.head:
        _back(low, node, loop, loop.head)
    else:
        low.jump(loop.again)


def assigned(node: ast.AST) -> set[str]:
    """Names that a piece of the tree assigns."""
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _enter(
    low: Lowering, node: ast.For | ast.While, head: Block, again: Block, done: Block
) -> Loop:
    """Starts the head with what holds in every round."""
    if low.live:
        gone = {low.key(name) for name in assigned(node)}
        flow = low.flow
        low.flows[head] = replace(
            flow,
            nonnull=flow.nonnull - gone,
            null=flow.null - gone,
            ranges={k: v for k, v in flow.ranges.items() if k not in gone},
        )
    low.start(head, sealed=False)
    loop = Loop(head, again, done, low.flow)
    low.frame.loops.append(loop)
    return loop


def _close(low: Lowering, node: ast.For | ast.While, loop: Loop, head: Block) -> None:
    """The last edge back to the head."""
    _back(low, node, loop, head)
    low.builder.seal(head)
    low.frame.loops.pop()


def _back(low: Lowering, node: ast.stmt, loop: Loop, head: Block) -> None:
    """An edge back to the head: nothing that a round relied on may have been taken away."""
    if low.live:
        _check_round(low, node, loop.entry, low.flow, loop)
    low.builder.jump(head)


def _check_round(low: Lowering, node: ast.stmt, entry: Flow, now: Flow, loop: Loop) -> None:
    for site in {s for s, _ in (*entry.records, *now.records)}:
        before, after = entry.record(site), now.record(site)
        if before != after and {before, after} != {"", "done"}:
            raise low.refuse(
                node,
                "ring-duty",
                "a reserved record is carried from one round of the loop to the next",
                fix="submit or discard it in the round that reserved it",
            )
    taken = {("stored", name) for name in now.stored - entry.stored}
    taken |= {("stale", name) for name in now.stale - entry.stale}
    for fact, name, use in loop.uses:
        if (fact, name) in taken:
            raise (
                low.stale(use, name.partition(":")[2])
                if fact == "stale"
                else changed_after_store(low, use)
            )
    for outer in low.frame.loops[:-1]:
        outer.uses += [use for use in loop.uses if use not in outer.uses]


def _finish(low: Lowering, orelse: list[ast.stmt], exhausted: Block, done: Block) -> None:
    low.start(exhausted)
    low.body(orelse)
    low.jump(done)
    low.start(done)
