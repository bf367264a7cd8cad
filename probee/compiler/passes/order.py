"""The passes in the order in which they help each other.

In: a function as the front end builds it. Out: the same function, as the code generator wants it.
`CLEAN` is repeated until nothing changes, `ROUNDS` times at most, and again where `ONCE` found
something; `LAST` decides where things stand.
"""

from __future__ import annotations

from probee.compiler.passes import (
    branches,
    byte_swaps,
    cfg,
    combine_stores,
    context,
    cse,
    dce,
    dead_stores,
    demanded_bits,
    fold,
    forward,
    halves,
    hoist,
    known_bits,
    layout,
    params,
    ranges,
    sink,
    strength,
    threading,
    veil,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.ir.ops import Function

    Pass = tuple[str, Callable[[Function], bool]]
    Watch = Callable[[str, Function], None]

FIRST: tuple[Pass, ...] = (
    ("cfg", cfg.run),
    ("params", params.run),
    ("byte_swaps", byte_swaps.run),
    ("known_bits", known_bits.run),
)
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
    ("byte_swaps", byte_swaps.run),
    ("known_bits", known_bits.run),
    ("strength", strength.run),
    ("demanded_bits", demanded_bits.run),
    ("halves", halves.run),
    ("hoist", hoist.run),
)
LAST: tuple[Pass, ...] = (
    ("veil", veil.run),
    ("sink", sink.run),
    ("context", context.run),
    ("layout", layout.run),
)
ROUNDS = 5
# Passes that read or write memory in pieces, for machines whose first byte is the highest.
BIG_ENDIAN: dict[str, Callable[[Function], bool]] = {"combine_stores": combine_stores.run_big}


def optimise(function: Function, watch: Watch | None = None, *, big_endian: bool = False) -> None:
    """Runs all passes; `watch` is told the name of each and the function behind it."""
    clean = CLEAN
    if big_endian:
        clean = tuple((name, BIG_ENDIAN.get(name, run)) for name, run in CLEAN)
    _run(function, FIRST, watch)
    _fixpoint(function, clean, watch)
    if _run(function, ONCE, watch):
        _fixpoint(function, clean, watch)
    _run(function, LAST, watch)


def _fixpoint(function: Function, clean: tuple[Pass, ...], watch: Watch | None) -> None:
    """Runs `clean` in circles until each pass has found nothing since anything last changed."""
    quiet = 0
    for one in clean * ROUNDS:
        quiet = 0 if _run(function, (one,), watch) else quiet + 1
        if quiet == len(clean):
            return


def _run(function: Function, passes: tuple[Pass, ...], watch: Watch | None) -> bool:
    changed = False
    for name, run in passes:
        changed |= run(function)
        if watch is not None:
            watch(name, function)
    return changed
