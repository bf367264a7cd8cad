"""Stores of constants side by side become wider ones.

Within a block, to private slots and records (see `memory`), whose alignment is known; and the two
halves of one value, stored side by side, become one store of all of it:

    store.4 [%1], 0                 store.8 [%1], 0
    store.1 [%1+8], 63              store.2 [%1+8], 63
    store.4 [%1+4], 0               store.8 [%1+16], %2
    store.1 [%1+9], 0
    store.4 [%1+16], %2
    %3 = lshr.8 %2, 32
    store.4 [%1+20], %3

A store moves down to the last of those it is joined with: nothing between them touches its bytes.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Op, Slot, Value
from probee.compiler.passes.arithmetic import signed
from probee.compiler.passes.memory import Memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Literal

    from probee.compiler.ir.ops import Block, Function, Operand

LONGEST = 512  # a longer `zero` is a loop, or nearly one: left alone


def run(function: Function) -> bool:
    """Joins stores; says whether there were any to."""
    return _join(function, "little")


def run_big(function: Function) -> bool:
    """The same for big-endian machines."""
    return _join(function, "big")


def _join(function: Function, endian: Literal["little", "big"]) -> bool:
    stores = (op.kind in ("store", "zero") for block in function.blocks for op in block.ops)
    if sum(stores) < 2:
        return False
    memory = Memory(function)
    if not memory.sizes:
        return False
    makers = {op.result: op for b in function.blocks for op in b.ops if op.result is not None}
    changed = False
    for block in function.blocks:
        joining = _Joining(block, memory, makers, endian)
        changed |= joining.run()
    return changed


class _Group:
    """Constant bytes that await their neighbours. `ops`: what writes them, in order."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}
        self.ops: list[Op] = []
        self.pointer: Operand = 0
        self.at = 0

    def overlaps(self, begin: int, end: int) -> bool:
        if end - begin > len(self.bytes):
            return any(begin <= offset < end for offset in self.bytes)
        return any(offset in self.bytes for offset in range(begin, end))


class _Joining:
    """One walk over one block. `instead`: operation → what stands in its place."""

    def __init__(
        self,
        block: Block,
        memory: Memory,
        makers: dict[Value, Op],
        endian: Literal["little", "big"],
    ) -> None:
        self.block = block
        self.memory = memory
        self.makers = makers
        self.endian: Literal["little", "big"] = endian
        self.groups: dict[Hashable, _Group] = {}
        self.halves: dict[tuple[Hashable, int], Op] = {}
        self.instead: dict[Op, list[Op]] = {}

    def run(self) -> bool:
        for op in self.block.ops:
            match op.kind:
                case "store" | "zero":
                    self._write(op)
                case "load" | "atomic":
                    self._touch(op.args[0], op.offset, op.size)
                case "copy":
                    self._touch(op.args[0], op.offset, op.size)
                    self._touch(op.args[1], op.offset2, op.size)
                case "call" | "callfn" | "kfunc":
                    for access in self.memory.accesses(op):
                        self._touch(op.args[access.argument], 0, access.size)
        for root in tuple(self.groups):
            self._close(root)
        if not self.instead:
            return False
        self.block.ops = [new for op in self.block.ops for new in self.instead.get(op, [op])]
        return True

    def _touch(self, pointer: Operand, offset: int, size: int) -> None:
        """Something reads or writes those bytes: what is to be there must be there."""
        root, at = self.memory.place(pointer)
        begin, end = 0, 1 << 32
        if at is not None and size >= 0:
            begin, end = at + offset, at + offset + size
        group = self.groups.get(root)
        if group is not None and group.overlaps(begin, end):
            self._close(root)
        for key in [k for k in self.halves if k[0] == root and begin < k[1] + 4 and k[1] < end]:
            del self.halves[key]

    def _write(self, op: Op) -> None:
        root, at = self.memory.place(op.args[0])
        if root not in self.memory.sizes or at is None:
            self._touch(op.args[0], op.offset, op.size)
            return
        begin = at + op.offset
        value = op.args[1] if op.kind == "store" else 0
        if isinstance(value, Value) or op.size > LONGEST:
            self._touch(op.args[0], op.offset, op.size)
            if op.kind == "store" and op.size == 4:
                self._half(op, root, begin)
            return
        for key in [k for k in self.halves if k[0] == root and -4 < k[1] - begin < op.size]:
            del self.halves[key]
        group = self.groups.setdefault(root, _Group())
        raw = (value & ((1 << 8 * op.size) - 1)).to_bytes(op.size, self.endian)
        group.bytes.update(zip(range(begin, begin + op.size), raw, strict=True))
        group.ops.append(op)
        group.pointer, group.at = op.args[0], at

    def _half(self, op: Op, root: Hashable, begin: int) -> None:
        """Half of a value: with its other half it is a store of 8 bytes."""
        for low in (begin, begin - 4):
            if low % 8 or (root, 2 * low + 4 - begin) not in self.halves:
                continue
            other = self.halves.pop((root, 2 * low + 4 - begin))
            first, second = (op, other) if low == begin else (other, op)
            if self.endian == "big":
                first, second = second, first
            whole = self._whole(first.args[1], second.args[1])
            if whole is not None and other not in self.instead:
                offset = op.offset - (begin - low)
                joined = Op("store", [op.args[0], whole], size=8, offset=offset, loc=op.loc)
                self.instead[other] = []
                self.instead[op] = [joined]
                return
        self.halves[root, begin] = op

    def _whole(self, low: Operand, high: Operand) -> Value | None:
        """The value of 8 bytes whose halves these are."""
        shift = self.makers.get(high) if isinstance(high, Value) else None
        if shift is None or shift.kind != "lshr" or shift.size != 8 or shift.args[1] != 32:
            return None
        whole = shift.args[0]
        cut = self.makers.get(low) if isinstance(low, Value) else None
        if cut is not None and cut.kind == "zext" and cut.size == 4:
            low = cut.args[0]
        return whole if isinstance(whole, Value) and low is whole else None

    def _close(self, root: Hashable) -> None:
        """Decides how the bytes of a group are written."""
        group = self.groups.pop(root)
        align = root.align if isinstance(root, Slot) else 8
        before = sum(len(_cut(0, op.size, align)) if op.kind == "zero" else 1 for op in group.ops)
        pieces = [
            piece for run_ in _runs(sorted(group.bytes)) for piece in self._cut(group, *run_, align)
        ]
        if len(group.ops) < 2 or len(pieces) >= before:
            return
        for op in group.ops:
            self.instead[op] = []
        last = group.ops[-1]
        self.instead[last] = _joined(pieces, group, last)

    def _cut(self, group: _Group, begin: int, end: int, align: int) -> list[tuple[int, int, int]]:
        """Stores (offset, size, value) that write the bytes begin … end - 1 of a group."""
        out: list[tuple[int, int, int]] = []
        while begin < end:
            width = align
            while begin % width or width > end - begin or not self._fits(group, begin, width):
                width //= 2
            out.append((begin, width, self._number(group, begin, width)))
            begin += width
        return out

    def _number(self, group: _Group, begin: int, width: int) -> int:
        raw = bytes(group.bytes[offset] for offset in range(begin, begin + width))
        return int.from_bytes(raw, self.endian)

    def _fits(self, group: _Group, begin: int, width: int) -> bool:
        """Whether one instruction stores it: immediates have 32 bits and are sign-extended."""
        if width < 8:
            return True
        return -(1 << 31) <= signed(self._number(group, begin, width)) < 1 << 31


def _joined(pieces: list[tuple[int, int, int]], group: _Group, last: Op) -> list[Op]:
    """The pieces as operations; zeroes that follow one another as one."""
    out: list[Op] = []
    for begin, width, value in pieces:
        offset = begin - group.at
        if value == 0 and out and out[-1].kind == "zero":
            before = out[-1]
            if before.offset + before.size == offset and before.align == width:
                before.size += width
                continue
        if value == 0:
            new = Op("zero", [group.pointer], size=width, offset=offset, align=width, loc=last.loc)
        else:
            number = signed(value) if width == 8 else value
            new = Op("store", [group.pointer, number], size=width, offset=offset, loc=last.loc)
        out.append(new)
    return out


def _runs(offsets: list[int]) -> list[tuple[int, int]]:
    """(begin, end) of each run of offsets that follow one another."""
    out: list[tuple[int, int]] = []
    for offset in offsets:
        if out and out[-1][1] == offset:
            out[-1] = (out[-1][0], offset + 1)
        else:
            out.append((offset, offset + 1))
    return out


def _cut(begin: int, size: int, align: int) -> list[int]:
    """Widths of the stores that clear `size` bytes."""
    out: list[int] = []
    while size:
        width = align
        while begin % width or width > size:
            width //= 2
        out.append(width)
        begin, size = begin + width, size - width
    return out
