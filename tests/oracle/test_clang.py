"""probee's instructions beside clang's: the same behaviour, and no more of them than promised.

Both are counts of a compilation, the same on every machine; times stand in bench/RESULTS.md.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

import pytest

from bench.codegen import sides

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.oracle("clang")

AT_MOST = 1.05  # of clang's, geometric mean over all programs
WORST = 1.25


@pytest.mark.parametrize("isa", [3, 4])
def test_instructions(oracle: Callable[[str], str], isa: int) -> None:
    clang = oracle("clang")
    ratios = {}
    for name in sides.NAMES:
        pair = sides.pair(name)
        ours = pair.ours(isa)
        theirs = pair.theirs(clang, isa, ours)
        ratios[name] = sides.instructions(ours) / sides.instructions(theirs)
    assert len(ratios) >= 20
    assert max(ratios.values()) <= WORST, ratios
    assert exp(sum(map(log, ratios.values())) / len(ratios)) <= AT_MOST, ratios


@pytest.mark.kernel
@pytest.mark.parametrize("name", sides.NAMES)
def test_behaviour(oracle: Callable[[str], str], name: str) -> None:
    """Results, maps, records and losses are the same, run for run."""
    pair = sides.pair(name)
    spec = pair.ours(3)
    inputs = pair.inputs()
    with sides.Side(spec) as ours, sides.Side(pair.theirs(oracle("clang"), 3, spec)) as theirs:
        assert sides.differences(ours, theirs, inputs, 20) == []
        assert len({ours.run(context) for context in inputs.contexts}) > 1 or _leaves(ours)


def _leaves(side: sides.Side) -> bool:
    """Whether anything in the maps shows what the program did."""
    return any(side.state().values())


@pytest.mark.kernel
def test_a_difference_is_seen(oracle: Callable[[str], str]) -> None:
    """Two programs that are not the same: what compares them is not blind."""
    first, second = sides.pair("fnv"), sides.pair("jhash")
    specs = [pair.theirs(oracle("clang"), 3, pair.ours(3)) for pair in (first, second)]
    with sides.Side(specs[0]) as one, sides.Side(specs[1]) as other:
        assert sides.differences(one, other, first.inputs(5), 1)
