"""ISA levels: which instruction needs which, and the error that says so."""

from __future__ import annotations

import pytest

from probee.asm.insn import Insn
from probee.asm.isa import check_level, form_of, required_level
from probee.asm.make import (
    alu32_imm,
    alu64_reg,
    atomic,
    bswap,
    call_kfunc,
    exit_,
    gotol,
    gotox,
    ja,
    jmp32_imm,
    jmp_imm,
    ldx_mem,
    ldx_memsx,
    may_goto,
    mov64_imm,
    movsx64_reg,
    st_mem,
    to_be,
)
from probee.errors import NotSupportedError, UsageError

LEVELS = [
    (mov64_imm(0, 0), 1),
    (st_mem(8, 10, -8, 0), 1),
    (ldx_mem(4, 0, 1, 0), 1),
    (atomic("add", 8, 1, 2, 0), 1),
    (to_be(1, 32), 1),
    (jmp_imm("jsge", 1, 0, 0), 1),
    (call_kfunc(1), 1),
    (jmp_imm("jlt", 1, 0, 0), 2),
    (jmp_imm("jsle", 1, 0, 0), 2),
    (alu32_imm("mov", 1, 0), 3),
    (jmp32_imm("jeq", 1, 0, 0), 3),
    (jmp32_imm("jlt", 1, 0, 0), 3),
    (atomic("add", 8, 1, 2, 0, fetch=True), 3),
    (atomic("or", 8, 1, 2, 0), 3),
    (alu64_reg("sdiv", 1, 2), 4),
    (movsx64_reg(1, 2, 8), 4),
    (ldx_memsx(1, 1, 2, 0), 4),
    (bswap(1, 16), 4),
    (gotol(1), 4),
    (gotox(1), 4),
    (may_goto(1), 4),
]


@pytest.mark.parametrize(("insn", "level"), LEVELS, ids=[form_of(row[0]).name for row in LEVELS])
def test_level(insn: Insn, level: int) -> None:
    assert required_level(insn) == level
    for target in (1, 2, 3, 4):
        if target >= level:
            check_level([insn], target)
        else:
            with pytest.raises(NotSupportedError):
                check_level([insn], target)


def test_the_error_names_instruction_level_and_release() -> None:
    with pytest.raises(NotSupportedError) as caught:
        check_level([mov64_imm(0, 0), alu64_reg("sdiv", 1, 2), exit_()], 3)
    assert str(caught.value) == (
        "instruction 1 (sdiv64_reg) needs ISA v4, not v3 (since Linux 6.6)"
    )


@pytest.mark.parametrize("level", [0, 5, -1])
def test_there_are_four_levels(level: int) -> None:
    with pytest.raises(UsageError):
        check_level([ja(0)], level)


def test_what_is_no_instruction_has_no_level() -> None:
    with pytest.raises(UsageError, match="0xff is no instruction"):
        required_level(Insn(0xFF))
