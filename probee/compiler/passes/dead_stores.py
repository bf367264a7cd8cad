"""Bytes that are written and overwritten, or never read, are not written.

Followed backwards, byte by byte, for private slots and ring buffer records (see `memory`): a slot
is read by loads, copies and the helpers that get it, and dies at the return; a record is read whole
when it is submitted and not at all when it is discarded. What is left of a `zero` stays in pieces:

    zero.24 [%1]                    zero.4 [%1]
    store.4 [%1+4], %2              store.4 [%1+4], %2
    %3 = add.8 %1, 8                %3 = add.8 %1, 8
    call get_current_comm %3, 16    call get_current_comm %3, 16
    call ringbuf_submit %1, 0       call ringbuf_submit %1, 0
"""

from __future__ import annotations

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import CALLS, Op, Slot
from probee.compiler.passes.effects import FILLING_TEXT, ONLY_FILLING
from probee.compiler.passes.memory import Memory
from probee.compiler.passes.rewriting import count_uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from probee.compiler.ir.ops import Block, Function, Value

    Live = dict[Hashable, int]  # root → the bytes that may still be read, one bit each

_WRITES = ("store", "zero", "copy")
_TOUCHING = frozenset({"load", "atomic", *CALLS, *_WRITES})


def run(function: Function) -> bool:
    """Drops and shrinks stores; says whether there were any to."""
    if not any(op.kind in _WRITES for block in function.blocks for op in block.ops):
        return False
    memory = Memory(function)
    if not memory.sizes:
        return False
    return _Liveness(function, memory).run()


def _bits(offset: int, size: int) -> int:
    """Bytes offset … offset + size - 1 as bits."""
    if offset < 0:
        size, offset = max(size + offset, 0), 0
    return ((1 << size) - 1) << offset


class _Liveness:
    """`starts`: what is alive where a block begins. `heads`: of loops."""

    def __init__(self, function: Function, memory: Memory) -> None:
        self.memory = memory
        self.order = reverse_postorder(function)
        self.counts = count_uses(function)
        number = {block: i for i, block in enumerate(self.order)}
        self.heads = {s for b in self.order for s in b.successors if number[s] <= number[b]}
        self.starts: dict[Block, Live] = {}
        self._relevant = {
            block: [op for op in block.ops if self._matters(op)] for block in self.order
        }

    def run(self) -> bool:
        while self._turn():  # once, and once more for each loop that carries memory round
            pass
        changed = False
        for block in self.order:
            changed |= self._rewrite(block)
        return changed

    def _turn(self) -> bool:
        """Walks all blocks; says whether there may be more to find, around a loop."""
        again = False
        for block in reversed(self.order):
            live = self._at_end(block)
            for op in reversed(self._relevant[block]):
                self._step(op, live)
            again |= block in self.heads and self.starts.get(block) != live
            self.starts[block] = live
        return again

    def _matters(self, op: Op) -> bool:
        if op.kind not in _TOUCHING:
            return False
        place, sizes = self.memory.place, self.memory.sizes
        return any(place(arg)[0] in sizes for arg in op.args)

    def _at_end(self, block: Block) -> Live:
        live: Live = {}
        for successor in block.successors:
            for root, bytes_ in self.starts.get(successor, {}).items():
                live[root] = live.get(root, 0) | bytes_
        return live

    def _step(self, op: Op, live: Live) -> None:
        """From behind `op` to before it."""
        if op.kind in CALLS:
            self._call(op, live)
            return
        if op.kind in _WRITES:
            root, at = self.memory.place(op.args[0])
            if at is not None and root in self.memory.sizes:
                live[root] = live.get(root, 0) & ~_bits(at + op.offset, op.size)
            if op.kind == "copy":
                self._read(live, *self.memory.place(op.args[1]), op.offset2, op.size)
            return
        self._read(live, *self.memory.place(op.args[0]), op.offset, op.size)

    def _read(self, live: Live, root: Hashable, at: int | None, offset: int, size: int) -> None:
        whole = self.memory.sizes.get(root)
        if whole is not None:
            read = _bits(0, whole) if at is None or size < 0 else _bits(at + offset, size)
            live[root] = live.get(root, 0) | read

    def _call(self, op: Op, live: Live) -> None:
        if op.symbol == "ringbuf_discard":
            live.pop(self.memory.place(op.args[0])[0], None)
            return
        found = self.memory.accesses(op)
        for access in found:
            root, at = self.memory.place(op.args[access.argument])
            # Text leaves what is behind its NUL: in a slot that may be a key, or leak the stack.
            whole = self.memory.records if op.symbol in FILLING_TEXT else self.memory.sizes
            if access.fills and at is not None and root in whole:
                live[root] = live.get(root, 0) & ~_bits(at, access.size)
        for access in found:
            if access.reads:
                root, at = self.memory.place(op.args[access.argument])
                self._read(live, root, at, 0, access.size)

    def _rewrite(self, block: Block) -> bool:
        relevant = set(self._relevant[block])
        if not relevant:
            return False
        live = self._at_end(block)
        kept: list[Op] = []
        for op in reversed(block.ops):
            if op not in relevant:
                kept.append(op)
                continue
            pieces = self._pieces(op, live)
            kept += reversed(pieces)
            if pieces:
                self._step(op, live)
        changed = len(kept) != len(block.ops) or any(
            a is not b for a, b in zip(reversed(kept), block.ops, strict=True)
        )
        kept.reverse()
        block.ops = kept
        return changed

    def _pieces(self, op: Op, live: Live) -> list[Op]:
        """`op`, or what of it is needed given what is read behind it."""
        if op.kind == "call" and op.symbol in ONLY_FILLING:
            root, at = self.memory.place(op.args[0])
            size = op.args[1]
            unread = op.result is None or op.result not in self.counts
            if root in self.memory.sizes and at is not None and isinstance(size, int) and unread:
                return [op] if live.get(root, 0) & _bits(at, size) else []
            return [op]
        if op.kind not in _WRITES:
            return [op]
        root, at = self.memory.place(op.args[0])
        if root not in self.memory.sizes or at is None:
            return [op]
        needed = live.get(root, 0) & _bits(at + op.offset, op.size)
        if not needed:
            return []
        if op.kind == "zero":
            return self._zeroes(op, root, at, needed)
        return [op]

    def _zeroes(self, op: Op, root: Hashable, at: int, needed: int) -> list[Op]:
        """A `zero` for each run of bytes that is needed, cut where its alignment grows."""
        align = 8
        if isinstance(root, Slot):
            align = root.align
        runs = [piece for run_ in _runs(needed) for piece in _aligned(*run_, align)]
        if len(runs) == 1 and runs[0][1] == op.size:
            return [op]
        return [_zero(op, op.args[0], begin - at, size, align_at) for begin, size, align_at in runs]


def _zero(op: Op, pointer: Value | int, offset: int, size: int, align: int) -> Op:
    return Op("zero", [pointer], size=size, offset=offset, align=align, loc=op.loc)


def _runs(bits: int) -> list[tuple[int, int]]:
    """(begin, size) of each run of ones."""
    out: list[tuple[int, int]] = []
    begin = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        begin += skip
        size = (~bits & (bits + 1)).bit_length() - 1
        out.append((begin, size))
        bits >>= size
        begin += size
    return out


def _aligned(begin: int, size: int, align: int) -> list[tuple[int, int, int]]:
    """The run in pieces (begin, size, alignment), so that each is cleared by the widest stores."""
    end, out = begin + size, []
    while begin < end:
        width = align
        while begin % width or width > end - begin:
            width //= 2
        piece = (end - begin) // width * width if width == align else width
        out.append((begin, piece, width))
        begin += piece
    return out
