"""What the compiler can tell of its code: the place and the names behind each instruction.

Out: `DebugInfo`, made only where somebody asks why a program was refused; it is part of no spec and
no cache. The runtime reads it beside the verifier's log.
"""

from __future__ import annotations

from probee.frozen import Frozen


class Place(Frozen):
    """A piece of one source line: `line` from 1, `column` to `end` in characters from 0."""

    file: str
    line: int
    column: int
    end: int
    text: str

    @property
    def words(self) -> str:
        """The expression that stands here."""
        return self.text[self.column : self.end].strip()


class Step(Frozen):
    """What the slots from `slot` on do, up to the next step.

    `reads` and `writes`: (register, what it holds in the user's words), before and after.
    """

    slot: int
    place: Place
    reads: tuple[tuple[int, str], ...] = ()
    writes: tuple[tuple[int, str], ...] = ()


class StackName(Frozen):
    """`size` bytes from r10 + `offset` in the function that begins at slot `function`."""

    function: int
    offset: int
    size: int
    name: str


class LoopInfo(Frozen):
    """A loop of the source, and the most rounds that were proved for it."""

    place: Place
    rounds: int


class DebugInfo(Frozen):
    """Of one program: `steps` ascend by slot. `code` is what they are about, for comparison."""

    program: str
    code: bytes
    steps: tuple[Step, ...]
    stack: tuple[StackName, ...] = ()
    loops: tuple[LoopInfo, ...] = ()

    def step(self, slot: int) -> Step | None:
        """The step that `slot` belongs to."""
        found = None
        for step in self.steps:
            if step.slot > slot:
                break
            found = step
        return found
