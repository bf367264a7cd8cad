"""Programs that `make fuzz` once failed on, made small: each with the mistake it showed.

In: nothing. Out: `FOUND`, run in all legs by tests/kernel/test_meaning.py and without a kernel by
tests/unit/sim/test_meaning.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.meaning.expressions import ARGUMENTS


class Found(NamedTuple):
    """`rounds`: arguments of each run; `source` stands behind the imports of `programs.IMPORTS`."""

    isa: int
    consts: Mapping[str, int]
    rounds: Sequence[Mapping[str, int]]
    source: str


ZEROES = dict.fromkeys(ARGUMENTS, 0)
FOUND = {
    "a negative constant that is set at load (seed 5104)": Found(
        1,
        {"limit": -20},
        [ZEROES],
        """
limit = Const(s8, 1)

@raw_tracepoint('probee_meaning')
def program(ctx: Context) -> s64:
    return limit
""",
    ),
}
