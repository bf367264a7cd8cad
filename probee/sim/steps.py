"""Arithmetic and jumps as steps: functions of the registers that give the slot to go on at.

In: instructions. Out: `Step`s. A register that holds nothing is `UNSET`: computing with it is a
TypeError, which the processor (cpu.py) explains.
"""

from __future__ import annotations

from sys import byteorder

from probee.sim.arithmetic import M32, M64, comparisons, computations, signed
from probee.sim.memory import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.asm.insn import Insn

    Registers = list[int]
    Step = Callable[[Registers], int]

UNSET: Any = None
_COMPUTE = {64: computations(64), 32: computations(32)}
_COMPARE = {64: comparisons(64), 32: comparisons(32)}
_MASK = {64: M64, 32: M32}


def unset(register: int) -> Fault:
    """The fault of using a register that nothing was put into."""
    return Fault(f"uses r{register}, which holds nothing: never written, or lost by a call")


def arithmetic(name: str, insn: Insn, after: int) -> Step | None:
    """The step of a form as `add64_imm`, `movsx32_8`, `to_be16`; None for any other one."""
    operation, _, source = name.partition("_")
    if name in ("neg64", "neg32"):
        return _changed(insn, after, _negated(_MASK[int(name[3:])]))
    if name.startswith(("to_le", "to_be", "bswap")):
        return _changed(insn, after, _swapped(name))
    if name.startswith("movsx"):
        return _extended(insn, after, int(operation[5:]), int(source))
    if source not in ("imm", "reg") or operation[-2:] not in ("64", "32"):
        return None
    bits, operation = int(operation[-2:]), operation[:-2]
    if operation == "mov":
        return _moved(insn, after, bits, source)
    if operation in _COMPUTE[bits]:
        return _computed(insn, after, bits, operation, source)
    return None


def _changed(insn: Insn, after: int, compute: Callable[[int], int]) -> Step:
    dst = insn.dst

    def step(regs: Registers) -> int:
        regs[dst] = compute(regs[dst])
        return after

    return step


def _negated(mask: int) -> Callable[[int], int]:
    return lambda a: -a & mask


def _swapped(name: str) -> Callable[[int], int]:
    """`to_le16` and its kin cut to their width, and swap where the machine has the other order."""
    bits = int(name[-2:].lstrip("e"))
    size, mask = bits // 8, (1 << bits) - 1
    if name.startswith("to_") and name[3:5] == byteorder[0] + "e":
        return lambda a: a & mask
    return lambda a: int.from_bytes((a & mask).to_bytes(size, "little"), "big")


def _extended(insn: Insn, after: int, bits: int, width: int) -> Step:
    dst, src, mask = insn.dst, insn.src, _MASK[bits]

    def step(regs: Registers) -> int:
        regs[dst] = signed(regs[src], width) & mask
        return after

    return step


def _moved(insn: Insn, after: int, bits: int, source: str) -> Step:
    dst, src, mask = insn.dst, insn.src, _MASK[bits]
    if source == "imm":
        number = insn.imm & mask

        def constant(regs: Registers) -> int:
            regs[dst] = number
            return after

        return constant

    def step(regs: Registers) -> int:
        regs[dst] = regs[src] & mask
        return after

    return step


def _computed(insn: Insn, after: int, bits: int, operation: str, source: str) -> Step:
    dst, src, mask = insn.dst, insn.src, _MASK[bits]
    compute = _COMPUTE[bits][operation]
    if source == "imm":
        number = insn.imm & mask

        def with_number(regs: Registers) -> int:
            regs[dst] = compute(regs[dst] & mask, number)
            return after

        return with_number

    def with_register(regs: Registers) -> int:
        regs[dst] = compute(regs[dst] & mask, regs[src] & mask)
        return after

    return with_register


def jump(name: str, insn: Insn, after: int) -> Step | None:
    """The step of a form as `ja`, `jslt32_imm`; None for any other one."""
    if name in ("ja", "gotol"):
        target = after + (insn.off if name == "ja" else insn.imm)
        return lambda _: target
    operation, _, source = name.partition("_")
    bits = 32 if operation.endswith("32") else 64
    compare = _COMPARE[bits].get(operation[:-2])
    if compare is None:
        return None
    dst, src, mask, target = insn.dst, insn.src, _MASK[bits], after + insn.off
    if source == "imm":
        number = insn.imm & mask

        def with_number(regs: Registers) -> int:
            return target if compare(regs[dst] & mask, number) else after

        return with_number

    def with_register(regs: Registers) -> int:
        return target if compare(regs[dst] & mask, regs[src] & mask) else after

    return with_register
