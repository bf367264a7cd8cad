"""Random programs do the same before and after the passes, after each of them and all together."""

from __future__ import annotations

import pytest

from probee.compiler.ir.ops import Function
from probee.compiler.ir.verifier import verify
from probee.compiler.passes import order
from probee.compiler.passes.domtree import Tree
from probee.compiler.passes.order import optimise
from tests.ir_random import generate
from tests.ir_world import World, poisoned

INPUTS = 3
ALL = dict((*order.FIRST, *order.CLEAN, *order.ONCE, *order.LAST))


def behaviour(function: Function) -> list[list[object]]:
    return [World(inputs).run(function) for inputs in range(INPUTS)]


def loops_have_one_way_in(function: Function) -> bool:
    """A graph that is not so ("irreducible") is hard on the verifier and on later passes."""
    tree = Tree(function)
    return all(
        tree.back_edge(block, successor)
        for block in tree.order
        for successor in block.successors
        if tree.goes_back(block, successor)
    )


@pytest.mark.parametrize("first", range(0, 400, 20))
def test_all_together(first: int) -> None:
    for seed in range(first, first + 20):
        before = generate(seed)
        verify(before)
        expected = behaviour(before)
        after = generate(seed)
        optimise(after)
        verify(after)
        assert behaviour(poisoned(after)) == expected, seed


@pytest.mark.parametrize("first", range(1000, 1060, 10))
def test_each_pass(first: int) -> None:
    for seed in range(first, first + 10):
        expected = behaviour(generate(seed))

        def watch(
            name: str, function: Function, expected: list[list[object]] = expected, seed: int = seed
        ) -> None:
            verify(function)
            assert behaviour(function) == expected, (seed, name)
            assert loops_have_one_way_in(function), (seed, name)

        optimise(generate(seed), watch)


@pytest.mark.parametrize("first", range(2000, 2060, 10))
def test_each_pass_alone(first: int) -> None:
    """On what the front end might build: there no other pass has hidden its mistakes."""
    for seed in range(first, first + 10):
        expected = behaviour(generate(seed))
        for name, run in ALL.items():
            function = generate(seed)
            run(function)
            verify(function)
            assert behaviour(function) == expected, (seed, name)


def test_running_again_changes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the passes leave behind is their fixpoint, not only where they stopped.

    Before operations are moved to their last places, which may make a block worth repeating; and
    with all the rounds that it takes, where some programs get one too few.
    """
    monkeypatch.setattr(order, "LAST", ())
    monkeypatch.setattr(order, "ROUNDS", 4 * order.ROUNDS)
    for seed in range(60):
        function = generate(seed)
        optimise(function)
        changes: list[str] = []
        for name, run in order.CLEAN:
            if run(function):
                changes.append(name)
        assert not changes, (seed, changes)
