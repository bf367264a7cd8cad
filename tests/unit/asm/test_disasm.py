"""Names, symbols and numbers in the printed lines, where the golden rows do not reach."""

from __future__ import annotations

import pytest

from probee.asm.disasm import dump_imm, kernel_lines, kernel_text, llvm_lines, llvm_text
from probee.asm.insn import Insn
from probee.asm.make import (
    call_helper,
    call_kfunc,
    call_local,
    exit_,
    gotol,
    ja,
    jmp32_imm,
    jmp_imm,
    ld_func,
    ld_imm64,
    ld_map_fd,
    ld_map_idx_value,
    ld_map_value,
    ldx_mem,
    may_goto,
    mov64_imm,
    stx_mem,
    xchg,
)
from probee.errors import UsageError

HELPERS = {1: "bpf_map_lookup_elem"}


def test_helpers_by_name() -> None:
    assert kernel_text(call_helper(1), helpers=HELPERS) == "(85) call bpf_map_lookup_elem#1"
    assert kernel_text(call_helper(2), helpers=HELPERS) == "(85) call unknown#2"
    # A kfunc's BTF id is no helper's number.
    assert kernel_text(call_kfunc(1), helpers=HELPERS) == "(85) call kernel-function#1"


def test_names_from_callbacks() -> None:
    def call(insn: Insn) -> str | None:
        return {0: "bpf_other", 1: "+5#main", 2: "bpf_rcu_read_lock"}[insn.src]

    assert kernel_text(call_helper(1), helpers=HELPERS, call=call).endswith("map_lookup_elem#1")
    assert kernel_text(call_helper(9), call=call) == "(85) call bpf_other#9"
    assert kernel_text(call_local(5), call=call) == "(85) call pc+5#main"
    assert kernel_text(call_kfunc(7), call=call) == "(85) call bpf_rcu_read_lock#7"
    assert kernel_text(call_local(5), call=lambda _: None) == "(85) call pc+5"
    assert kernel_text(ld_imm64(1, 2), imm=lambda _: "map[x]") == "(18) r1 = map[x]"


@pytest.mark.parametrize(("insn", "expected"), [
    (ld_map_fd(1, 7), "(18) r1 = map[id:7]"),
    (ld_map_value(1, 7, 24), "(18) r1 = map[id:7][0]+24"),
    (ld_map_idx_value(1, 3, 8), "(18) r1 = map[idx:3]+8"),
    (ld_func(1, -9), "(18) r1 = subprog[-9]"),
    (ld_imm64(1, -1), "(18) r1 = 0xffffffffffffffff"),
])  # fmt: skip
def test_immediates_of_a_dump(insn: Insn, expected: str) -> None:
    assert kernel_text(insn, imm=dump_imm) == expected


def test_kernel_lines_count_slots() -> None:
    program = [mov64_imm(0, -1), ld_imm64(1, 5), jmp_imm("jeq", 1, -1, 1), ja(-1), exit_()]
    assert list(kernel_lines(program)) == [
        "   0: (b7) r0 = -1",
        "   1: (18) r1 = 0x5",
        "   3: (15) if r1 == 0xffffffff goto pc+1",
        "   4: (05) goto pc-1",
        "   5: (95) exit",
    ]


def test_llvm_lines_find_symbols() -> None:
    program = [ja(0), ld_imm64(1, 5), ja(-4), ja(-5), gotol(1), may_goto(-1), exit_(), ja(-10)]
    assert list(llvm_lines(program, {8: "f", 48: "g"})) == [
        "       0:\tgoto +0x0 <f>",
        "       1:\tr1 = 0x5 ll",
        "       3:\tgoto -0x4",  # to the start, before the first symbol
        "       4:\tgoto -0x5",
        "       5:\tgotol +0x1 <g+0x8>",
        "       6:\tmay_goto -0x1 <g>",
        "       7:\texit",
        "       8:\tgoto -0xa <g+0xffffffffffffffc8>",  # before the start: wraps around
    ]


def test_llvm_without_alu32() -> None:
    assert llvm_text(ldx_mem(4, 1, 2, -8)) == "w1 = *(u32 *)(r2 - 0x8)"
    assert llvm_text(ldx_mem(4, 1, 2, -8), alu32=False) == "r1 = *(u32 *)(r2 - 0x8)"
    assert llvm_text(stx_mem(1, 1, 2, 0), alu32=False) == "*(u8 *)(r1 + 0x0) = r2"
    assert llvm_text(xchg(4, 1, 2, 0), alu32=False) == "<unknown>"
    assert llvm_text(xchg(8, 1, 2, 0), alu32=False) == "r2 = xchg_64(r1 + 0x0, r2)"
    assert llvm_text(jmp32_imm("jeq", 1, 2, 3), alu32=False) == "if w1 == 0x2 goto +0x3"


def test_what_is_no_instruction_is_not_printed() -> None:
    for text in (kernel_text, llvm_text):
        with pytest.raises(UsageError, match="opcode 0xff"):
            text(Insn(0xFF))
