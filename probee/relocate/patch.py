"""Numbers that follow the kernel's structs, written into code.

In: a program's code and its `CoreReloc`s, each with its value. Out: the code. What the kernel does
not have becomes a call that no kernel has, as libbpf makes it (bpf_core_poison_insn in
relo_core.c): where the verifier never comes, as behind `if has_field(…)`, it does no harm.
"""

from __future__ import annotations

from probee.errors import NotSupportedError, UsageError
from probee.spec.programs import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from probee.spec.programs import ProgramSpec

POISON = 0xBAD2310  # the number of no helper, libbpf's own
_CALL = 0x85
_LDX = 0x01  # the class of loads, whose modes and sizes vary
_IMMEDIATES = (0x07, 0xB4, 0xB7)  # add64 of an immediate; mov of 32 and 64 bits


def patched_core(program: ProgramSpec, code: bytes, endian: str) -> bytes:
    """`code` with every value of `program.core` in its place."""
    if not program.core:
        return code
    out = bytearray(code)
    order: Literal["little", "big"] = "little" if endian == "little" else "big"
    for reloc in program.core:
        at = reloc.insn * 8
        opcode = out[at] if 0 <= at <= len(out) - 8 else 0
        is_load = opcode & 0x07 == _LDX
        if not is_load and opcode not in _IMMEDIATES:
            raise UsageError(f"{program.name}: slot {reloc.insn} takes no offset of a member")
        if reloc.value == ABSENT:
            out[at : at + 8] = bytes((_CALL, 0, 0, 0)) + POISON.to_bytes(4, order)
        elif is_load:
            if reloc.value >= 1 << 15:
                raise NotSupportedError(
                    f"{reloc.struct}.{reloc.path} lies {reloc.value} bytes into its struct, past"
                    " what a load can reach"
                )
            out[at + 2 : at + 4] = reloc.value.to_bytes(2, order)
        else:
            out[at + 4 : at + 8] = reloc.value.to_bytes(4, order)
    return bytes(out)
