"""The processor: one program's instructions as steps, run frame by frame.

In: a program's code with every relocation resolved, the memory, what calls of helpers do. Out: what
a function returns; a SimError with the instruction and its source line where it goes wrong.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.disasm import kernel_text
from probee.asm.insn import slot_starts
from probee.asm.isa import form_of
from probee.asm.opcodes import LD_IMM64, PSEUDO_FUNC
from probee.errors import NotSupportedError, SimError
from probee.sim.accesses import access
from probee.sim.arithmetic import M64
from probee.sim.memory import Fault
from probee.sim.steps import UNSET, arithmetic, jump, unset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probee.asm.insn import Insn
    from probee.sim.lines import Line
    from probee.sim.memory import Memory, Region
    from probee.sim.steps import Registers, Step

    Call = Callable[[Insn, Registers], int]

STACK = 512
FRAMES = 8
LEAVE = -1
CODE_WINDOW = 0xFFFFFFFF << 32  # addresses of functions: their slot, from here on


class Cpu:
    """Runs the functions of one program. `executed` counts instructions since `start`."""

    def __init__(
        self, name: str, code: bytes, memory: Memory, call: Call, lines: Mapping[int, Line],
        *, names: Mapping[int, str], strict_stack: bool = True,
    ) -> None:  # fmt: skip
        self.name, self._memory, self._call, self._lines = name, memory, call, lines
        self._names, self._strict = names, strict_stack
        insns = decode(code)
        starts = slot_starts(insns)
        self._insns = dict(zip(starts, insns, strict=False))
        self._steps: list[Step] = [_nowhere] * starts[-1]
        for at, insn in self._insns.items():
            self._steps[at] = self._step(insn, at + insn.slots)
        self._stacks: list[Region] = []
        self._depth = 0
        self.executed = self.limit = 0

    def start(self, context: int, limit: int) -> int:
        """Runs the program: its result as 64 bits. SimError where the kernel would not let it."""
        self.executed, self.limit, self._depth = 0, limit, 0
        return self.function(0, (context,))

    def function(self, entry: int, arguments: Sequence[int]) -> int:
        """Runs the function at slot `entry` in a frame of its own."""
        regs = [UNSET] * 11
        regs[1 : 1 + len(arguments)] = arguments
        if self._depth == FRAMES:
            raise Fault(f"calls functions {FRAMES + 1} deep: the kernel allows {FRAMES} frames")
        regs[10] = self._frame(self._depth).base + STACK
        self._depth += 1
        steps, limit, at, here = self._steps, self.limit, entry, entry
        try:
            while at >= 0:
                here = at
                self.executed += 1
                at = steps[at](regs)
                if self.executed > limit:
                    at = _endless(limit)
        except Fault as fault:
            raise self._error(here, fault) from None
        except IndexError:
            raise self._error(here, Fault("goes on where there is no instruction")) from None
        except TypeError:
            empty = self._unset(here, regs)
            if empty is None:
                raise
            raise self._error(here, unset(empty)) from None
        self._depth -= 1
        result: int = regs[0]
        return result

    def callback(self, address: int, arguments: Sequence[int]) -> int:
        """Runs the function that a program handed to a helper by address."""
        entry = address - CODE_WINDOW
        if not 0 <= entry < len(self._steps):
            raise Fault(f"hands {address:#x} to a helper as a function")
        return self.function(entry, arguments)

    def _frame(self, depth: int) -> Region:
        if depth == len(self._stacks):
            name = "the stack" if depth == 0 else f"the stack of frame {depth}"
            self._stacks.append(self._memory.add(name, bytearray(STACK)))
        region = self._stacks[depth]
        region.data[:] = bytes(STACK)
        if self._strict:
            region.written = bytearray(STACK)
        return region

    def _step(self, insn: Insn, after: int) -> Step:
        name = form_of(insn).name
        step = arithmetic(name, insn, after) or jump(name, insn, after)
        step = step or access(name, insn, after, self._memory)
        if step is not None:
            return step
        if insn.code == LD_IMM64 and insn.src in (0, PSEUDO_FUNC):
            number = insn.imm & M64 if insn.src == 0 else CODE_WINDOW + after - 1 + insn.low
            return _constant(insn.dst, number, after)
        match name:
            case "exit":
                return _leave
            case "call_local":
                return self._local(after + insn.imm, after)
            case "call_helper" | "call_kfunc":
                return self._helper(insn, after)
            case _:
                raise NotSupportedError(f"{self.name}: the simulator has no instruction {name}")

    def _local(self, target: int, after: int) -> Step:
        def step(regs: Registers) -> int:
            regs[0] = self.function(target, regs[1:6])
            regs[1:6] = [UNSET] * 5
            return after

        return step

    def _helper(self, insn: Insn, after: int) -> Step:
        call = self._call

        def step(regs: Registers) -> int:
            regs[0] = call(insn, regs)
            regs[1:6] = [UNSET] * 5
            return after

        return step

    def _unset(self, at: int, regs: Registers) -> int | None:
        """A register that the instruction at slot `at` uses and that holds nothing."""
        insn = self._insns[at]
        form = form_of(insn)
        used = [insn.src] if form.src is None else []
        if form.dst is None and not form.name.startswith(("mov", "ldx", "load")):
            used.append(insn.dst)
        if "cmpxchg" in form.name:
            used.append(0)
        return next((r for r in used if regs[r] is None), None)

    def _error(self, at: int, fault: Fault) -> SimError:
        insn = self._insns.get(at)
        text = kernel_text(insn, helpers=self._names) if insn else "no instruction"
        line = self._lines.get(max((slot for slot in self._lines if slot <= at), default=-1))
        return SimError(
            f"{self.name} {fault.message}", program=self.name, slot=at, insn=text,
            file=line.file if line else "", line=line.line if line else 0,
            text=line.text if line else "",
        )  # fmt: skip


def _nowhere(regs: Registers) -> int:
    raise Fault("jumps into the middle of an instruction")


def _endless(limit: int) -> int:
    raise Fault(f"runs for more than {limit:,} instructions")


def _leave(regs: Registers) -> int:
    if regs[0] is UNSET:
        raise unset(0)
    return LEAVE


def _constant(dst: int, number: int, after: int) -> Step:
    def step(regs: Registers) -> int:
        regs[dst] = number
        return after

    return step
