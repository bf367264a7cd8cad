"""What a function being lowered is made of: its names, its loops, where its `return` leads.

In: nothing. Out: the records that `Lowering` keeps, one `Frame` for each function that is open.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.frozen import Frozen

if TYPE_CHECKING:
    from probee.compiler.frontend.choices import Side
    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.results import Stated
    from probee.compiler.frontend.source import Source
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Slot


class Use(Frozen):
    """`node` is right only while `name` is not in the set `fact` of the flow."""

    fact: str
    name: str
    node: ast.AST
    source: Source


class Loop:
    """Where `break` and `continue` lead, and what a later round of the loop must not find changed.

    `number`: unique over the program. `again`: where a round ends. `entry`: what was known when the
    first round began. `rounds`: the most that there can be. `uses`: what the body relies on.
    `iterator`: what counts its rounds for the kernel, None where the verifier follows each round.
    """

    def __init__(
        self,
        number: int,
        head: Block,
        again: Block,
        done: Block,
        entry: Flow,
        rounds: int,
        iterator: Slot | None = None,
    ) -> None:
        self.number = number
        self.head = head
        self.again = again
        self.done = done
        self.entry = entry
        self.rounds = rounds
        self.iterator = iterator
        self.uses: list[Use] = []


class Frame:
    """A function being lowered.

    `locals`: for each local a value of the one static shape that it keeps (its operands mean
    nothing). `stated`: locals whose width an annotation states, so that they wrap what they are
    given. `buffers`: locals that are text in a buffer of their own, to be written again.
    `poisoned`: locals whose assignment was refused: their uses are no errors of their own.
    `of_rounds`: names of objects that a loop over a tuple made, each round its own.
    `returns`: what it says it returns. `results`: where it returned, and with what.
    """

    def __init__(
        self, number: int, source: Source, scope: dict[str, object], names: frozenset[str]
    ) -> None:
        self.number = number
        self.source = source
        self.scope = scope
        self.names = names
        self.locals: dict[str, TypedValue] = {}
        self.stated: set[str] = set()
        self.buffers: set[str] = set()
        self.poisoned: set[str] = set()
        self.of_rounds: set[str] = set()
        self.loops: list[Loop] = []
        self.returns: Stated = None
        self.results: list[Side] = []

    def key(self, name: str) -> str:
        """A local's name in flow facts: unique over inlined functions."""
        return f"{self.number}:{name}"


def parameters(definition: ast.FunctionDef) -> list[ast.arg]:
    """All parameters but `*args` and `**kwargs`, in order."""
    args = definition.args
    return [*args.posonlyargs, *args.args, *args.kwonlyargs]


def assigned(*nodes: ast.AST) -> set[str]:
    """Names that pieces of the tree assign, capture in a pattern, or delete."""
    children = [child for node in nodes for child in ast.walk(node)]
    named = {c.id for c in children if isinstance(c, ast.Name) and not isinstance(c.ctx, ast.Load)}
    captured = {c.name for c in children if isinstance(c, (ast.MatchAs, ast.MatchStar)) and c.name}
    return named | captured
