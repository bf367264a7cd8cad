"""`for x in` a tuple: the body once for each of its values, one after the other.

In: a `for` node, the tuple. Out: straight code, so each round knows what its value is, and the
verifier has no loop to follow. `break`, `continue` and `else` are jumps between the copies.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import statements
from probee.compiler.frontend.scope import Loop
from probee.compiler.frontend.values import Num, OptNum, Ref, Several

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue

MOST = 64  # copies of a body: past that it is a table, and belongs into an array


def loop(low: Lowering, node: ast.For, found: Several) -> None:
    """`for x in (a, b, c)`, with `else`: the values were computed before the first round."""
    if len(found.items) > MOST:
        raise low.refuse(
            node.iter,
            "unbounded-loop",
            f"a loop over a tuple of {len(found.items)} values, and {MOST} are the most",
            why="the body is compiled once for each of them",
            fix="put them into an Array, and loop over a range of its indices",
        )
    _check(low, node, found)
    (done,) = low.blocks(1)
    before = set(low.frame.locals)
    written = node.iter.elts if isinstance(node.iter, ast.Tuple) else [node.iter] * len(found.items)
    for item, place in zip(found.items, written, strict=True):
        (again,) = low.blocks(1)
        round_ = Loop(low.number_of(), again, again, done, low.flow, 1)
        low.frame.loops.append(round_)
        low.place(node)
        statements.store(low, node.target, item, place)
        low.body(node.body)
        low.jump(again)
        low.start(again)
        low.frame.loops.pop()
        _forget_objects(low, before)
    low.body(node.orelse)
    low.jump(done)
    low.start(done)


def _forget_objects(low: Lowering, before: set[str]) -> None:
    """Each round's objects stand in places of their own, and a name keeps its object."""
    frame = low.frame
    for name in set(frame.locals) - before:
        if not isinstance(frame.locals[name], (Num, OptNum)):
            del frame.locals[name]
            frame.of_rounds.add(name)


def _check(low: Lowering, node: ast.For, found: Several) -> None:
    """Numbers, and tuples of them: what a local can be given one after the other."""
    items: list[TypedValue] = list(found.items)
    while items:
        item = items.pop()
        if isinstance(item, Several):
            items += item.items
        elif not isinstance(item, (Num, OptNum, Ref)):
            raise low.not_yet(
                node.iter,
                "a for loop over texts or other values that are no numbers",
                fix="write `x in (…)` to ask whether it is one of them",
            )
