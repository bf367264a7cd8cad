"""One program, run by CPython and in the kernel on the same inputs.

In: a source, inputs. Out: nothing, or an AssertionError that says where they differ.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.meaning.expressions import ARGUMENTS, inputs
from tests.meaning.machine import Machine, load_module
from tests.meaning.model import Model
from tests.meaning.programs import Maker

RUNS = 6


def check(
    source: str, rounds: Sequence[Mapping[str, int]], consts: Mapping[str, int], path: Path
) -> int:
    """Compares results, traps with their lines, and what is in maps, rings and variables.

    The number of traps. Raises CompileError and VerifierError too.
    """
    model = Model(source, ARGUMENTS, consts)
    traps = 0
    with Machine(load_module(path, source), ARGUMENTS, consts) as machine:
        for given in rounds:
            expected, trap = model.run(given)
            got, trapped = machine.run(given)
            traps += trap is not None
            assert (got, str(trapped)) == (expected, str(trap)), f"{source}\n{given}"
            wanted, found = model.state(), machine.state()
            assert found == {name: wanted[name] for name in found}, f"{source}\n{given}"
        assert machine.refused() == model.refused()
    return traps


def check_random(seed: int, folder: Path) -> int:
    """A random program on a few inputs; half of them with a Const that the Session sets."""
    rng = random.Random(seed)
    consts = {"mode": rng.randint(0, 2)} if rng.random() < 0.5 else {}
    rounds = [inputs(rng) for _ in range(RUNS)]
    return check(Maker(seed).source(), rounds, consts, folder / f"meaning_{seed}.py")
