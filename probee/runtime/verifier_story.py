"""Where a register's value came from, and what the verifier knew of it on the way.

In: a `Walk`, the program's code. Out: `Link`s, oldest first. The way is followed backwards from the
instruction that was refused: through moves, arithmetic, and values that waited on the stack.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.opcodes import ALU32, ALU64, CALL, JMP, JMP32, LD, LDX, MEM, MOV, STX, X
from probee.errors import FormatError
from probee.frozen import Frozen
from probee.runtime.verifier_values import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.asm.insn import Insn
    from probee.runtime.verifier_log import Step, Walk

_CLASS, _OPERATION, _MODE = 0x07, 0xF0, 0xE0
_FRAME = 10
_BACK = 5_000  # instructions of the way that are looked at


class Link(Frozen):
    """At `slot` the value got into `register`, or was compared; `state`: what was known then."""

    slot: int
    register: int
    state: str
    compared: bool = False


def by_slot(code: bytes, endian: str) -> dict[int, Insn]:
    """The instructions by their slots; none of code that cannot be read."""
    found, slot = {}, 0
    try:
        for insn in decode(code, endian):
            found[slot] = insn
            slot += insn.slots
    except FormatError:
        return {}
    return found


def known_before(walk: Walk, name: str) -> str:
    """What the verifier knew of a register (`R2`) or piece of stack where it stopped, or ""."""
    if not walk.steps:
        return ""
    last = walk.steps[-1]
    return next((s.known[name] for s in _back(walk, len(walk.steps)) if _tells(s, last, name)), "")


def _tells(step: Step, last: Step, name: str) -> bool:
    return step.frame == last.frame and name in step.known


def _back(walk: Walk, before: int) -> list[Step]:
    return list(reversed(walk.steps[max(0, before - _BACK) : before]))


def story(walk: Walk, code: Mapping[int, Insn], register: int) -> tuple[Link, ...]:
    """The links of what `register` held where the verifier stopped, oldest first.

    Where a number was added to a pointer, it is the number's story: the pointer's is no riddle.
    """
    if not walk.steps or not code:
        return ()
    return tuple(reversed(_Story(walk, code).follow(register)))


class _Story:
    """A search backwards. `name`: where the value is at this point, a register or `fp-8`."""

    def __init__(self, walk: Walk, code: Mapping[int, Insn]) -> None:
        self.walk, self.code = walk, code
        self.frame = walk.steps[-1].frame
        self.name = ""
        self.links: list[Link] = []

    def follow(self, register: int) -> list[Link]:
        """The links, newest first."""
        self.name = f"R{register}"
        steps = self.walk.steps
        for index in range(len(steps) - 2, max(-1, len(steps) - _BACK), -1):
            step = steps[index]
            if step.frame > self.frame or step.slot < 0:
                continue
            if step.frame < self.frame:  # the call that led here: arguments keep their registers
                if self.name not in ("R1", "R2", "R3", "R4", "R5"):
                    break
                self.frame = step.frame
                continue
            insn = self.code.get(step.slot)
            if insn is None or not self._pass(index, step, insn):
                break
        return self.links

    def _pass(self, index: int, step: Step, insn: Insn) -> bool:
        """Whether the value was there before this instruction too."""
        kind = insn.code & _CLASS
        if kind == STX and insn.code & _MODE == MEM and insn.dst == _FRAME:
            if self.name == f"fp{insn.off}":
                self.name = f"R{insn.src}"
            return True
        if kind == JMP and insn.code & _OPERATION == CALL:
            if self.name == "R0":
                self._link(step)
            return self.name not in ("R0", "R1", "R2", "R3", "R4", "R5")
        if self.name != f"R{insn.dst}" or kind not in (ALU32, ALU64, LDX, LD):
            if kind in (JMP, JMP32) and self.name in step.known:
                self._link(step, compared=True)
            return True
        return self._written(index, step, insn, kind)

    def _written(self, index: int, step: Step, insn: Insn, kind: int) -> bool:
        """The instruction writes the register that holds the value."""
        source = insn.code & X
        moved = insn.code & _OPERATION == MOV
        if not (kind == ALU64 and moved and source and not insn.off):
            self._link(step)
        if kind in (ALU32, ALU64):
            if moved:
                self.name = f"R{insn.src}"
                return bool(source)
            if source and pointer(self._before(index, f"R{insn.dst}")):
                self.links.clear()  # what follows is the number's story
                self.name = f"R{insn.src}"
            return True
        if kind == LDX and insn.src == _FRAME:
            self.name = f"fp{insn.off}"
            return True
        return False

    def _before(self, index: int, name: str) -> str:
        frame = self.frame
        return next(
            (
                s.known[name]
                for s in _back(self.walk, index)
                if s.frame == frame and name in s.known
            ),
            "",
        )

    def _link(self, step: Step, *, compared: bool = False) -> None:
        if self.name[:1] == "R":
            state = step.known.get(self.name, "")
            self.links.append(Link(step.slot, int(self.name[1:]), state, compared))
