"""Generated code against a reference interpreter: random IR, run by the kernel."""

from __future__ import annotations

import pytest

from probee.compiler.codegen import generate
from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from probee.spec import Target
from tests import bpf_run, ir_random
from tests.ir_interpreter import Address, Interpreter

pytestmark = pytest.mark.kernel

DATA = bytes(range(7, 7 + ir_random.DATA_BYTES))


def check_seed(seed: int, isa: int) -> None:
    """One random program, a few contexts."""
    functions = ir_random.program(seed, isa)
    for function in functions:
        verify(function)
    code = generate(functions, Target(isa=isa))
    text = "\n".join(print_function(function) for function in functions)
    try:
        program = bpf_run.Program(code, {ir_random.DATA: DATA})
    except bpf_run.Refused as error:
        pytest.fail(f"seed {seed}, isa {isa}\n{text}\n{error}", pytrace=False)
    with program:
        for context in ir_random.contexts(seed, 4):
            memory, data = bytearray(context), bytearray(DATA)
            wanted = Interpreter(
                functions,
                helpers=ir_random.HELPERS,
                data={ir_random.DATA: data},
            ).run(Address(memory, 0))
            program.maps[ir_random.DATA].contents = DATA
            result, after = program.run(context)
            found = (result, bpf_run.words(after), program.maps[ir_random.DATA].contents)
            expected = (wanted & 0xFFFFFFFF, bpf_run.words(bytes(memory)), bytes(data))
            assert found == expected, f"seed {seed}, isa {isa}\n{text}"


@pytest.mark.parametrize("isa", [1, 2, 3, 4])
@pytest.mark.parametrize("chunk", range(5))
def test_random_programs(isa: int, chunk: int) -> None:
    for seed in range(20 * chunk, 20 * chunk + 20):
        check_seed(seed, isa)
