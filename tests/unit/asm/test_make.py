"""Each constructor against the bytes that the kernel's macros (include/linux/filter.h) give."""

from __future__ import annotations

import pytest

from probee.asm import make
from probee.asm.encode import encode
from probee.asm.forms import FORMS
from probee.asm.insn import Insn
from probee.asm.isa import form_of
from probee.asm.make import (
    addr_space_cast,
    alu32_imm,
    alu32_reg,
    alu64_imm,
    alu64_reg,
    atomic,
    bswap,
    call_helper,
    call_kfunc,
    call_local,
    cmpxchg,
    exit_,
    gotol,
    gotox,
    ja,
    jmp32_imm,
    jmp32_reg,
    jmp_imm,
    jmp_reg,
    ld_abs,
    ld_btf_id,
    ld_func,
    ld_imm64,
    ld_ind,
    ld_map_fd,
    ld_map_idx,
    ld_map_idx_value,
    ld_map_value,
    ldx_mem,
    ldx_memsx,
    load_acquire,
    may_goto,
    mov32_imm,
    mov32_reg,
    mov64_imm,
    mov64_reg,
    movsx32_reg,
    movsx64_reg,
    neg32,
    neg64,
    st_mem,
    store_release,
    stx_mem,
    to_be,
    to_le,
    xchg,
)
from probee.asm.opcodes import R0, R1, R2, R3, R6, R7, R10
from probee.errors import UsageError

ROWS = [
    (alu64_reg("add", R1, R2), "0f21000000000000"),
    (alu64_imm("sub", R1, -1), "17010000ffffffff"),
    (alu64_reg("sdiv", R7, R3), "3f37010000000000"),
    (alu64_imm("arsh", R1, 63), "c70100003f000000"),
    (alu32_reg("smod", R1, R2), "9c21010000000000"),
    (alu32_imm("and", R1, 0xFFFFFFFF), "54010000ffffffff"),
    (mov64_reg(R6, R1), "bf16000000000000"),
    (mov64_imm(R0, 0), "b700000000000000"),
    (mov32_reg(R6, R1), "bc16000000000000"),
    (mov32_imm(R6, 0x80000000), "b406000000000080"),
    (movsx64_reg(R1, R2, 32), "bf21200000000000"),
    (movsx32_reg(R1, R2, 16), "bc21100000000000"),
    (neg64(R3), "8703000000000000"),
    (neg32(R3), "8403000000000000"),
    (to_le(R1, 16), "d401000010000000"),
    (to_be(R1, 64), "dc01000040000000"),
    (bswap(R1, 32), "d701000020000000"),
    (addr_space_cast(R1, R2, 0, 1), "bf21010001000000"),
    (addr_space_cast(R1, R2, 1, 0), "bf21010000000100"),
    (jmp_reg("jsgt", R1, R2, -2), "6d21feff00000000"),
    (jmp_imm("jeq", R0, 0, 2), "1500020000000000"),
    (jmp32_reg("jle", R1, R2, 3), "be21030000000000"),
    (jmp32_imm("jset", R1, 0xF0000000, 3), "46010300000000f0"),
    (ja(-1), "0500ffff00000000"),
    (gotol(-100000), "060000006079feff"),
    (gotox(R2), "0d02000000000000"),
    (may_goto(4), "e500040000000000"),
    (call_helper(1), "8500000001000000"),
    (call_local(-7), "85100000f9ffffff"),
    (call_kfunc(4711), "8520000067120000"),
    (call_kfunc(4711, 2), "8520020067120000"),
    (exit_(), "9500000000000000"),
    (ldx_mem(8, R1, R10, -8), "79a1f8ff00000000"),
    (ldx_mem(4, R1, R2, 16), "6121100000000000"),
    (ldx_mem(2, R1, R2, 16), "6921100000000000"),
    (ldx_mem(1, R1, R2, 16), "7121100000000000"),
    (ldx_memsx(4, R1, R2, 16), "8121100000000000"),
    (st_mem(8, R10, -8, -1), "7a0af8ffffffffff"),
    (st_mem(4, R10, -8, 0xFFFFFFFF), "620af8ffffffffff"),
    (stx_mem(2, R10, R1, -8), "6b1af8ff00000000"),
    (ld_abs(2, 12), "280000000c000000"),
    (ld_ind(4, R7, -4), "40700000fcffffff"),
    (atomic("add", 8, R1, R2, 0), "db21000000000000"),
    (atomic("xor", 4, R1, R2, 8, fetch=True), "c3210800a1000000"),
    (xchg(8, R1, R2, 8), "db210800e1000000"),
    (cmpxchg(4, R1, R2, 8), "c3210800f1000000"),
    (load_acquire(1, R1, R2, 8), "d321080000010000"),
    (store_release(8, R1, R2, 8), "db21080010010000"),
    (ld_imm64(R1, 0x123456789ABCDEF0), "18010000f0debc9a 0000000078563412"),
    (ld_imm64(R1, -2), "18010000feffffff 00000000ffffffff"),
    (ld_imm64(R1, (1 << 64) - 2), "18010000feffffff 00000000ffffffff"),
    (ld_map_fd(R1, 5), "1811000005000000 0000000000000000"),
    (ld_map_value(R1, 5, 64), "1821000005000000 0000000040000000"),
    (ld_map_value(R1, 5, 0xFFFFFFFF), "1821000005000000 00000000ffffffff"),
    (ld_btf_id(R1, 99), "1831000063000000 0000000000000000"),
    (ld_btf_id(R1, 99, 4), "1831000063000000 0000000004000000"),
    (ld_func(R2, -3), "18420000fdffffff 0000000000000000"),
    (ld_map_idx(R1, 2), "1851000002000000 0000000000000000"),
    (ld_map_idx_value(R1, 2, 8), "1861000002000000 0000000008000000"),
]


@pytest.mark.parametrize(
    ("insn", "expected"), ROWS, ids=[f"{i}-{form_of(row[0]).name}" for i, row in enumerate(ROWS)]
)
def test_bytes(insn: Insn, expected: str) -> None:
    assert encode([insn]) == bytes.fromhex(expected)


def test_every_operation_of_every_family_can_be_made() -> None:
    """The names that `make` takes reach every form of the table."""
    made = {form_of(insn).name for insn, _ in ROWS}
    for form in FORMS:
        name, _, source = form.name.rpartition("_")
        op, bits = name[:-2], name[-2:]
        if source == "reg":
            prefix = {"64": "", "32": "32"}[bits]
            one = getattr(make, f"jmp{prefix}_reg" if op[0] == "j" else f"alu{bits}_reg")
            made.add(form_of(one(op, 1, 2, 3) if op[0] == "j" else one(op, 1, 2)).name)
        elif source == "imm":
            prefix = {"64": "", "32": "32"}[bits]
            one = getattr(make, f"jmp{prefix}_imm" if op[0] == "j" else f"alu{bits}_imm")
            made.add(form_of(one(op, 1, 2, 3) if op[0] == "j" else one(op, 1, 2)).name)
    for size in (1, 2, 4, 8):
        made |= {form_of(one(size, 1, 2, 8)).name for one in (
            ldx_mem, stx_mem, load_acquire, store_release)}  # fmt: skip
        made.add(form_of(st_mem(size, 1, 8, 2)).name)
        if size < 8:
            made |= {form_of(insn).name for insn in (
                ldx_memsx(size, 1, 2, 8), ld_abs(size, 8), ld_ind(size, 1, 8))}  # fmt: skip
        if size >= 4:
            made |= {form_of(one(size, 1, 2, 8)).name for one in (xchg, cmpxchg)}
            for op in ("add", "or", "and", "xor"):
                for fetch in (False, True):
                    made.add(form_of(atomic(op, size, 1, 2, 8, fetch=fetch)).name)
    for bits64 in (16, 32, 64):
        made |= {form_of(one(1, bits64)).name for one in (to_le, to_be, bswap)}
    made |= {form_of(movsx64_reg(1, 2, width)).name for width in (8, 16, 32)}
    made |= {form_of(movsx32_reg(1, 2, width)).name for width in (8, 16)}
    assert made == {form.name for form in FORMS}


def test_what_there_is_not() -> None:
    with pytest.raises(UsageError, match="arithmetic operation 'plus', only add, sub"):
        alu64_reg("plus", 1, 2)
    with pytest.raises(UsageError, match="condition 'add'"):
        jmp_imm("add", 1, 2, 3)
    with pytest.raises(UsageError, match="size 3, only 1, 2, 4, 8"):
        ldx_mem(3, 1, 2, 0)
    with pytest.raises(UsageError, match="atomic operation 'sub'"):
        atomic("sub", 8, 1, 2, 0)
    with pytest.raises(UsageError, match="address spaces have 16 bits"):
        addr_space_cast(1, 2, 0, 0x10000)
    with pytest.raises(UsageError, match="4294967296 is no descriptor"):
        ld_map_fd(1, 1 << 32)
