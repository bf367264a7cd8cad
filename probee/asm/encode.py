"""Instructions to bytes.

In: a list of `Insn`. Out: 8 bytes a slot, in the byte order of the machine that will run them.
"""

from __future__ import annotations

from struct import Struct

from probee.asm.forms import STRICT, XLATED, find_form
from probee.asm.opcodes import LD_IMM64
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.asm.insn import Insn

# opcode, registers, off, imm: RFC 9669, section 3.
_SLOT = {"little": Struct("<BBhI"), "big": Struct(">BBhI")}


def encode(insns: Iterable[Insn], endian: str = "little", *, xlated: bool = False) -> bytes:
    """The bytes of a program; UsageError names the first instruction that is none.

    `xlated` also takes what only the verifier makes, so that a dump can be written back.
    """
    if endian not in _SLOT:
        raise UsageError(f"byte order {endian!r} is neither 'little' nor 'big'")
    pack = _SLOT[endian].pack
    little, index = endian == "little", XLATED if xlated else STRICT
    out = []
    for number, insn in enumerate(insns):
        form = find_form(insn, index)
        if isinstance(form, str):
            raise UsageError(f"instruction {number} cannot be encoded: {form}")
        dst, src = insn.dst, insn.src
        registers = src << 4 | dst if little else dst << 4 | src
        out.append(pack(insn.code, registers, insn.off, insn.imm & 0xFFFFFFFF))
        if insn.code == LD_IMM64:
            out.append(pack(0, 0, 0, insn.imm >> 32 & 0xFFFFFFFF))
    return b"".join(out)
