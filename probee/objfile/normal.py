"""Code as the compiler leaves it: blank where a kernel's layout goes, pseudo sources set.

In: a program as it was read from an object, whose places hold what its own types say. Out: the same
instructions in the one form that specs of the compiler have.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.encode import encode
from probee.asm.opcodes import CALL_KFUNC, LD_IMM64, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE
from probee.errors import FormatError
from probee.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.spec.programs import ProgramSpec

_LDX = 0x01  # the class of loads
_SOURCES = {"map": PSEUDO_MAP_FD, "value": PSEUDO_MAP_VALUE}


def normal_code(program: ProgramSpec, endian: str) -> bytes:
    """The program's code. Raises FormatError for a relocation of what takes none."""
    insns: dict[int, Insn] = {}
    slot = 0
    for insn in decode(program.code, endian):
        insns[slot] = insn
        slot += insn.slots
    for reloc in program.relocs:
        insn = _at(program, insns, reloc.insn)
        if reloc.kind in _SOURCES and insn.code == LD_IMM64:
            high = _signed(reloc.addend) if reloc.kind == "value" else 0
            insns[reloc.insn] = replace(insn, src=_SOURCES[reloc.kind], imm=high << 32)
        elif reloc.kind == "kfunc":
            insns[reloc.insn] = replace(insn, src=CALL_KFUNC, imm=0)
    for core in program.core:
        insn = _at(program, insns, core.insn)
        insns[core.insn] = replace(insn, off=0) if insn.code & 7 == _LDX else replace(insn, imm=0)
    return encode(insns.values(), endian)


def _signed(addend: int) -> int:
    """The 32 bits of a place, as the second slot of an ld_imm64 holds them."""
    return ((addend & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def _at(program: ProgramSpec, insns: dict[int, Insn], slot: int) -> Insn:
    insn = insns.get(slot)
    if insn is None:
        raise FormatError(f"{program.name} has no instruction at slot {slot} to relocate")
    return insn
