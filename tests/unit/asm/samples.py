"""Instructions of every form at the edges of their fields: what several asm tests feed to peers.

In: forms. Out: for each one the same four instructions on every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.forms import FORMS, Form
from probee.asm.insn import Insn
from probee.asm.opcodes import LD_IMM64

if TYPE_CHECKING:
    from collections.abc import Iterator

DSTS = (1, 10, 0, 7)
SRCS = (2, 0, 10, 9)
OFFS = (16, -0x8000, 0x7FFF, -1)
IMMS = (7, -1, -0x80000000, 0x7FFFFFFF)
WIDE_IMMS = (0x1122334455667788, -1, -(1 << 63), 5 << 32 | 3)
NARROW_IMMS = (3, 0xFFFFFFFF, 0, 0x7FFFFFFF)

SAMPLES_A_FORM = 4


def samples_of(form: Form) -> list[Insn]:
    """Four instructions: field that `form` fixes hold that, the others go through their edges."""
    imms = IMMS
    if form.code == LD_IMM64:
        imms = WIDE_IMMS if form.high else NARROW_IMMS
    made = []
    for dst, src, off, imm in zip(DSTS, SRCS, OFFS, imms, strict=True):
        fields = (
            dst if form.dst is None else form.dst,
            src if form.src is None else form.src,
            off if form.off is None else form.off,
            imm if form.imm is None else form.imm,
        )
        made.append(Insn(form.code, *fields))
    assert len(made) == SAMPLES_A_FORM
    return made


def all_samples() -> Iterator[tuple[Form, Insn]]:
    for form in FORMS:
        for insn in samples_of(form):
            yield form, insn
