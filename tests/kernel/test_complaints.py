"""The verifier's complaints, provoked one by one: each is understood, as this kernel says it."""

from __future__ import annotations

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.errors import VerifierError
from probee.runtime.loader import load
from probee.runtime.verifier_log import read_log
from probee.runtime.verifier_words import row_of
from probee.spec import CollectionSpec, MapSpec, Reloc
from probee.uapi import bpf as uapi
from tests.kernel import rawspecs as raw

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("no_new_descriptors")]

END = [m.mov64_imm(0, 0), m.exit_()]
READ_COMM, READ_KERNEL, LOOKUP, RESERVE, SUBMIT = 16, 113, 1, 131, 132
ENTRY = [  # r0: the 64 bytes of map m's only entry
    m.mov64_imm(1, 0), m.stx_mem(4, 10, 1, -4), m.ld_imm64(1, 0), m.mov64_reg(2, 10),
    m.alu64_imm("add", 2, -4), m.call_helper(LOOKUP), m.jmp_imm("jne", 0, 0, 2), *END,
]  # fmt: skip
TO_STACK = [m.mov64_reg(1, 10), m.alu64_imm("add", 1, -8), m.mov64_imm(3, 0)]
RECORD = [  # r6: a record of ring r
    m.ld_imm64(1, 0), m.mov64_imm(2, 8), m.mov64_imm(3, 0), m.call_helper(RESERVE),
    m.jmp_imm("jne", 0, 0, 2), *END, m.mov64_reg(6, 0),
]  # fmt: skip

CASES = {
    "a length that may be negative": (
        [m.ldx_mem(8, 2, 1, 8), *TO_STACK, m.call_helper(READ_KERNEL), *END],
        "a value may be negative",
    ),
    "a length of 0": (
        [*TO_STACK, m.mov64_imm(2, 0), m.call_helper(READ_COMM), *END],
        "a value, a length, may be zero",
    ),
    "an index of 64 bits": (
        [*ENTRY, m.ldx_mem(8, 1, 0, 0), m.alu64_reg("add", 0, 1), m.ldx_mem(8, 1, 0, 0), *END],
        "a value has no lower bound that the verifier sees",
    ),
    "an index of 32 bits": (
        [*ENTRY, m.ldx_mem(4, 1, 0, 0), m.alu64_reg("add", 0, 1), m.ldx_mem(8, 1, 0, 0), *END],
        "a value has no upper bound that the verifier sees",
    ),
    "an index of 8 bits": (
        [*ENTRY, m.ldx_mem(1, 1, 0, 0), m.alu64_reg("add", 0, 1), m.ldx_mem(8, 1, 0, 0), *END],
        "beyond the end: bytes ",
    ),
    "before an entry": (
        [*ENTRY, m.alu64_imm("add", 0, -8), m.ldx_mem(8, 1, 0, 0), *END],
        "this lies beyond the end: bytes -8 to -1 of 64",
    ),
    "a number that no index is": (
        [*ENTRY, m.ld_imm64(1, 1 << 40), m.alu64_reg("add", 0, 1), *END],
        "a value is too large to be added to a pointer",
    ),
    "a round that changes nothing": (
        [m.mov64_imm(1, 0), m.jmp_imm("jne", 1, 5, -2), *END],
        "this loop may go on for ever",
    ),
    "a pointer multiplied": (
        [m.alu64_imm("mul", 1, 3), *END],
        "a value is a pointer that takes no such arithmetic",
    ),
    "pointers added": (
        [m.alu64_reg("add", 1, 10), *END],
        "a value is a pointer that takes no such arithmetic",
    ),
    "half of a pointer": (
        [m.alu32_imm("add", 1, 3), *END],
        "a value is a pointer that takes no such arithmetic",
    ),
    "below the stack": (
        [m.stx_mem(8, 10, 1, -520), *END],
        "this would write beyond the stack",
    ),
    "between two places": (
        [m.mov64_imm(1, 1), m.stx_mem(8, 10, 1, -12), *END],
        "a value is not aligned to its size",
    ),
    "the context written": (
        [m.stx_mem(8, 1, 1, 8), *END],
        "the context has nothing that may be read or written here: bytes 8 to 15",
    ),
    "the context at a computed place": (
        [
            m.ldx_mem(8, 2, 1, 8), m.alu64_imm("and", 2, 8), m.alu64_reg("add", 1, 2),
            m.ldx_mem(8, 2, 1, 8), *END,
        ],
        "the context is read at a computed place",
    ),
    "no result": ([m.exit_()], "a value was never set on this way through the program"),
    "no end": ([m.mov64_imm(0, 0)], "the code does not end"),
    "code that nothing leads to": ([*END, *END], "there is code that nothing leads to"),
    "a number where a map is wanted": (
        [m.mov64_imm(1, 0), m.mov64_imm(2, 0), m.call_helper(LOOKUP), *END],
        "an argument is not of the kind that the helper wants",
    ),
    "a map written as memory": (
        [m.ld_imm64(1, 0), m.mov64_imm(2, 0), m.stx_mem(8, 1, 2, 0), *END],
        "a value can only be read",
    ),
    "a record submitted twice": (
        [
            *RECORD, *[i for _ in "12" for i in (
                m.mov64_reg(1, 6), m.mov64_imm(2, 0), m.call_helper(SUBMIT),
            )], *END,
        ],
        "an argument is not of the kind that the helper wants",
    ),
    "a record kept": ([*RECORD, *END], "a record is neither submitted nor discarded on this way"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_complaint_has_words(case: str) -> None:
    code, says = CASES[case]
    maps = (
        MapSpec("m", uapi.BPF_MAP_TYPE_ARRAY, 4, 64, 1),
        MapSpec("r", uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
    )
    name = "r" if m.call_helper(RESERVE) in code else "m"
    loads = [at for at, insn in enumerate(code) if insn == m.ld_imm64(1, 0)]
    at = sum(insn.slots for insn in code[: loads[0]]) if loads else -1
    relocs = (Reloc(at, "map", name),) if at >= 0 else ()
    program = raw.program("p", raw.GETPPID, code=encode(code), relocs=relocs)
    with pytest.raises(VerifierError) as caught:
        load(CollectionSpec(maps, (program,), license="GPL"))
    assert row_of(read_log(caught.value.log).complaints)[0] is not None, caught.value.log
    assert says in str(caught.value).splitlines()[0]
