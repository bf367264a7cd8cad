"""The last step: every item gets its slot, every jump its distance.

In: an `Emitter`. Out: `Code`. A jump over more than 2^15 slots becomes a
`gotol` (ISA v4); a conditional one hops over it. Lower levels have no such jump: an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm import opcodes as op_
from probee.asm.encode import encode
from probee.asm.insn import Insn
from probee.compiler.codegen.code import Code
from probee.compiler.codegen.emit import Call, Jump, opposite
from probee.compiler.codegen.machine import NONE
from probee.errors import NotSupportedError
from probee.spec import Reloc
from probee.tables.helpers import name_of

if TYPE_CHECKING:
    from probee.compiler.codegen.emit import Emitter
    from probee.spec import Target

REACH = 1 << 15
JA, GOTOL = op_.JMP | op_.JA, op_.JMP32 | op_.JA
CALL = op_.JMP | op_.CALL


def assemble(emitter: Emitter, target: Target, stack: int) -> Code:
    """The program as instructions and bytes."""
    far: set[int] = set()
    while True:
        starts = _starts(emitter, far, target.isa)
        more = _too_far(emitter, starts, far)
        if not more:
            break
        if target.isa < 4:
            raise NotSupportedError(
                f"a jump over {max(more.values())} instructions on ISA v{target.isa}",
                since="Linux 6.6, ISA v4",
                hint="make the program smaller, or move parts of it into functions",
            )
        far |= set(more)
    functions = {name: starts[item] for name, item in emitter.functions}
    insns: list[Insn] = []
    for index, item in enumerate(emitter.items):
        if isinstance(item, Insn):
            insns.append(item)
        elif isinstance(item, Call):
            distance = functions[item.name] - starts[index] - 1
            insns.append(Insn(CALL, 0, op_.CALL_LOCAL, 0, distance))
        else:
            to = starts[emitter.blocks[item.target]]
            insns += _jump(item, to, starts[index], target.isa, far=index in far)
    return Code(
        code=encode(insns, target.endian),
        insns=tuple(insns),
        relocs=tuple(
            Reloc(starts[item], symbol.kind.rstrip("0123456789s"), symbol.name, addend)
            for item, symbol, addend in emitter.relocs
        ),
        lines=tuple((starts[item], loc) for item, loc in emitter.lines),
        functions=tuple(functions.items()),
        helpers=_helpers(insns),
        stack=stack,
        trace=tuple((starts[at], op, f) for at, op, f in emitter.trace if at < len(starts)),
    )


def _starts(emitter: Emitter, far: set[int], isa: int) -> list[int]:
    """The slot of each item."""
    starts, slot = [], 0
    for index, item in enumerate(emitter.items):
        starts.append(slot)
        if isinstance(item, Insn):
            slot += item.slots
        elif index in far and isinstance(item, Jump) and item.code != NONE:
            slot += 2 if opposite(item.code, isa) != NONE else 3
        else:
            slot += 1
    return starts


def _too_far(emitter: Emitter, starts: list[int], far: set[int]) -> dict[int, int]:
    """Item -> distance of jumps that do not reach."""
    out = {}
    for index, item in enumerate(emitter.items):
        if isinstance(item, Jump) and index not in far:
            distance = starts[emitter.blocks[item.target]] - starts[index] - 1
            if not -REACH <= distance < REACH:
                out[index] = abs(distance)
    return out


def _jump(jump: Jump, to: int, slot: int, isa: int, *, far: bool) -> list[Insn]:
    if not far:
        if jump.code == NONE:
            return [Insn(JA, 0, 0, to - slot - 1)]
        return [Insn(jump.code, jump.dst, jump.src, to - slot - 1, jump.imm)]
    hop: list[Insn] = []
    if jump.code != NONE:
        code = opposite(jump.code, isa)
        if code != NONE:
            hop = [Insn(code, jump.dst, jump.src, 1, jump.imm)]
        else:
            hop = [Insn(jump.code, jump.dst, jump.src, 1, jump.imm), Insn(JA, 0, 0, 1)]
    return [*hop, Insn(GOTOL, 0, 0, 0, to - slot - len(hop) - 1)]


def _helpers(insns: list[Insn]) -> tuple[str, ...]:
    """Names of the helpers called, in the order of their first call."""
    called = [i.imm for i in insns if i.code == CALL and i.src == op_.CALL_HELPER]
    return tuple(name for id in dict.fromkeys(called) if (name := name_of(id)) is not None)
