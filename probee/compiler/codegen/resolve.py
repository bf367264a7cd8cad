"""Carries out what the allocator decided: operands become registers, moves become operations.

In: an `MFunction` and its `Places`. Out: the same function over machine registers, with `move`
operations (destination `d`, source `args[0]`: see `moves`) where a value changes its place: before
an operation, behind the one that makes a spilled value, and on edges. An edge that is neither the
only one out of its block nor the only one into the next gets a block of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

from probee.compiler.codegen.machine import FRAME, NONE, VIRTUAL, MBlock, MEdge, MOp, Src
from probee.compiler.codegen.moves import sequence
from probee.compiler.codegen.regalloc import KEPT
from probee.compiler.codegen.slots import spill_slots

if TYPE_CHECKING:
    from probee.compiler.codegen.machine import MFunction
    from probee.compiler.codegen.moves import Move
    from probee.compiler.codegen.regalloc import Places
    from probee.compiler.ir.ops import Loc


def resolve(function: MFunction, places: Places) -> None:
    """Rewrites `function` in place. Its `frame` grows by the spill slots."""
    Resolver(function, places).run()


class Resolver:
    """Where everything is, and the moves that follow from it."""

    def __init__(self, function: MFunction, places: Places) -> None:
        self.function = function
        self.places = places
        self.slots = spill_slots(function, places)
        self.before: dict[int, list[Move]] = {}  # operation number -> moves
        self.emergency_slots: dict[int, int] = {}
        self.starts = {2 * block.first for block in function.blocks}
        self.entering = _entering(function, places)

    def run(self) -> None:
        """Blocks first, then what comes between them."""
        self._drop_unread()
        self._find_moves()
        edges = [
            (block, edge, self._edge_moves(block, edge))
            for block in self.function.blocks
            for edge in block.edges
        ]
        for block in self.function.blocks:
            self._rewrite(block)
        self.order = _Order(self.function.blocks)
        for block, edge, moves in edges:
            self._place(block, edge, moves)
        self.function.blocks = self.order.blocks()

    def emergency(self, which: int) -> int:
        """The offset of an emergency slot, made when it is first needed."""
        if which not in self.emergency_slots:
            self.function.frame += 8
            self.emergency_slots[which] = -self.function.frame
        return self.emergency_slots[which]

    # places

    def place(self, src: Src, position: int) -> Src:
        """`src` with the machine's place of its base at `position`."""
        if src.base < VIRTUAL:
            return src
        register = self.places.register(src.base, position)
        if register != NONE:
            return Src(register, src.off)
        made = self.function.remat.get(src.base)
        if made is not None:
            return Src(made.base, made.off + src.off, made.symbol)
        return Src(self.slots[src.base], src.off)

    def _drop_unread(self) -> None:
        """What can be made anew and is not read before it loses its register is not made."""
        for vreg in self.function.remat:
            piece = self.places.pieces[vreg][0]
            if len(piece.uses) == 1 and piece.uses[0] == piece.begin:
                piece.reg = NONE

    def _find_moves(self) -> None:
        """A piece that goes on where the last one ended, within a block, fetches its value."""
        for vreg, pieces in self.places.pieces.items():
            for left, right in pairwise(pieces):
                if right.reg == NONE or left.end != right.begin or right.begin in self.starts:
                    continue
                src = self.place(Src(vreg), left.begin)
                self.before.setdefault(right.begin // 2, []).append((right.reg, src))

    # blocks

    def _rewrite(self, block: MBlock) -> None:
        ops: list[MOp] = []
        loc = block.ops[0].loc
        for vreg in block.params:
            if vreg in self.places.pieces:
                self._store(ops, vreg, 2 * block.first, loc)
        for number, op in enumerate(block.ops, block.first):
            position = 2 * number
            if number in self.before:
                ops += self._sequence(self.before[number], None, op)
            op.names = (op.d, op.a, op.b)
            if op.kind == "entry":
                self._enter(ops, op)
                continue
            written = op.d
            if written != NONE:
                op.d = self.place(Src(written), position + 1).base
                if written in self.function.remat and not 0 <= op.d < FRAME:
                    continue
            op.a = self.place(Src(op.a), position).base
            op.b = self.place(Src(op.b), position).base
            self._pass(ops, op, position)
            ops.append(op)
            if written != NONE:
                self._store(ops, written, position + 1, op.loc)
        block.ops = ops

    def _pass(self, ops: list[MOp], op: MOp, position: int) -> None:
        """The arguments of a call go to r1 to r5, what a function returns to r0."""
        if op.kind not in ("call", "ret"):
            return
        first = 1 if op.kind == "call" else 0
        moves = [
            (register, self.place(src, position)) for register, src in enumerate(op.args, first)
        ]
        ops += self._sequence(moves, set(KEPT), op)

    def _enter(self, ops: list[MOp], op: MOp) -> None:
        moves = []
        for register, src in enumerate(op.args, 1):
            if src.base != NONE:
                moves.append((self.place(src, 1).base, Src(register)))
        ops.append(op)
        ops += self._sequence(moves, set(), op)
        for src in op.args:
            if src.base != NONE:
                self._store(ops, src.base, 1, op.loc)

    def _store(self, ops: list[MOp], vreg: int, position: int, loc: Loc) -> None:
        """A value that will be in memory some time goes there as soon as it is made."""
        register = self.places.register(vreg, position)
        if vreg in self.slots and register != NONE:
            ops.append(MOp("move", loc, d=self.slots[vreg], args=[Src(register)]))

    def _sequence(self, moves: list[Move], busy: set[int] | None, op: MOp) -> list[MOp]:
        return [
            MOp("move", op.loc, d=dst, args=[src])
            for dst, src in sequence(moves, busy, self.emergency)
        ]

    # edges

    def _edge_moves(self, block: MBlock, edge: MEdge) -> list[MOp]:
        """What must change its place on the way from the end of `block`."""
        end = 2 * (block.first + len(block.ops)) - 1
        start = 2 * edge.block.first
        moves: list[Move] = []
        busy: set[int] = set()
        for vreg, register in self.entering[start]:
            if vreg not in edge.block.params:
                busy.add(register)
                moves.append((register, self.place(Src(vreg), end)))
        for param, src in zip(edge.block.params, edge.args, strict=True):
            if param in self.places.pieces:
                dst = self.place(Src(param), start).base
                moves.append((dst, self.place(src, end)))
        return self._sequence(moves, busy, block.ops[-1])

    def _place(self, block: MBlock, edge: MEdge, moves: list[MOp]) -> None:
        if not moves:
            return
        if len(block.edges) == 1:
            block.ops[-1:-1] = moves
            return
        if len(edge.block.preds) == 1:
            edge.block.ops[:0] = moves
            return
        between = MBlock()
        between.ops = [*moves, MOp("jump", moves[0].loc, edges=[MEdge(edge.block, edge.args)])]
        order = self.order
        before = block
        if order.following(block) is not edge.block:
            above = order.preceding(edge.block)
            last = above.ops[-1]
            if last.kind == "ret" or (
                last.kind == "jump" and last.edges[0].block is not edge.block
            ):
                before = above
            else:
                before = order.last
        order.insert(between, before)
        edge.block, edge.args = between, []


class _Order:
    """Blocks in a row, into which others can be put without counting how far it is."""

    def __init__(self, blocks: list[MBlock]) -> None:
        self._next: dict[MBlock, MBlock] = dict(pairwise(blocks))
        self._previous = {block: before for before, block in self._next.items()}
        self._first, self.last = blocks[0], blocks[-1]

    def following(self, block: MBlock) -> MBlock | None:
        """The block behind."""
        return self._next.get(block)

    def preceding(self, block: MBlock) -> MBlock:
        """The block in front; of the first one, where no edge leads, the last."""
        return self._previous.get(block, self.last)

    def insert(self, block: MBlock, before: MBlock) -> None:
        """`block` comes right behind `before`."""
        behind = self._next.get(before)
        self._next[before], self._previous[block] = block, before
        if behind is None:
            self.last = block
        else:
            self._next[block], self._previous[behind] = behind, block

    def blocks(self) -> list[MBlock]:
        """All of them."""
        out = [self._first]
        while out[-1] is not self.last:
            out.append(self._next[out[-1]])
        return out


def _entering(function: MFunction, places: Places) -> dict[int, list[tuple[int, int]]]:
    """Where each block begins: the virtual registers that live there in a register, and in which.

    At most ten for each block, however many wait in memory.
    """
    starts = [2 * block.first for block in function.blocks]
    found: dict[int, list[tuple[int, int]]] = {start: [] for start in starts}
    for vreg, pieces in places.pieces.items():
        for piece in pieces:
            for begin, end in piece.ranges if piece.reg != NONE else ():
                index = bisect_left(starts, begin)
                while index < len(starts) and starts[index] < end:
                    found[starts[index]].append((vreg, piece.reg))
                    index += 1
    return found
