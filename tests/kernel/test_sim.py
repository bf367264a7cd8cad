"""The simulator against the kernel: instructions of every form, and what the generator makes."""

from __future__ import annotations

import pytest

from probee.compiler.codegen import Code, generate
from probee.sim import Machine
from probee.spec import CollectionSpec, MapSpec, ProgramSpec, Reloc, Target
from probee.uapi.bpf import BPF_MAP_TYPE_ARRAY, BPF_PROG_TYPE_SYSCALL
from tests import bpf_run, codegen_random, sim_random
from tests.codegen_statements import AREA, DATA
from tests.meaning.compare import best_isa

pytestmark = pytest.mark.kernel

CONTENTS = bytes(range(7, 7 + 2 * AREA))


def machine(code: bytes, relocs: tuple[Reloc, ...], contents: bytes) -> Machine:
    maps = [
        MapSpec(DATA, BPF_MAP_TYPE_ARRAY, 4, len(contents), 1, contents=contents)
    ] if contents else []  # fmt: skip
    program = ProgramSpec("main", BPF_PROG_TYPE_SYSCALL, 0, (), code, relocs)
    # The generator's frames keep what an earlier call left in them, as those of the kernel do.
    return Machine(CollectionSpec(tuple(maps), (program,)), strict_stack=False)


def test_instructions_of_every_form() -> None:
    if best_isa() < 4 or not bpf_run.syscall_programs():
        pytest.skip("this kernel does not have all instructions")
    used: set[str] = set()
    for seed in range(150):
        insns, forms = sim_random.program(seed)
        used |= forms
        context, code = sim_random.context(seed), sim_random.code(insns)
        with bpf_run.Program(Code(code, tuple(insns), (), (), (), (), 0)) as program:
            found = program.run(context)
        outcome = machine(code, (), b"").run("main", context)
        assert (outcome.result, bpf_run.words(outcome.context)) == (
            found[0],
            bpf_run.words(found[1]),
        ), f"seed {seed}"
    assert {form.name for form in sim_random.CHOSEN} == used


@pytest.mark.parametrize("isa", [1, 2, 3, 4])
def test_generated_code(isa: int) -> None:
    """Subprograms, stack, data sections, helpers."""
    if isa > best_isa():
        pytest.skip("this kernel does not have these instructions")
    for seed in range(60):
        code = generate(codegen_random.program(seed, isa), Target(isa=isa))
        with bpf_run.Program(code, {DATA: CONTENTS}) as program:
            for context in codegen_random.contexts(seed, 3):
                program.maps[DATA].contents = CONTENTS
                result, after = program.run(context)
                simulated = machine(code.code, code.relocs, CONTENTS)
                outcome = simulated.run("main", context)
                assert outcome.result == result, f"seed {seed}"
                assert bpf_run.words(outcome.context) == bpf_run.words(after), f"seed {seed}"
                assert simulated[DATA][0] == program.maps[DATA].contents, f"seed {seed}"
