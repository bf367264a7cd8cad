"""Loops whose number of rounds is proved from the source.

In: `for i in range(…)` and `while` nodes. Out: IR loops: short ones the verifier follows to their
end, the rounds of others the kernel counts (iterators.py).

A `range` is bounded by what is known of its ends. A `while` must count (see counting.py). What is
learnt in a round must still hold in the next: facts about locals that the body assigns are
forgotten at its head, and reads that rely on something the body takes away are refused.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from probee.compiler.frontend import (
    arrays,
    costs,
    counting,
    iterators,
    memory,
    names,
    replaced,
    unrolled,
)
from probee.compiler.frontend.numbers import convert, shown
from probee.compiler.frontend.scope import Loop, assigned
from probee.compiler.frontend.values import S64, Num, Ref, Several, Thing, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.scope import Use
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand, Slot


def for_(low: Lowering, node: ast.For) -> None:
    """`for target in …`, with `else`, by what is gone through."""
    match node.iter:
        case ast.Call(func=ast.Name() as name) as call if _is(low.value(name), range):
            _over_range(low, node, call)
        case ast.Call(func=ast.Name() as name) as call if _is(low.value(name), enumerate):
            _numbered(low, node, call)
        case _:
            _over_value(low, node, low.value(node.iter))


def _is(value: TypedValue, builtin: type) -> bool:
    return isinstance(value, Thing) and value.obj is builtin


def _over_value(low: Lowering, node: ast.For, found: TypedValue) -> None:
    """Goes through what a value holds, by its type: a row here for each type that can be.

    Such a row calls `through` with `Span.of(count)` and binds the target in each round.
    """
    if isinstance(found, Ref) and arrays.is_array(found):
        arrays.loop(low, node, found)
    elif isinstance(found, Several):
        unrolled.loop(low, node, found)
    else:
        raise _no_loop(low, node.iter, found)


def _numbered(low: Lowering, node: ast.For, call: ast.Call) -> None:
    """`for i, x in enumerate(array)`."""
    if len(call.args) != 1 or call.keywords:
        raise low.not_yet(call, "enumerate() with a start", fix="add it to the index")
    found = low.value(call.args[0])
    if not (isinstance(found, Ref) and arrays.is_array(found)):
        raise _no_loop(low, call.args[0], found)
    arrays.loop(low, node, found, numbered=True)


def _no_loop(low: Lowering, node: ast.expr, found: TypedValue) -> Refusal:
    return low.not_yet(
        node, f"a for loop over {describe(found)}", fix="loop over a range of indices"
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
        rounds = iterators.MAX_ROUNDS + 1  # the counter itself would wrap
    if costs.counted_by_kernel(low, node, node.iter, rounds):
        _iterate(low, node, span, rounds, bind)
        return
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
    _finish(low, node.orelse, exhausted, loop)


def _iterate(
    low: Lowering, node: ast.For, span: Span, rounds: int, bind: Callable[[Num], None]
) -> None:
    """The same, where the kernel counts."""
    bottom = span.bounds[0]
    # each end may be anything within its bounds, also where there is no round then
    ends = (*span.start.bounds, *span.stop.bounds)
    plain = span.step == 1 and all(end in iterators.S32 for end in ends)
    begin, end = (span.start.op, span.stop.op) if plain else (0, _count(low, span))
    iterator = iterators.begin(low, begin, end)
    _hide(low, node)
    inside, bounded, exhausted = low.blocks(3)
    loop = _enter(low, node, rounds, iterator)
    pointer = iterators.next_(low, iterator, inside, exhausted)
    low.start(inside)
    now: Operand = low.builder.emit("load", pointer, size=4)
    if plain and bottom < 0:
        now = low.builder.emit("sext", now, size=4)
    if not plain:
        now = low.builder.emit("mul", now, span.step, size=8)
        now = low.builder.emit("add", now, span.start.op, size=8)
    _show_bounds(low, now, span.values, bounded, exhausted)
    low.start(bounded)
    bind(Num(S64, now, *span.values))
    low.body(node.body)
    low.jump(loop.again)
    low.start(loop.again)
    low.place(node)
    _close(low, node, loop)
    _finish(low, node.orelse, exhausted, loop)


def _hide(low: Lowering, node: ast.For | ast.While) -> None:
    """Locals that the loop assigns begin it as numbers that the verifier does not know."""
    hidden = [name for name in sorted(assigned(node)) if names.is_number(low, name)]
    if hidden:
        zero = iterators.unknown_zero(low)
        for name in hidden:
            names.hide(low, name, zero)


def _count(low: Lowering, span: Span) -> Operand:
    """How many numbers `span` has, from its ends, which the caller has bounded."""
    some, none = low.blocks(2)
    low_end, high_end = (span.start, span.stop) if span.step > 0 else (span.stop, span.start)
    low.branch("slt", low_end.op, high_end.op, some, none)
    low.start(some)
    distance = low.builder.emit("sub", high_end.op, low_end.op, size=8)
    size = abs(span.step)
    if size > 1:
        distance = low.builder.emit("add", distance, size - 1, size=8)
        distance = low.builder.emit("udiv", distance, size, size=8)
    ends = [low.end(distance)]
    low.start(none)
    ends.append(low.end(0))
    return low.join(ends)


def _show_bounds(
    low: Lowering, now: Operand, values: tuple[int, int], bounded: Block, exhausted: Block
) -> None:
    """What the kernel counted lies in these bounds: a test that never fails tells the verifier."""
    first, last = values
    if first >= 0:
        low.branch("ule", now, last, bounded, exhausted)
        return
    (above,) = low.blocks(1)
    low.branch("sge", now, first, above, exhausted)
    low.start(above)
    low.branch("sle", now, last, bounded, exhausted)


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
    counters = counting.counters(low, node)
    if not counters:
        raise low.refuse(
            node.test,
            "unbounded-loop",
            "nothing here shows that this loop ends",
            why="the verifier refuses a loop without a bound that it can see",
            fix="write `for i in range(64):` with a break, or count: `while … and i < 64:` with"
            " `i += 1` in the body",
        )
    rounds = min(counter.rounds for counter in counters)
    iterator = None
    for name in counting.compared(low, node):
        names.show(low, name)
    if costs.counted_by_kernel(low, node, node.test, rounds):
        iterator = iterators.begin(low, 0, rounds)
        _hide(low, node)
    inside, exhausted = low.blocks(2)
    loop = _enter(low, node, rounds, iterator)
    low.condition(node.test, inside, exhausted)
    low.start(inside)
    for counter in counters:
        if counter.low <= counter.high:  # else no round begins
            key = low.frame.key(counter.name)
            low.flow = low.flow.with_range(key, (counter.low, counter.high))
    if iterator is not None:  # it never ends before the condition does
        (counted,) = low.blocks(1)
        iterators.next_(low, iterator, counted, exhausted)
        low.start(counted)
    low.body(node.body)
    low.jump(loop.again)
    low.start(loop.again)
    low.place(node)
    _close(low, node, loop)
    _finish(low, node.orelse, exhausted, loop)


def leave(low: Lowering, node: ast.Break | ast.Continue) -> None:
    """`break`, `continue`."""
    loop = low.frame.loops[-1]
    if isinstance(node, ast.Break):
        iterators.end(low, [loop])
    low.jump(loop.done if isinstance(node, ast.Break) else loop.again)


# ------------------------------------------------------------------------ from round to round


def _enter(
    low: Lowering, node: ast.For | ast.While, rounds: int, iterator: Slot | None = None
) -> Loop:
    """Starts the head with what holds in every round."""
    head, again, done = low.blocks(3)
    low.flow = low.flow.in_round({low.frame.key(name) for name in assigned(node)})
    low.jump(head)
    low.start(head, sealed=False)
    loop = Loop(low.number_of(), head, again, done, low.flow, rounds, iterator)
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
            return names.stale(use.source, use.node)
        case "stored":
            return memory.changed_after_store(use.source, use.node)
        case "replaced":
            return replaced.refusal(use.source, use.node)
        case _:
            return memory.diverged(use.source, use.node)


def _finish(low: Lowering, orelse: list[ast.stmt], exhausted: Block, loop: Loop) -> None:
    low.start(exhausted)
    iterators.end(low, [loop])
    low.body(orelse)
    low.jump(loop.done)
    low.start(loop.done)
