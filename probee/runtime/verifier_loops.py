"""Which loop makes a program too large to verify: code and debug info in, the costliest loop out.

The verifier walks each round anew, and in it each way that it has not seen with the same knowledge.
So a loop costs rounds x instructions, times the ways through a round where what differs between
them lives on.
"""

from __future__ import annotations

from probee.asm.opcodes import CALL, EXIT, JA, JMP, JMP32
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.asm.insn import Insn
    from probee.spec.debug import DebugInfo, Place

_CLASS, _OPERATION = 0x07, 0xF0


class Costly(Frozen):
    """A loop that begins at `slot`, in words; `place` where the source has it."""

    slot: int
    place: Place | None
    words: str


class _Loop(Frozen):
    """Slots `first` to `last`; `rounds`: the most of its own (0: not known)."""

    first: int
    last: int
    rounds: int
    place: Place | None


def costliest(code: Mapping[int, Insn], debug: DebugInfo | None) -> Costly | None:
    """The loop whose rounds, counted with the loops around it, take the most steps."""
    loops = _loops(code, debug)
    if not loops:
        return None
    worst = max(loops, key=lambda loop: _total(loop, loops) * (loop.last - loop.first + 1))
    branches = sum(_branches(insn) for slot, insn in code.items() if _inside(slot, worst))
    size = sum(_inside(slot, worst) for slot in code)
    around = _total(worst, loops)
    rounds = f"up to {worst.rounds:,} rounds" if worst.rounds else "rounds"
    if worst.rounds and around > worst.rounds:
        rounds += f", {around:,} with the loops around it,"
    where = f"the loop at line {worst.place.line}" if worst.place is not None else "a loop"
    ways = f" and {branches} branch{'es' * (branches != 1)}" if branches else ""
    return Costly(worst.first, worst.place, f"{where} has {rounds} of {size} instructions{ways}")


def _inside(slot: int, loop: _Loop) -> bool:
    return loop.first <= slot <= loop.last


def _total(loop: _Loop, loops: list[_Loop]) -> int:
    total = 1
    for other in loops:
        if other.first <= loop.first and loop.last <= other.last:
            total *= max(other.rounds, 1)
    return total


def _branches(insn: Insn) -> int:
    """1 for a conditional jump forwards: the one that closes a round is not counted."""
    jump = insn.code & _CLASS in (JMP, JMP32) and insn.code & _OPERATION not in (JA, CALL, EXIT)
    return int(jump and insn.off >= 0)


def _loops(code: Mapping[int, Insn], debug: DebugInfo | None) -> list[_Loop]:
    """One for each slot that is jumped back to."""
    ends: dict[int, int] = {}
    for slot, insn in code.items():
        kind, operation = insn.code & _CLASS, insn.code & _OPERATION
        if kind not in (JMP, JMP32) or operation in (CALL, EXIT):
            continue
        distance = insn.imm if kind == JMP32 and operation == JA else insn.off
        if distance < 0 and slot + 1 + distance in code:
            ends[slot + 1 + distance] = max(slot, ends.get(slot + 1 + distance, 0))
    return [_Loop(first, last, *_told(first, last, debug)) for first, last in ends.items()]


def _told(first: int, last: int, debug: DebugInfo | None) -> tuple[int, Place | None]:
    """The rounds and the place of the source's loop whose counting stands in these slots."""
    if debug is None:
        return 0, None
    there = {(s.place.file, s.place.line) for s in debug.steps if s.slot in (first, last)}
    for loop in debug.loops:
        if (loop.place.file, loop.place.line) in there:
            return loop.rounds, loop.place
    step = debug.step(first)
    return 0, None if step is None else step.place
