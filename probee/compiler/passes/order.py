"""The passes in the order in which they help each other.

In: a function as the front end builds it. Out: the same function, as the code generator wants it.
`CLEAN` is repeated until nothing changes, `ROUNDS` times at most, and again where `ONCE` found
something; `LAST` decides where things stand.
"""

from __future__ import annotations

from probee.compiler.passes import (
    branches,
    cfg,
    combine_stores,
    context,
    cse,
    dce,
    dead_stores,
    demanded_bits,
    fold,
    forward,
    hoist,
    layout,
    params,
    ranges,
    sink,
    threading,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.ir.ops import Function

    Pass = tuple[str, Callable[[Function], bool]]
    Watch = Callable[[str, Function], None]

FIRST: tuple[Pass, ...] = (("cfg", cfg.run), ("params", params.run))
CLEAN: tuple[Pass, ...] = (
    ("fold", fold.run),
    ("cse", cse.run),
    ("forward", forward.run),
    ("branches", branches.run),
    ("threading", threading.run),
    ("cfg", cfg.run),
    ("params", params.run),
    ("dead_stores", dead_stores.run),
    ("combine_stores", combine_stores.run),
    ("dce", dce.run),
)
ONCE: tuple[Pass, ...] = (
    ("ranges", ranges.run),
    ("demanded_bits", demanded_bits.run),
    ("hoist", hoist.run),
)
LAST: tuple[Pass, ...] = (
    ("sink", sink.run),
    ("context", context.run),
    ("layout", layout.run),
)
ROUNDS = 5


def optimise(function: Function, watch: Watch | None = None) -> None:
    """Runs all passes; `watch` is told the name of each and the function behind it."""
    _run(function, FIRST, watch)
    _fixpoint(function, watch)
    if _run(function, ONCE, watch):
        _fixpoint(function, watch)
    _run(function, LAST, watch)


def _fixpoint(function: Function, watch: Watch | None) -> None:
    """Runs `CLEAN` in circles until each pass has found nothing since anything last changed."""
    quiet = 0
    for one in CLEAN * ROUNDS:
        quiet = 0 if _run(function, (one,), watch) else quiet + 1
        if quiet == len(CLEAN):
            return


def _run(function: Function, passes: tuple[Pass, ...], watch: Watch | None) -> bool:
    changed = False
    for name, run in passes:
        changed |= run(function)
        if watch is not None:
            watch(name, function)
    return changed
