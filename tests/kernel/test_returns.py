"""Trees of decisions that return constants: what shares an exit returns the same as before."""

from __future__ import annotations

from random import Random

import pytest

from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Function, Value
from tests import codegen_random
from tests.codegen_statements import INTERESTING
from tests.kernel.test_codegen import CONTENTS, check

pytestmark = pytest.mark.kernel

RESULTS = (0, 0, 1, 2, 3, -1, 1 << 40, 7)
CONDITIONS = ("eq", "ne", "ult", "uge", "slt", "sgt", "set")


class Tree:
    """A function that compares and returns; `values` are what may be compared."""

    def __init__(self, seed: int, name: str, *, main: bool, called: str = "") -> None:
        self.dice = Random(seed)
        self.called = called
        self.function = Function(name, main=main)
        self.builder = Builder(self.function)
        kind = "ptr" if main else "int"
        self.function.params.append(self.function.new_value(kind, "a"))
        first = self.function.params[0]
        self.values: list[Value] = [first]
        if main:
            load = self.builder.emit
            self.values = [load("load", first, size=8, offset=8 * i) for i in range(4)]
        self.node(5)

    def node(self, depth: int) -> None:
        b, dice = self.builder, self.dice
        roll = dice.random()
        if depth == 0 or roll < 0.12:
            b.ret(dice.choice(self.values) if dice.random() < 0.1 else dice.choice(RESULTS))
            return
        if roll < 0.3:  # which CPU it is, nobody knows; but registers are lost
            b.emit("call", symbol="get_smp_processor_id", result="int")
        if 0.2 < roll < 0.5 and self.called:
            result = b.emit("callfn", self.values[0], symbol=self.called, result="int")
        else:
            result = dice.choice(self.values)
        constant = dice.choice((*RESULTS, *INTERESTING))
        then, other = b.block(), b.block()
        b.branch(dice.choice(CONDITIONS), result, constant, then, other, size=dice.choice((4, 8)))
        kept = list(self.values)
        for block in (then, other):
            self.values = [*kept, result]
            b.start(block)
            self.node(depth - 1)
        self.values = kept


def program(seed: int) -> list[Function]:
    below = Tree(~seed, "below", main=False)
    return [Tree(seed, "main", main=True, called="below").function, below.function]


@pytest.mark.parametrize("isa", [1, 3, 4])
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_decisions(isa: int, first: int) -> None:
    for seed in range(first, first + 20):
        check(program(seed), isa, codegen_random.contexts(seed, 6), CONTENTS)
