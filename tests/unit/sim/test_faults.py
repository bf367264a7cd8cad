"""What a program must not do is a SimError that says what, and at which instruction."""

from __future__ import annotations

import pytest

from probee.asm import make as asm
from probee.asm.opcodes import R0, R1, R2, R3, R6, R10
from probee.errors import NotSupportedError, SimError
from probee.sim.kfuncs import number_of
from tests.unit.sim.hand import MARK, call_on_map, helper, load_map, machine, table

END = asm.exit_()
ZERO = asm.mov64_imm(R0, 0)
AT_8 = [asm.mov64_reg(R1, R10), asm.alu64_imm("add", R1, -8)]
NEW, NEXT = (number_of("main", f"bpf_iter_num_{part}") for part in ("new", "next"))
CASES = {
    "beyond the stack": (
        [ZERO, asm.stx_mem(8, R10, R0, -520), END], "writes 8 bytes at byte -8 of the stack"),
    "above the stack": (
        [ZERO, asm.stx_mem(8, R10, R0, 0), END], "at byte 512 of the stack, which has 512"),
    "unwritten stack": (
        [asm.st_mem(4, R10, -8, 1), asm.ldx_mem(8, R0, R10, -8), END],
        "where byte 508 was never written"),
    "beyond the context": ([asm.ldx_mem(8, R0, R1, 4), END], "of the context, which has 8"),
    "null": ([ZERO, asm.ldx_mem(4, R0, R0, 8), END], "address 0x8: a null pointer"),
    "nowhere": (
        [asm.ld_imm64(R2, 0x7F0000001000), asm.ldx_mem(4, R0, R2, 0), END],
        "at 0x7f0000001000, where the program has no memory"),
    "a register that was never written": ([asm.mov64_reg(R0, R6), END], "uses r6"),
    "no result": ([END], "uses r0"),
    "a register that a call lost": (
        [ZERO, helper("get_smp_processor_id"), asm.mov64_reg(R0, R1), END], "uses r1"),
    "an empty register compared": ([ZERO, asm.jmp_reg("jeq", R0, R3, 0), END], "uses r3"),
    "an argument that holds nothing": (
        [ZERO, helper("ringbuf_submit"), ZERO, END], "with r2, which holds nothing"),
    "no end": ([ZERO, asm.ja(-1)], "runs for more than 1,000 instructions"),
    "past the end": ([ZERO], "goes on where there is no instruction"),
    "into a long instruction": (
        [asm.ja(1), asm.ld_imm64(R0, 1), END], "jumps into the middle of an instruction"),
    "deep calls": (
        [ZERO, asm.call_local(-2), END], "calls functions 9 deep"),
    "no record": (
        [asm.mov64_imm(R1, 5), asm.mov64_imm(R2, 0), helper("ringbuf_submit"), ZERO, END],
        "0x5, which is no reserved record"),
    "an atomic that is not aligned": (
        [asm.st_mem(8, R10, -16, 0), asm.st_mem(8, R10, -8, 0), asm.mov64_imm(R2, 1),
         asm.atomic("add", 8, R10, R2, -12), ZERO, END], "writes 8 bytes"),
    "an iterator that was not made": (
        [*AT_8, asm.call_kfunc(NEXT), ZERO, END], "uses an iterator that was not made"),
    "an iterator that is left behind": (
        [*AT_8, asm.mov64_imm(R2, 0), asm.mov64_imm(R3, 9), asm.call_kfunc(NEW), ZERO, END],
        "ends with an iterator"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_fault(name: str) -> None:
    insns, message = CASES[name]
    with pytest.raises(SimError) as caught:
        machine(insns).run("main", bytes(8), limit=1000)
    assert caught.value.message.startswith("main ")
    assert message in caught.value.message
    assert f"instruction {caught.value.slot}: {caught.value.insn}" in str(caught.value)


def test_unwritten_stack_is_zeroes_if_that_is_wanted() -> None:
    insns = [asm.ldx_mem(8, R0, R10, -8), END]
    assert machine(insns, strict_stack=False).run("main").result == 0


def test_read_only_section() -> None:
    insns = [MARK, ZERO, asm.stx_mem(4, R1, R0, 4), END]
    section = table("array", value=8, entries=1, contents=bytes(8))
    assert machine(insns, section).run("main").result == 0
    frozen = type(section)(**{f: getattr(section, f) for f in section._fields} | {"frozen": True})
    with pytest.raises(SimError, match="section m, which is read-only"):
        machine(insns, frozen).run("main")


@pytest.mark.parametrize("how", ["map_delete_elem", "map_update_elem"])
def test_value_that_is_gone(how: str) -> None:
    call = call_on_map(how, 1)[2:-1]
    insns = [
        *call_on_map("map_lookup_elem", 1)[:-1],
        asm.mov64_reg(R6, R0),
        *call,
        asm.ldx_mem(8, R0, R6, 0),
        END,
    ]
    hand = machine(insns, table("hash"))
    hand["m"][b"\1\0\0\0"] = bytes(8)
    with pytest.raises(SimError, match=r"a value of m, which (was deleted|an update has replaced)"):
        hand.run("main")


def test_record_that_is_kept() -> None:
    insns = [
        load_map(R1), asm.mov64_imm(R2, 16), asm.mov64_imm(R3, 0), helper("ringbuf_reserve"),
        ZERO, END,
    ]  # fmt: skip
    with pytest.raises(SimError, match="a record of m still reserved"):
        machine(insns, table("ringbuf", 0, 0, 4096)).run("main")


def test_helper_that_is_not_simulated() -> None:
    with pytest.raises(NotSupportedError, match="no send_signal"):
        machine([asm.mov64_imm(R1, 9), helper("send_signal"), END]).run("main")


def test_map_that_is_not_simulated() -> None:
    with pytest.raises(NotSupportedError, match="no maps of type sockmap"):
        machine([ZERO, END], table("sockmap"))
