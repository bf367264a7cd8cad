"""Random programs after the passes: the verifier takes them, and the kernel computes the same."""

from __future__ import annotations

import pytest

from probee.compiler.codegen import generate
from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from probee.compiler.passes.order import optimise
from probee.spec import Target
from tests import bpf_run, codegen_random
from tests.codegen_statements import AREA, DATA
from tests.ir_interpreter import Address, Interpreter

pytestmark = pytest.mark.kernel

CONTENTS = bytes(range(7, 7 + 2 * AREA))


def check(seed: int, isa: int) -> None:
    """Compares the optimised program, run by the kernel, with the unchanged one, interpreted."""
    before = codegen_random.program(seed, isa)
    after = codegen_random.program(seed, isa)
    for function in after:
        optimise(function)
        verify(function)
    text = "\n".join(print_function(function) for function in (*before, *after))
    try:
        program = bpf_run.Program(generate(after, Target(isa=isa)), {DATA: CONTENTS})
    except bpf_run.Refused as error:
        pytest.fail(f"seed {seed}, isa {isa}\n{text}\n{error}", pytrace=False)
    with program:
        for context in codegen_random.contexts(seed, 4):
            memory, section = bytearray(context), bytearray(CONTENTS)
            result = Interpreter(before, helpers=codegen_random.HELPERS, data={DATA: section}).run(
                Address(memory, 0)
            )
            program.maps[DATA].contents = CONTENTS
            found, changed = program.run(context)
            assert found == result & 0xFFFFFFFF, f"seed {seed}, isa {isa}\n{text}"
            assert bpf_run.words(changed) == bpf_run.words(bytes(memory)), f"seed {seed}\n{text}"
            assert program.maps[DATA].contents == bytes(section), f"seed {seed}\n{text}"


@pytest.mark.parametrize("isa", [1, 2, 3, 4])
@pytest.mark.parametrize("chunk", range(5))
def test_random_programs(isa: int, chunk: int) -> None:
    for seed in range(20 * chunk, 20 * chunk + 20):
        check(seed, isa)


def test_found_by_chance_before() -> None:
    """Seeds that once found a mistake: a read through any address; a mask the verifier needs;
    seeded bugs of the registers that nothing else noticed.
    """
    for seed, isa in ((7, 4), (673, 2), (3653, 2)):
        check(seed, isa)
