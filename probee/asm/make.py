"""Constructors of instructions, in the field's words.

In: register numbers, operations by name (`add`, `jeq`), sizes in bytes (1, 2, 4, 8), numbers.
Out: one `Insn`. Distances of jumps and calls count slots from the next instruction.

An unknown operation or size raises UsageError here; `encode` checks ranges. Where an instruction
looks at 32 bits of `imm` and no more, a number above 0x7fffffff stands for the same bits.
"""

from __future__ import annotations

from probee.asm import opcodes as op
from probee.asm.insn import Insn
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    K = TypeVar("K")

_ALU = {row.name: row.code for row in op.ALU_OPS}
_ALU_OFF = {row.name: row.off for row in op.ALU_OPS}
_JUMP = {row.name: row.code for row in op.JUMP_OPS}
_ATOMIC = {row.name: row.imm for row in op.ATOMIC_OPS}
_SIZE = {row.bytes: row.code for row in op.SIZES}


def _pick(table: Mapping[K, int], key: K, what: str) -> int:
    try:
        return table[key]
    except KeyError:
        known = ", ".join(str(name) for name in table)
        raise UsageError(f"there is no {what} {key!r}, only {known}") from None


def _bits32(imm: int) -> int:
    return imm - (1 << 32) if 0x7FFFFFFF < imm <= 0xFFFFFFFF else imm


# Arithmetic: add sub mul div sdiv or and lsh rsh mod smod xor mov arsh.


def alu64_reg(name: str, dst: int, src: int) -> Insn:
    """dst op= src."""
    code = op.ALU64 | op.X | _pick(_ALU, name, "arithmetic operation")
    return Insn(code, dst, src, _ALU_OFF[name])


def alu64_imm(name: str, dst: int, imm: int) -> Insn:
    """`imm` is signed 32 bits, extended to 64."""
    code = op.ALU64 | op.K | _pick(_ALU, name, "arithmetic operation")
    return Insn(code, dst, 0, _ALU_OFF[name], imm)


def alu32_reg(name: str, dst: int, src: int) -> Insn:
    """The upper half of `dst` becomes 0."""
    code = op.ALU32 | op.X | _pick(_ALU, name, "arithmetic operation")
    return Insn(code, dst, src, _ALU_OFF[name])


def alu32_imm(name: str, dst: int, imm: int) -> Insn:
    """The upper half of `dst` becomes 0."""
    code = op.ALU32 | op.K | _pick(_ALU, name, "arithmetic operation")
    return Insn(code, dst, 0, _ALU_OFF[name], _bits32(imm))


def mov64_reg(dst: int, src: int) -> Insn:
    """dst = src."""
    return Insn(op.ALU64 | op.X | op.MOV, dst, src)


def mov64_imm(dst: int, imm: int) -> Insn:
    """`imm` is signed 32 bits, extended to 64; for more, `ld_imm64`."""
    return Insn(op.ALU64 | op.K | op.MOV, dst, 0, 0, imm)


def mov32_reg(dst: int, src: int) -> Insn:
    """dst = the lower half of src; the upper half becomes 0."""
    return Insn(op.ALU32 | op.X | op.MOV, dst, src)


def mov32_imm(dst: int, imm: int) -> Insn:
    """dst = imm; the upper half becomes 0."""
    return Insn(op.ALU32 | op.K | op.MOV, dst, 0, 0, _bits32(imm))


def movsx64_reg(dst: int, src: int, bits: int) -> Insn:
    """The lowest 8, 16 or 32 bits of `src`, sign extended to 64."""
    return Insn(op.ALU64 | op.X | op.MOV, dst, src, bits)


def movsx32_reg(dst: int, src: int, bits: int) -> Insn:
    """The lowest 8 or 16 bits of `src`, sign extended to 32; the upper half becomes 0."""
    return Insn(op.ALU32 | op.X | op.MOV, dst, src, bits)


def neg64(dst: int) -> Insn:
    """dst = -dst."""
    return Insn(op.ALU64 | op.NEG, dst)


def neg32(dst: int) -> Insn:
    """dst = -dst in the lower half; the upper half becomes 0."""
    return Insn(op.ALU32 | op.NEG, dst)


def to_le(dst: int, bits: int) -> Insn:
    """Host order to little endian, and zero above `bits` (16, 32, 64)."""
    return Insn(op.ALU32 | op.K | op.END, dst, 0, 0, bits)


def to_be(dst: int, bits: int) -> Insn:
    """Host order to big endian, and zero above `bits` (16, 32, 64)."""
    return Insn(op.ALU32 | op.X | op.END, dst, 0, 0, bits)


def bswap(dst: int, bits: int) -> Insn:
    """Swap bytes whatever the host's order is (ISA v4), and zero above `bits` (16, 32, 64)."""
    return Insn(op.ALU64 | op.K | op.END, dst, 0, 0, bits)


def addr_space_cast(dst: int, src: int, to_space: int, from_space: int) -> Insn:
    """An arena pointer from one address space to another: 0 is the kernel's, 1 the user's."""
    if not (0 <= to_space <= 0xFFFF and 0 <= from_space <= 0xFFFF):
        raise UsageError(f"address spaces have 16 bits, not {to_space} and {from_space}")
    return Insn(op.ALU64 | op.X | op.MOV, dst, src, 1, _bits32(to_space << 16 | from_space))


# Jumps: jeq jne jgt jge jlt jle jsgt jsge jslt jsle jset.


def jmp_reg(name: str, dst: int, src: int, off: int) -> Insn:
    """If dst and src compare so, jump."""
    return Insn(op.JMP | op.X | _pick(_JUMP, name, "condition"), dst, src, off)


def jmp_imm(name: str, dst: int, imm: int, off: int) -> Insn:
    """`imm` is signed 32 bits, extended to 64 before it is compared, with or without sign."""
    return Insn(op.JMP | op.K | _pick(_JUMP, name, "condition"), dst, 0, off, imm)


def jmp32_reg(name: str, dst: int, src: int, off: int) -> Insn:
    """If the lower halves of dst and src compare so, jump (ISA v3)."""
    return Insn(op.JMP32 | op.X | _pick(_JUMP, name, "condition"), dst, src, off)


def jmp32_imm(name: str, dst: int, imm: int, off: int) -> Insn:
    """If the lower half of dst and `imm` compare so, jump (ISA v3)."""
    code = op.JMP32 | op.K | _pick(_JUMP, name, "condition")
    return Insn(code, dst, 0, off, _bits32(imm))


def ja(off: int) -> Insn:
    """Jump always."""
    return Insn(op.JMP | op.JA, 0, 0, off)


def gotol(distance: int) -> Insn:
    """A jump over up to 2**31 slots (ISA v4)."""
    return Insn(op.JMP32 | op.JA, 0, 0, 0, distance)


def gotox(dst: int) -> Insn:
    """Jump to the address in dst, which comes out of a jump table (Linux 6.19)."""
    return Insn(op.JMP | op.X | op.JA, dst)


def may_goto(off: int) -> Insn:
    """Jump when the kernel has seen enough of this loop (Linux 6.9)."""
    return Insn(op.JMP | op.JCOND, 0, 0, off)


def call_helper(helper: int) -> Insn:
    """r0 = the helper with this id, of r1 to r5."""
    return Insn(op.JMP | op.CALL, 0, op.CALL_HELPER, 0, helper)


def call_local(distance: int) -> Insn:
    """A function of the same program, `distance` slots behind the next instruction."""
    return Insn(op.JMP | op.CALL, 0, op.CALL_LOCAL, 0, distance)


def call_kfunc(btf_id: int, fd_index: int = 0) -> Insn:
    """A kernel function by BTF id; `fd_index` is the place of its module's BTF in fd_array."""
    return Insn(op.JMP | op.CALL, 0, op.CALL_KFUNC, fd_index, btf_id)


def exit_() -> Insn:
    """Return r0."""
    return Insn(op.JMP | op.EXIT)


# Memory. `size` is in bytes: 1, 2, 4 or 8.


def ldx_mem(size: int, dst: int, src: int, off: int) -> Insn:
    """dst = *(src + off), zero above `size`."""
    return Insn(op.LDX | op.MEM | _pick(_SIZE, size, "size"), dst, src, off)


def ldx_memsx(size: int, dst: int, src: int, off: int) -> Insn:
    """dst = *(src + off), sign extended from 1, 2 or 4 bytes (ISA v4)."""
    return Insn(op.LDX | op.MEMSX | _pick(_SIZE, size, "size"), dst, src, off)


def st_mem(size: int, dst: int, off: int, imm: int) -> Insn:
    """*(dst + off) = imm; of 8 bytes, `imm` is signed 32 bits, extended."""
    code = op.ST | op.MEM | _pick(_SIZE, size, "size")
    return Insn(code, dst, 0, off, imm if size == 8 else _bits32(imm))


def stx_mem(size: int, dst: int, src: int, off: int) -> Insn:
    """*(dst + off) = src."""
    return Insn(op.STX | op.MEM | _pick(_SIZE, size, "size"), dst, src, off)


def ld_abs(size: int, imm: int) -> Insn:
    """r0 = packet bytes at `imm`, in host order (1, 2, 4 bytes); r6 holds the packet."""
    return Insn(op.LD | op.ABS | _pick(_SIZE, size, "size"), 0, 0, 0, _bits32(imm))


def ld_ind(size: int, src: int, imm: int) -> Insn:
    """r0 = packet bytes at `src` + `imm`, in host order (1, 2, 4 bytes); r6 holds the packet."""
    return Insn(op.LD | op.IND | _pick(_SIZE, size, "size"), 0, src, 0, _bits32(imm))


# Atomics: add or and xor. `size` is 4 or 8.


def atomic(name: str, size: int, dst: int, src: int, off: int, *, fetch: bool = False) -> Insn:
    """*(dst + off) op= src; with `fetch`, src becomes what was there before (ISA v3)."""
    code = op.STX | op.ATOMIC | _pick(_SIZE, size, "size")
    imm = _pick(_ATOMIC, name, "atomic operation")
    return Insn(code, dst, src, off, imm | op.FETCH if fetch else imm)


def xchg(size: int, dst: int, src: int, off: int) -> Insn:
    """Swap src with *(dst + off)."""
    return Insn(op.STX | op.ATOMIC | _pick(_SIZE, size, "size"), dst, src, off, op.XCHG)


def cmpxchg(size: int, dst: int, src: int, off: int) -> Insn:
    """If *(dst + off) is r0 it becomes src; r0 becomes what was there before."""
    return Insn(op.STX | op.ATOMIC | _pick(_SIZE, size, "size"), dst, src, off, op.CMPXCHG)


def load_acquire(size: int, dst: int, src: int, off: int) -> Insn:
    """dst = *(src + off), of any size, ordered before what follows (Linux 6.15)."""
    code = op.STX | op.ATOMIC | _pick(_SIZE, size, "size")
    return Insn(code, dst, src, off, op.LOAD_ACQUIRE)


def store_release(size: int, dst: int, src: int, off: int) -> Insn:
    """*(dst + off) = src, of any size, ordered behind what precedes (Linux 6.15)."""
    code = op.STX | op.ATOMIC | _pick(_SIZE, size, "size")
    return Insn(code, dst, src, off, op.STORE_RELEASE)


# The two-slot load.


def _ld64(dst: int, pseudo: int, low: int, high: int = 0) -> Insn:
    if not -0x80000000 <= low <= 0xFFFFFFFF:
        raise UsageError(f"{low} is no descriptor, index, id or distance of 32 bits")
    return Insn(op.LD_IMM64, dst, pseudo, 0, _bits32(high) << 32 | low & 0xFFFFFFFF)


def ld_imm64(dst: int, value: int) -> Insn:
    """Any 64 bits; `value` may be signed or unsigned."""
    signed = value - (1 << 64) if 1 << 63 <= value < 1 << 64 else value
    return Insn(op.LD_IMM64, dst, op.PSEUDO_NONE, 0, signed)


def ld_map_fd(dst: int, fd: int) -> Insn:
    """A map by its file descriptor."""
    return _ld64(dst, op.PSEUDO_MAP_FD, fd)


def ld_map_value(dst: int, fd: int, offset: int) -> Insn:
    """The address of the first value of an array map, `offset` bytes into it."""
    return _ld64(dst, op.PSEUDO_MAP_VALUE, fd, offset)


def ld_map_idx(dst: int, index: int) -> Insn:
    """A map by its place in the fd_array of the load."""
    return _ld64(dst, op.PSEUDO_MAP_IDX, index)


def ld_map_idx_value(dst: int, index: int, offset: int) -> Insn:
    """As `ld_map_value`, the map by its place in the fd_array of the load."""
    return _ld64(dst, op.PSEUDO_MAP_IDX_VALUE, index, offset)


def ld_btf_id(dst: int, btf_id: int, btf_fd: int = 0) -> Insn:
    """The address of a kernel variable by BTF id; `btf_fd` is its module's BTF, 0 is vmlinux."""
    return _ld64(dst, op.PSEUDO_BTF_ID, btf_id, btf_fd)


def ld_func(dst: int, distance: int) -> Insn:
    """The address of a function of this program, `distance` slots behind this load's first slot."""
    return _ld64(dst, op.PSEUDO_FUNC, distance)
