"""One instruction.

In: the five fields. Out: a frozen record; `ld_imm64` is one `Insn` that fills two slots.
"""

from __future__ import annotations

from probee.asm.opcodes import LD_IMM64
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


_set = object.__setattr__


class Insn(Frozen):
    """`code` is the opcode byte, `dst` and `src` are register numbers or as RFC 9669 says.

    `off` is signed 16 bits, `imm` signed 32 bits; in an ld_imm64 `imm` is signed 64 bits, of which
    the first slot holds the low half. Nothing is checked here: `encode` does. `make` has the
    constructors.
    """

    code: int
    dst: int = 0
    src: int = 0
    off: int = 0
    imm: int = 0

    # Programs are made of thousands: a third of the time that the general constructor takes.
    def __init__(self, code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> None:
        _set(self, "code", code)
        _set(self, "dst", dst)
        _set(self, "src", src)
        _set(self, "off", off)
        _set(self, "imm", imm)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Insn:
            return NotImplemented
        return (
            self.code == other.code
            and self.dst == other.dst
            and self.src == other.src
            and self.off == other.off
            and self.imm == other.imm
        )

    def __hash__(self) -> int:
        return hash((self.code, self.dst, self.src, self.off, self.imm))

    @property
    def slots(self) -> int:
        """How many 8-byte slots it fills: jumps and line info count in these."""
        return 2 if self.code == LD_IMM64 else 1

    @property
    def low(self) -> int:
        """The first slot's `imm`, signed: of a pseudo source, the descriptor, index or id."""
        return ((self.imm & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000

    @property
    def high(self) -> int:
        """The second slot's `imm`, signed: of a pseudo source, mostly an offset."""
        return self.imm >> 32 if self.code == LD_IMM64 else 0


def slot_starts(insns: Iterable[Insn]) -> list[int]:
    """The slot at which each instruction starts, and behind the last the number of slots in all."""
    starts = [0]
    for insn in insns:
        starts.append(starts[-1] + insn.slots)
    return starts
