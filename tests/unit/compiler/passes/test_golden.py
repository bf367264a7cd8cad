"""Each case in tests/golden/passes/NAME.txt: IR, and what the pass NAME makes of it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from tests.ir_text import parse

GOLDEN = Path(__file__).parents[3] / "golden" / "passes"


def cases() -> list[tuple[str, str, str, str]]:
    """(pass, title, before, after) of each case."""
    found = []
    for path in sorted(GOLDEN.glob("*.txt")):
        for case in path.read_text(encoding="ascii").split("\n== ")[1:]:
            title, _, body = case.partition("\n")
            before, _, after = body.partition("\n--\n")
            found.append((path.stem, title, before, after.strip() + "\n"))
    return found


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [pytest.param(n, b, a, id=f"{n}: {title}") for n, title, b, a in cases()],
)
def test_case(name: str, before: str, after: str) -> None:
    run = import_module(f"probee.compiler.passes.{name}").run
    function = parse(before)
    verify(function)
    first = print_function(function)
    changed = run(function)
    verify(function)
    assert print_function(function) == after
    assert changed == (first != after)


def test_big_endian_bytes_stand_the_other_way_round() -> None:
    from probee.compiler.passes import combine_stores

    before = next(case for case in cases() if case[1] == "constants side by side")[2]
    function = parse(before)
    assert combine_stores.run_big(function)
    verify(function)
    stores = {
        (op.offset, op.size): op.args[1] for op in function.blocks[0].ops if op.kind == "store"
    }
    # "?" and seven NULs begin with 0x3f: too big for the immediate of 8 bytes, so two stores
    assert stores == {(8, 4): 63 << 24, (16, 4): 1, (20, 4): 2}


def test_every_pass_has_cases() -> None:
    passes = {name for name, _, _, _ in cases()}
    from probee.compiler.passes import order

    groups = (order.FIRST, order.CLEAN, order.ONCE, order.LAST)
    assert passes == {name for group in groups for name, _ in group}
