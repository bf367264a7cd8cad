"""Returns of constants share one `exit`.

In: a function after `resolve`, where each constant that is returned has a block of its own. Out:
`w0 = c` stands before the branch that led there, and the branch leads to the exit that all share;
where the branch has just found r0 to be that very constant, it leads there as it is:

      if r1 == 7 goto seven                 w0 = 5
      if r1 == 8 goto seven                 if r1 == 7 goto exit
      if r0 == 0 goto zero                  if r1 == 8 goto exit
      ...                                   if r0 == 0 goto exit
    seven: w0 = 5; exit                     ...
    zero:  w0 = 0; exit                   exit: exit

Only where it saves an instruction, and where nobody else needs r0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.opcodes import JMP, JUMP_OPS
from probee.compiler.codegen.folding import MASK64
from probee.compiler.codegen.hoist import effect, live_registers
from probee.compiler.codegen.machine import NONE, MBlock, MEdge, MOp

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MFunction

R0 = 1  # as a set of registers
_CODES = {row.name: row.code for row in JUMP_OPS}
_EQUAL, _UNEQUAL, _SET = (_CODES[name] for name in ("jeq", "jne", "jset"))


def share_returns(function: MFunction) -> None:
    """Rewrites `function` in place."""
    returns = {block: _returned(block) for block in function.blocks}
    constants = {block: value for block, value in returns.items() if value is not None}
    if not constants:
        return
    shared = next((b for b in function.blocks if [op.kind for op in b.ops] == ["ret"]), None)
    if shared is None:
        shared = MBlock()
        shared.ops.append(MOp("ret", next(iter(constants)).ops[-1].loc))
        function.blocks.append(shared)
    for block in constants:
        block.ops[-1] = MOp("jump", block.ops[-1].loc, edges=[MEdge(shared)])
    for block in function.blocks:
        for edge in block.edges:
            if edge.block in constants and _holds(block.ops[-1], edge, constants[edge.block]):
                edge.block = shared
    _Sharing(function, constants, shared).run()
    for block in constants:
        block.ops[-1] = MOp("ret", block.ops[-1].loc)


def _returned(block: MBlock) -> int | None:
    """The constant that `block` returns, if it does nothing else."""
    if [op.kind for op in block.ops] != ["move", "ret"]:
        return None
    source = block.ops[0].args[0]
    plain = block.ops[0].d == 0 and source.base == NONE and source.symbol is None
    return source.off if plain else None


def _holds(end: MOp, edge: MEdge, value: int) -> bool:
    """Whether r0 is known to be `value` behind `edge`, since it was just compared with it."""
    if end.kind != "branch" or end.a != 0 or end.b != NONE or end.code & 0x07 != JMP:
        return False
    side = {_EQUAL: 0, _UNEQUAL: 1}.get(end.code & 0xF0)
    return side is not None and edge is end.edges[side] and end.imm & MASK64 == value


class _Sharing:
    """`entries`: where each constant's block is entered from; `live`: registers, by block."""

    def __init__(self, function: MFunction, constants: dict[MBlock, int], shared: MBlock) -> None:
        self.function = function
        self.constants = constants
        self.shared = shared
        self.live = live_registers(function)
        self.entries: dict[MBlock, list[MBlock]] = {}
        for block in function.blocks:
            for edge in block.edges:
                self.entries.setdefault(edge.block, []).append(block)
        blocks = function.blocks
        self.following = dict(zip(blocks, [*blocks[1:], None], strict=True))

    def run(self) -> None:
        for block in self.constants:
            self._fall_through(block)
        for block in self.constants:
            sources = self.entries.get(block, [])
            first = [s for s in sources if not self._comes_from(s, sources)]
            if len(first) == 1 and all(self._may_pass(s, block, first[0]) for s in sources):
                first[0].ops.insert(-1, block.ops[0])
                for source in sources:
                    for edge in source.edges:
                        if edge.block is block:
                            edge.block = self.shared
                    if source is not first[0]:
                        self.live[source] |= R0

    def _fall_through(self, block: MBlock) -> None:
        """`if a & b` has no opposite: the side where it does not hold is to come next."""
        sources = self.entries.get(block, [])
        if len(sources) != 1 or sources[0].ops[-1].kind != "branch":
            return
        source = sources[0]
        then, other = (edge.block for edge in source.edges)
        if source.ops[-1].code & 0xF0 != _SET or other is not block:
            return
        if self.following[source] is then and then in self.constants:
            blocks = [b for b in self.function.blocks if b is not block]
            blocks.insert(blocks.index(source) + 1, block)
            self.function.blocks = blocks
            self.following = dict(zip(blocks, [*blocks[1:], None], strict=True))

    def _comes_from(self, source: MBlock, sources: list[MBlock]) -> bool:
        """Whether `source` is entered from one of `sources` only, so that r0 is set already."""
        entries = self.entries.get(source, [])
        return len(entries) == 1 and entries[0] in sources and entries[0] is not source

    def _may_pass(self, source: MBlock, block: MBlock, first: MBlock) -> bool:
        """Whether r0 may be the constant of `block` at the end of `source`."""
        end = source.ops[-1]
        if end.kind != "branch" or self.following[source] is block:
            return False
        others = [edge.block for edge in source.edges if edge.block is not block]
        if not others or self.live[others[0]] & R0 or effect(end)[0] & R0:
            return False
        return source is first or not any(effect(op)[1] & R0 for op in source.ops)
