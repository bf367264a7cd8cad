"""Loops whose number of rounds is proved from the source.

In: `for i in range(…)` and `while` nodes. Out: IR loops that the verifier follows to their end.

A `range` is bounded by what is known of its ends. A `while` must count (see counting.py). What is
learnt in a round must still hold in the next: facts about locals that the body assigns are
forgotten at its head, and reads that rely on something the body takes away are refused.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from probee.compiler.frontend import arrays, counting, names, replaced
from probee.compiler.frontend.memory import changed_after_store, diverged
from probee.compiler.frontend.names import stale
from probee.compiler.frontend.numbers import convert, shown
from probee.compiler.frontend.scope import Loop, assigned
from probee.compiler.frontend.values import S64, Num, Ref, Thing, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.scope import Use
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block

MAX_ROUNDS = 8192  # the verifier walks every round; past this it gives up on its own limits


def for_(low: Lowering, node: ast.For) -> None:
    """`for target in …`, with `else`, by what is gone through."""
    match node.iter:
        case ast.Call(func=ast.Name() as name) if low.value(name) == Thing(range, "range"):
            _over_range(low, node, node.iter)
        case _:
            _over_value(low, node, low.value(node.iter))


def _over_value(low: Lowering, node: ast.For, found: TypedValue) -> None:
    """Goes through what a value holds, by its type: a row here for each type that can be.

    Such a row calls `through` with `Span.of(count)` and binds the target in each round.
    """
    if isinstance(found, Ref) and arrays.is_array(found):
        arrays.loop(low, node, found)
        return
    raise low.not_yet(
        node.iter, f"a for loop over {describe(found)}", fix="loop over a range of indices"
    )


def _over_range(low: Lowering, node: ast.For, call: ast.Call) -> None:
    span = _range(low, call)
    if not isinstance(node.target, ast.Name):
        raise low.refuse(
            node.target,
            "target",
            "a range gives integers",
            why="an integer does not unpack",
            fix="give one name",
        )
    name, target = node.target.id, node.target
    through(low, node, span, lambda value: names.assign(low, name, value, target))


class Span(NamedTuple):
    """The numbers that a loop goes through: from `start` while before `stop`, by `step`."""

    start: Num
    stop: Num
    step: int

    @classmethod
    def of(cls, count: int) -> Span:
        """0 to `count` - 1."""
        return cls(Num(S64, 0), Num(S64, count), 1)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest end."""
        if self.step > 0:
            return self.start.bounds[0], self.stop.bounds[1]
        return self.stop.bounds[0], self.start.bounds[1]

    @property
    def values(self) -> tuple[int, int]:
        """The least and the greatest number that a round can see."""
        bottom, top = self.bounds
        return (bottom, top - 1) if self.step > 0 else (bottom + 1, top)


def through(low: Lowering, node: ast.For, span: Span, bind: Callable[[Num], None]) -> None:
    """A round of `node` for each number of `span`; `bind` gives the target its value in it."""
    low.place(node)
    bottom, top = span.bounds
    rounds = max(0, -((bottom - top) // abs(span.step)))
    if top + abs(span.step) > S64.high or bottom - abs(span.step) < S64.low:
        rounds = MAX_ROUNDS + 1  # the counter itself would wrap
    _check_rounds(low, node.iter, rounds)
    start, stop = shown(low, span.start), shown(low, span.stop)
    counter = low.temporary()
    low.builder.write(counter, start.op)
    inside, exhausted = low.blocks(2)
    loop = _enter(low, node, rounds)
    now = low.builder.read(counter)
    low.branch("slt" if span.step > 0 else "sgt", now, stop.op, inside, exhausted)
    low.start(inside)
    first, last = span.values
    bind(Num(S64, now, first, last) if first <= last else Num(S64, now))
    low.body(node.body)
    low.jump(loop.again)
    low.start(loop.again)
    low.place(node)
    low.builder.write(counter, low.builder.emit("add", now, span.step, size=8))
    _close(low, node, loop)
    _finish(low, node.orelse, exhausted, loop.done)


def _range(low: Lowering, call: ast.Call) -> Span:
    """The ends and the step of a range, evaluated once, in order."""
    if not 1 <= len(call.args) <= 3 or call.keywords:
        raise low.refuse(
            call, "arguments", "range takes a stop, or start and stop, or these and a step"
        )
    ends = []
    for argument in call.args:
        number = low.number(argument)
        if not number.literal and number.bounds[1] > S64.high:
            raise low.refuse(
                argument,
                "unbounded-loop",
                "a u64 here may be past what a loop can count to",
                why="loops count in s64",
                fix="bound it: `min(n, 64)`, or mask it",
            )
        ends.append(convert(low, number, S64, argument))
    start = ends[0] if len(ends) > 1 else Num(S64, 0)
    stop = ends[min(1, len(ends) - 1)]
    if len(ends) < 3:
        return Span(start, stop, 1)
    step = ends[2].op
    if not isinstance(step, int):
        raise low.not_yet(call.args[2], "a step that is not a constant")
    if step == 0:
        raise low.refuse(
            call.args[2],
            "arguments",
            "range() with a step of 0",
            why="Python would raise ValueError",
            fix="a step of 1 or -1",
        )
    return Span(start, stop, step)


def while_(low: Lowering, node: ast.While) -> None:
    """`while condition`, with `else`, where the body counts towards the condition's end."""
    low.place(node)
    rounds = counting.rounds(low, node)
    if rounds is None:
        raise low.refuse(
            node.test,
            "unbounded-loop",
            "nothing here shows that this loop ends",
            why="the verifier refuses a loop without a bound that it can see",
            fix="write `for i in range(64):` with a break, or count: `while … and i < 64:` with"
            " `i += 1` in the body",
        )
    _check_rounds(low, node.test, rounds)
    for name in counting.compared(low, node):
        names.show(low, name)
    inside, exhausted = low.blocks(2)
    loop = _enter(low, node, rounds)
    low.condition(node.test, inside, exhausted)
    low.start(inside)
    low.body(node.body)
    low.jump(loop.again)
    low.start(loop.again)
    low.place(node)
    _close(low, node, loop)
    _finish(low, node.orelse, exhausted, loop.done)


def leave(low: Lowering, node: ast.Break | ast.Continue) -> None:
    """`break`, `continue`."""
    loop = low.frame.loops[-1]
    low.jump(loop.done if isinstance(node, ast.Break) else loop.again)


def _check_rounds(low: Lowering, node: ast.AST, rounds: int) -> None:
    """Refuses a loop that runs too often, counted with the loops around it."""
    total = rounds
    for loop in low.loops:
        total *= max(loop.rounds, 1)
    if total > MAX_ROUNDS:
        inside = f", {total:,} with the loops around it," if total != rounds else ""
        raise low.refuse(
            node,
            "unbounded-loop",
            f"this loop may run {rounds:,} times{inside} and {MAX_ROUNDS:,} is the most",
            why="the verifier follows every round before it lets the program run",
            fix="bound it: `min(n, 64)`, a mask, or a type as u8",
        )


# ------------------------------------------------------------------------ from round to round


def _enter(low: Lowering, node: ast.For | ast.While, rounds: int) -> Loop:
    """Starts the head with what holds in every round."""
    head, again, done = low.blocks(3)
    low.flow = low.flow.without({low.frame.key(name) for name in assigned(node)})
    low.jump(head)
    low.start(head, sealed=False)
    loop = Loop(low.number_of(), head, again, done, low.flow, rounds)
    low.frame.loops.append(loop)
    low.function.loops.append((low.frame.source.loc(node), rounds))
    return loop


def _close(low: Lowering, node: ast.For | ast.While, loop: Loop) -> None:
    """The edge back to the head: nothing that a round relied on may have been taken away."""
    if low.live:
        _check_records(low, node, loop.entry, low.flow)
        _check_uses(loop, low.flow)
    low.builder.jump(loop.head)
    low.builder.seal(loop.head)
    low.frame.loops.pop()


def _check_records(low: Lowering, node: ast.stmt, entry: Flow, now: Flow) -> None:
    for site in {s for s, _ in (*entry.records, *now.records)}:
        before, after = entry.record(site), now.record(site)
        if before != after and {before, after} != {"", "done"} and not low.diagnostics:
            raise low.refuse(
                node,
                "ring-duty",
                "a reserved record is carried from one round of the loop to the next",
                why="each round reserves one of its own",
                fix="submit or discard it in the round that reserved it",
            )


def _check_uses(loop: Loop, now: Flow) -> None:
    for use in loop.uses:
        before: frozenset[str] = getattr(loop.entry, use.fact)
        after: frozenset[str] = getattr(now, use.fact)
        if use.name in after - before:
            raise _taken(use)


def _taken(use: Use) -> Refusal:
    match use.fact:
        case "stale":
            return stale(use.source, use.node)
        case "stored":
            return changed_after_store(use.source, use.node)
        case "replaced":
            return replaced.refusal(use.source, use.node)
        case _:
            return diverged(use.source, use.node)


def _finish(low: Lowering, orelse: list[ast.stmt], exhausted: Block, done: Block) -> None:
    low.start(exhausted)
    low.body(orelse)
    low.jump(done)
    low.start(done)
