"""Whether programs still mean the same: `python -m tests.mutation.judge ROOM`, in a tree.

In: a room of the compiler (frontend, passes, codegen, or a file of its own). Out: status 0, or 1
and on standard output the first thing that went wrong. Named programs come first, then random IR
and random programs from fixed seeds; the kernel takes part only where no other leg can judge.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from probee.errors import CompileError
from tests import ir_random
from tests.kernel import test_codegen, test_meaning, test_meaning_records, test_passes
from tests.meaning.compare import check, check_random
from tests.meaning.exact import EXACT
from tests.meaning.expressions import pairs_of
from tests.meaning.found import FOUND
from tests.meaning.header import IMPORTS
from tests.meaning.programs import SHARING
from tests.meaning.texts import TEXTS
from tests.unit.compiler.codegen import test_moves
from tests.unit.compiler.passes import test_constants, test_knowledge, test_random

if TYPE_CHECKING:
    from collections.abc import Callable

SLOW = "that the kernel counts"  # loops of many rounds: a second and more for each


def named(folder: Path) -> None:
    """Each named program, on all inputs, in the simulator."""
    for name, source in test_meaning.NAMED.items():
        if SLOW not in name:
            path = folder / "meaning_named.py"
            whole = test_meaning.HEADER + source.replace("2**0", "1")
            check(whole, test_meaning.ROUNDS, {}, path, isa=3, kernel=False)


def records(folder: Path) -> None:
    """Programs that send records of varying length, in the simulator."""
    memory = {4096 + 64 * i: raw + b"\0" for i, raw in enumerate(TEXTS)}
    for source in test_meaning_records.NAMED.values():
        whole, path = test_meaning_records.HEADER + source, folder / "meaning_records.py"
        check(whole, pairs_of(memory), {}, path, isa=3, kernel=False, memory=memory)


def once_failed(folder: Path) -> None:
    """What random programs have found before."""
    for isa, consts, rounds, source in FOUND.values():
        path = folder / "meaning_found.py"
        check(IMPORTS + source, rounds, consts, path, isa=isa, kernel=False)


def in_the_kernel(folder: Path) -> None:
    """Some of the named programs by the kernel, whose memory is not fresh."""
    for source in EXACT.values():
        check(source, test_meaning.ROUNDS, {}, folder / "meaning_kernel.py")


def older(folder: Path) -> None:
    """The same for other instruction sets."""
    for isa in (1, 2, 4):
        for source in EXACT.values():
            path = folder / f"meaning_named_{isa}.py"
            check(source, test_meaning.ROUNDS[::2], {}, path, isa=isa, kernel=False)


def random_programs(folder: Path) -> None:
    """Random programs, in the simulator."""
    for seed in range(30):
        try:
            check_random(seed, folder, kernel=False)
        except CompileError as error:
            if not {d.code for d in error.diagnostics} <= set(SHARING):
                raise


def constants(_: Path) -> None:
    """Operations and comparisons with constants, before and after the passes; what bounds say."""
    for form in test_constants.FORMS:
        test_constants.test_operations(form)
        test_constants.test_comparisons(form)
    for kind in ir_random.BINARY:
        test_constants.test_of_two_constants(kind)
    test_constants.test_what_bounds_decide()
    test_knowledge.test_conditions()
    for kind in (*ir_random.BINARY, "neg", "zext", "sext", "bswap"):
        test_knowledge.test_bounds_hold_what_is_computed(kind)


def random_ir(_: Path) -> None:
    """Random IR by its interpreter, before and after the passes."""
    for first in range(0, 160, 20):
        test_random.test_all_together(first)
    for first in range(1000, 1040, 10):
        test_random.test_each_pass(first)
    for first in range(2000, 2060, 10):
        test_random.test_each_pass_alone(first)


def passes_in_the_kernel(_: Path) -> None:
    """Random IR after the passes, run by the kernel."""
    for seed in range(100, 130):
        test_passes.check(seed, 1 + seed % 4)


def code_in_the_kernel(_: Path) -> None:
    """Random IR and its extremes as code, run by the kernel."""
    test_moves.test_what_stays_is_not_moved()
    test_moves.test_a_place_to_be_written_serves_as_scratch()
    for width in range(2, 10):
        test_moves.test_cycle_takes_one_move_more(width)
    test_moves.test_cycles_keep_what_is_added_on_the_way()
    test_passes.test_found_by_chance_before()
    for seed in range(48):
        test_codegen.check_seed(seed, 1 + seed % 4)
    for isa in (1, 4):
        for size in (4, 8):
            test_codegen.test_division_of_extremes(isa, size)
    for size in (1, 2, 4):
        test_codegen.test_a_number_read_with_and_without_its_sign(size)
    for width in (3, 10, 15):
        test_codegen.test_parameters_that_trade_places(width)
    for values in (11, 40):
        test_codegen.test_many_values_across_calls(values)
    test_codegen.test_comparisons_of_extremes()
    for half in (65, 190):
        test_codegen.test_areas_in_loops_and_unrolled(half=half, align=4)


STEPS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "frontend": (named, records, once_failed, random_programs, in_the_kernel),
    "passes": (constants, named, once_failed, random_ir, passes_in_the_kernel, random_programs),
    "codegen": (named, once_failed, code_in_the_kernel, older, random_programs),
}
OTHERS = (named, older, in_the_kernel, random_programs)


def main(room: str) -> int:
    """The exit status."""
    with tempfile.TemporaryDirectory() as folder:
        for step in STEPS.get(room, OTHERS):
            try:
                step(Path(folder))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is asked for
                words = str(error).split("\n", 1)[0]
                sys.stdout.write(f"{step.__name__}: {type(error).__name__}: {words}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
