"""The numbers in asm/opcodes.py against those that scripts/ took from the kernel's headers."""

from __future__ import annotations

from probee.asm import opcodes as op
from probee.uapi import bpf_insn

# Headers' names for what asm calls otherwise, or holds in a row.
RENAMED = {
    "ALU": op.ALU32,
    "XADD": op.ATOMIC,
    "FROM_LE": op.K,
    "FROM_BE": op.X,
    "TO_LE": op.K,
    "TO_BE": op.X,
    "LOAD_ACQ": op.LOAD_ACQUIRE,
    "STORE_REL": op.STORE_RELEASE,
    "PSEUDO_CALL": op.CALL_LOCAL,
    "PSEUDO_KFUNC_CALL": op.CALL_KFUNC,
    "MAY_GOTO": 0,  # src of the only JCOND
    "ADDR_SPACE_CAST": 1,  # off of the mov that casts
}
# Classic BPF, which eBPF's instructions share a header with.
CLASSIC = {"RET", "MISC", "LEN", "MSH", "MAXINSNS"}


def ours() -> dict[str, int]:
    """Every number that asm has, by the name that the headers would give it."""
    named = {name: value for name, value in vars(op).items() if isinstance(value, int)}
    rows = {row.name.upper(): row.code for row in (*op.ALU_OPS, *op.JUMP_OPS)}
    registers = {f"REG_{number}": number for number in range(op.LAST_REGISTER + 1)}
    return named | rows | registers | RENAMED


def test_every_number_of_the_headers_is_ours() -> None:
    theirs = {
        name.removeprefix("BPF_"): value
        for name, value in vars(bpf_insn).items()
        if name.startswith("BPF_")
    }
    theirs = {name: value for name, value in theirs.items() if name not in CLASSIC}
    mine = ours()
    assert {name: mine.get(name) for name in theirs} == theirs
    assert len(theirs) > 70


def test_registers_end_where_the_headers_say() -> None:
    assert op.LAST_REGISTER + 1 == bpf_insn.MAX_BPF_REG
    assert (op.R0, op.FRAME_POINTER) == (bpf_insn.BPF_REG_0, bpf_insn.BPF_REG_10)


def test_atomics_are_arithmetic_with_a_flag() -> None:
    codes = {row.name: row.code for row in op.ALU_OPS}
    for plain, fetch in zip(op.ATOMIC_OPS, op.FETCH_OPS, strict=True):
        assert plain.imm == codes[plain.name]
        assert fetch.imm == plain.imm | bpf_insn.BPF_FETCH
