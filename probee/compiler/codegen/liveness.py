"""Where each virtual register lives, as intervals over numbered positions.

In: an `MFunction` in its final block order. Out: `Liveness`: an `Interval` a virtual register, what
is alive where blocks begin, and where calls stand.

Operation number i reads at position 2i and writes at 2i + 1; an operand that must outlive the
write is read at 2i + 1. Ranges are half open. What an edge passes on lives to the end of the block,
a parameter from the beginning of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.machine import NONE, VIRTUAL, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.compiler.codegen.machine import MBlock, MFunction, MOp


class Interval:
    """One piece of a virtual register's life, in one place.

    `ranges`: disjoint, ascending [begin, end). `uses`: positions where it must be in a register.
    `reg`: that register, or NONE: in its stack slot, or nowhere if it can be made anew. `at`: the
    range that the allocator has come to.
    """

    __slots__ = ("at", "ranges", "reg", "uses", "vreg")

    def __init__(self, vreg: int, ranges: list[list[int]], uses: list[int]) -> None:
        self.vreg = vreg
        self.ranges = ranges
        self.uses = uses
        self.reg = NONE
        self.at = 0

    @property
    def begin(self) -> int:
        """The first position that it covers."""
        return self.ranges[0][0]

    @property
    def end(self) -> int:
        """The first position behind it."""
        return self.ranges[-1][1]

    def covers(self, position: int) -> bool:
        """Whether it lives at `position`; positions asked for must ascend."""
        ranges, at = self.ranges, self.at
        while at < len(ranges) and ranges[at][1] <= position:
            at += 1
        self.at = at
        return at < len(ranges) and ranges[at][0] <= position

    def meets(self, other: Interval, position: int) -> int:
        """The first position, from `position` on, where both live; -1 if there is none."""
        mine, theirs = self.ranges, other.ranges
        i, j = self.at, other.at
        while i < len(mine) and j < len(theirs):
            begin = max(mine[i][0], theirs[j][0], position)
            if begin < mine[i][1] and begin < theirs[j][1]:
                return begin
            if mine[i][1] <= theirs[j][1]:
                i += 1
            else:
                j += 1
        return -1

    def split(self, position: int) -> Interval:
        """Cuts at `position`, inside its life, and gives what comes behind."""
        keep = [r for r in self.ranges if r[0] < position]
        tail = [r for r in self.ranges if r[0] >= position]
        if keep and keep[-1][1] > position:
            tail.insert(0, [position, keep[-1][1]])
            keep[-1] = [keep[-1][0], position]
        uses = [use for use in self.uses if use >= position]
        self.uses = [use for use in self.uses if use < position]
        self.ranges = keep
        self.at = min(self.at, len(keep))
        return Interval(self.vreg, tail, uses)

    def next_use(self, position: int) -> int:
        """The first position from `position` on where it must be in a register, or FAR."""
        for use in self.uses:
            if use >= position:
                return use & ~1
        return FAR


FAR = 1 << 60


class Liveness:
    """`live_in[block.index]` is a set of bits, bit n for virtual register VIRTUAL + n."""

    def __init__(self, function: MFunction) -> None:
        number(function)
        self.function = function
        self.calls: list[int] = []  # positions 2i of calls, ascending
        self.live_in = _live_in(function)
        self._ranges: list[list[list[int]]] = [[] for _ in range(function.next - VIRTUAL)]
        self._uses: list[list[int]] = [[] for _ in range(function.next - VIRTUAL)]
        for block in reversed(function.blocks):
            self._walk(block)
        self.calls.reverse()
        self.intervals: dict[int, Interval] = {}
        for index, ranges in enumerate(self._ranges):
            if ranges:
                ranges.reverse()
                uses = self._uses[index]
                uses.reverse()
                self.intervals[VIRTUAL + index] = Interval(VIRTUAL + index, ranges, uses)

    def _walk(self, block: MBlock) -> None:
        """Adds what happens in one block, last things first."""
        start = 2 * block.first
        position = start + 2 * len(block.ops)
        for vreg in bits(live_out(self.live_in, block)):
            self._extend(vreg, start, position)
        for op in reversed(block.ops):
            position -= 2
            if op.d != NONE:
                self._begin(op.d, position + 1)
                self._uses[op.d - VIRTUAL].append(position + 1)
            if op.kind == "call":
                self.calls.append(position)
            if op.kind == "entry":
                for src in op.args:
                    if src.base != NONE:
                        self._begin(src.base, position + 1)
                continue
            late = late_reads(op) if op.late else ()
            for vreg in late:
                self._extend(vreg, start, position + 2)
                self._uses[vreg - VIRTUAL].append(position + 1)
            for vreg in (op.a, op.b):
                if vreg >= VIRTUAL and vreg not in late:
                    self._extend(vreg, start, position + 1)
                    if self._uses[vreg - VIRTUAL][-1:] != [position]:
                        self._uses[vreg - VIRTUAL].append(position)
            for src in op.args:
                if src.base >= VIRTUAL:
                    self._extend(src.base, start, position + 1)
        for vreg in block.params:
            if self._ranges[vreg - VIRTUAL]:
                self._begin(vreg, start)

    def _extend(self, vreg: int, start: int, end: int) -> None:
        ranges = self._ranges[vreg - VIRTUAL]
        if ranges and ranges[-1][0] <= end:
            ranges[-1][0] = min(ranges[-1][0], start)
            ranges[-1][1] = max(ranges[-1][1], end)
        else:
            ranges.append([start, end])

    def _begin(self, vreg: int, position: int) -> None:
        ranges = self._ranges[vreg - VIRTUAL]
        if ranges:
            ranges[-1][0] = position
        else:
            ranges.append([position, position + 1])


def late_reads(op: MOp) -> tuple[int, ...]:
    """The registers that `op` reads after it wrote `d`: see `MOp.late`."""
    late = {"set": (op.a, op.b), "atomic": (op.a,)}.get(op.kind, (op.b,))
    return tuple(vreg for vreg in dict.fromkeys(late) if vreg >= VIRTUAL)


def bits(mask: int) -> Iterator[int]:
    """The virtual registers in a set of bits."""
    while mask:
        low = mask & -mask
        yield VIRTUAL + low.bit_length() - 1
        mask ^= low


def live_out(live_in: list[int], block: MBlock) -> int:
    """What lives at the end of `block`: what its successors need, and what its edges pass on."""
    out = 0
    for edge in block.edges:
        out |= live_in[edge.block.index]
        for src in edge.args:
            if src.base >= VIRTUAL:
                out |= 1 << src.base - VIRTUAL
    return out


def _live_in(function: MFunction) -> list[int]:
    """The usual backward flow; parameters are written by their edges, so not alive before."""
    reads, writes = [], []
    for block in function.blocks:
        read, written = 0, 0
        for vreg in block.params:
            written |= 1 << vreg - VIRTUAL
        for op in block.ops:
            sources = () if op.kind == "entry" else op.args
            for vreg in (op.a, op.b, *(src.base for src in sources)):
                if vreg >= VIRTUAL:
                    read |= 1 << vreg - VIRTUAL & ~written
            if op.d != NONE:
                written |= 1 << op.d - VIRTUAL
            for src in op.args if op.kind == "entry" else ():
                if src.base != NONE:
                    written |= 1 << src.base - VIRTUAL
        reads.append(read)
        writes.append(written)
    live_in = [0] * len(function.blocks)
    changed = True
    while changed:
        changed = False
        for block in reversed(function.blocks):
            index = block.index
            live = reads[index] | live_out(live_in, block) & ~writes[index]
            if live != live_in[index]:
                live_in[index] = live
                changed = True
    return live_in
