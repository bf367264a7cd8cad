"""Random straight programs of instructions, every form of arithmetic, jump and memory access.

In: a seed. Out: instructions that the verifier accepts in a program of type `syscall` with a
context of `CONTEXT` bytes: words of it are loaded into the registers, changed, and stored back.
"""

from __future__ import annotations

import random

from probee.asm.encode import encode
from probee.asm.forms import FORMS, Form
from probee.asm.insn import Insn
from probee.asm.opcodes import DW, FRAME_POINTER, LDX, MEM, STX

CONTEXT_REGISTER = 9
REGISTERS = (0, 1, 2, 3, 4, 5, 6, 7, 8)
AREA = 64  # bytes of the stack that memory accesses go to; the context has them behind the words
CONTEXT = 8 * len(REGISTERS) + AREA
# Not among them: control flow and the kernel's objects, packets, and what came after ISA v4.
LEFT_OUT = (
    "addr_space_cast", "ja", "gotol", "gotox", "may_goto", "exit", "call_", "ld_", "load_acquire",
    "store_release",
)  # fmt: skip
CHOSEN = tuple(form for form in FORMS if not form.name.startswith(LEFT_OUT))
JUMPS = tuple(form for form in CHOSEN if form.name.startswith("j"))
OTHERS = tuple(form for form in CHOSEN if form not in JUMPS)


def number(rng: random.Random, bits: int) -> int:
    edge = rng.choice(
        (0, 1, 2, 7, 31, 63, 255, 1 << 15, 1 << 31, (1 << bits - 1) - 1, -1, -2, -128)
    )
    value = rng.choice((edge, rng.getrandbits(bits))) & (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _insn(rng: random.Random, form: Form) -> Insn:
    dst, src = rng.choice(REGISTERS), rng.choice(REGISTERS)
    imm, off = number(rng, 32), 0
    width = 64 if "64" in form.name else 32
    if form.name.startswith(("div", "mod", "sdiv", "smod")):
        imm = imm or 3  # the verifier refuses what is sure to divide by zero
    elif form.name.startswith(("lsh", "rsh", "arsh")):
        imm = rng.randrange(width)
    elif form.name.startswith(("ldx", "st", "atomic")):
        size = int("".join(c for c in form.name[-2:] if c.isdigit())) // 8
        off = rng.randrange(-AREA, 0, size)
        if form.name.startswith("ldx"):
            src = FRAME_POINTER
        else:
            dst = FRAME_POINTER
    return Insn(
        form.code,
        dst if form.dst is None else form.dst,
        src if form.src is None else form.src,
        off if form.off is None else form.off,
        imm if form.imm is None else form.imm,
    )


def program(seed: int, length: int = 60) -> tuple[list[Insn], set[str]]:
    """The instructions, and the names of the forms among them."""
    rng = random.Random(seed)
    insns = [Insn(0xBF, CONTEXT_REGISTER, 1)]
    for at in range(0, AREA, 8):
        insns.append(Insn(LDX | MEM | DW, 0, CONTEXT_REGISTER, 8 * len(REGISTERS) + at))
        insns.append(Insn(STX | MEM | DW, FRAME_POINTER, 0, at - AREA))
    insns += [Insn(LDX | MEM | DW, r, CONTEXT_REGISTER, 8 * r) for r in REGISTERS]
    used: set[str] = set()
    jumps = 0
    for left in range(length, 0, -1):
        form = rng.choice(JUMPS if jumps < 6 and rng.random() < 0.2 else OTHERS)
        insn = _insn(rng, form)
        if form in JUMPS:
            jumps += 1
            insn = Insn(insn.code, insn.dst, insn.src, rng.randrange(min(left, 8)), insn.imm)
        used.add(form.name)
        insns.append(insn)
    insns += [Insn(STX | MEM | DW, CONTEXT_REGISTER, r, 8 * r) for r in REGISTERS]
    for at in range(0, AREA, 8):
        insns.append(Insn(LDX | MEM | DW, 1, FRAME_POINTER, at - AREA))
        insns.append(Insn(STX | MEM | DW, CONTEXT_REGISTER, 1, 8 * len(REGISTERS) + at))
    insns.append(Insn(0x95))
    return insns, used


def context(seed: int) -> bytes:
    rng = random.Random(~seed)
    words = [number(rng, 64) & (1 << 64) - 1 for _ in range(CONTEXT // 8)]
    return b"".join(word.to_bytes(8, "little") for word in words)


def code(insns: list[Insn]) -> bytes:
    return encode(insns)
