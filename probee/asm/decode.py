"""Bytes to instructions, strictly.

In: the bytes of a program, from a file or the kernel. Out: a list of `Insn`, or FormatError with
the offset and what was expected there. `encode(decode(b)) == b` for every `b` that it takes.
"""

from __future__ import annotations

from struct import Struct

from probee.asm.forms import STRICT, XLATED, find_form
from probee.asm.insn import Insn
from probee.asm.opcodes import LD_IMM64, SLOT_BYTES
from probee.errors import FormatError, UsageError

_SLOT = {"little": Struct("<BBhi"), "big": Struct(">BBhi")}


def decode(data: bytes, endian: str = "little", *, xlated: bool = False) -> list[Insn]:
    """Instructions of a program; every bit that RFC 9669 reserves must be 0.

    `xlated` reads a kernel's dump: it adds the few forms that only the verifier makes.
    """
    if endian not in _SLOT:
        raise UsageError(f"byte order {endian!r} is neither 'little' nor 'big'")
    if len(data) % SLOT_BYTES:
        at = len(data) - len(data) % SLOT_BYTES
        raise FormatError(
            f"an instruction is cut off: 8 bytes expected, {len(data) - at} left", offset=at
        )
    little, index = endian == "little", XLATED if xlated else STRICT
    insns, at = [], 0
    slots = _SLOT[endian].iter_unpack(data)
    for code, registers, off, first in slots:
        high, low = registers >> 4, registers & 15
        dst, src = (low, high) if little else (high, low)
        imm = first
        if code == LD_IMM64:
            imm = _second_slot(next(slots, None), at) << 32 | first & 0xFFFFFFFF
        insn = Insn(code, dst, src, off, imm)
        form = find_form(insn, index)
        if isinstance(form, str):
            raise FormatError(form, offset=at)
        insns.append(insn)
        at += insn.slots * SLOT_BYTES
    return insns


def decode_one(data: bytes, at: int, endian: str = "little") -> Insn | None:
    """The bytes at `at` as one instruction, whatever they are; None where they are too few.

    Nothing is checked: `find_form`, and so the printers, say whether it is one.
    """
    if at + SLOT_BYTES > len(data):
        return None
    slot = _SLOT[endian]
    code, registers, off, imm = slot.unpack_from(data, at)
    high, low = registers >> 4, registers & 15
    dst, src = (low, high) if endian == "little" else (high, low)
    if code == LD_IMM64:
        if at + 2 * SLOT_BYTES > len(data):
            return None
        imm = slot.unpack_from(data, at + SLOT_BYTES)[3] << 32 | imm & 0xFFFFFFFF
    return Insn(code, dst, src, off, imm)


def _second_slot(slot: tuple[int, int, int, int] | None, at: int) -> int:
    """The upper half that the second slot of the ld_imm64 at byte `at` holds."""
    if slot is None:
        raise FormatError(
            "ld_imm64 is cut off: its second slot is expected", offset=at + SLOT_BYTES
        )
    code, registers, off, imm = slot
    if code or registers or off:
        raise FormatError(
            "the second slot of ld_imm64 holds more than imm: opcode, registers and off must be 0",
            offset=at + SLOT_BYTES,
        )
    return imm
