"""Selection of loads, stores, atomics, and of clearing and copying.

In: IR operations, through the `Selector`. Out: machine operations.

`zero` and `copy` are unrolled into the widest accesses that the alignment allows, in address
order. Beyond `UNROLLED` accesses they become a loop of `PER_TURN` accesses a turn (Linux 5.3: the
verifier walks it turn by turn, a few instructions each), but for the context of a program: what is
added to its address must be part of the instruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.opcodes import (
    ALU64,
    ATOMIC,
    ATOMIC_OPS,
    CMPXCHG,
    DW,
    FETCH_OPS,
    JMP,
    JUMP_OPS,
    LDX,
    MEM,
    MEMSX,
    SIZES,
    ST,
    STX,
    XCHG,
    W,
)  # fmt: skip
from probee.compiler.codegen.isel_alu import alu, fits, is_constant, low
from probee.compiler.codegen.machine import FRAME, NONE, MBlock, MEdge, Src, Symbol
from probee.errors import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.codegen.isel import Selector
    from probee.compiler.ir.ops import Op, Operand

SIZE = {row.bytes: row.code for row in SIZES}
UNROLLED = 64
PER_TURN = 8
_JNE = next(row.code for row in JUMP_OPS if row.name == "jne")
_PLAIN = {row.name: row.imm for row in ATOMIC_OPS}
_FETCH = {f"fetch_{row.name}": row.imm for row in FETCH_OPS} | {"xchg": XCHG}


def _load(s: Selector, op: Op) -> None:
    assert op.result is not None
    a, off = s.address(op.args[0], op.offset)
    mode = MEMSX if op in s.folds.signed else MEM
    s.emit("ldx", code=LDX | mode | SIZE[op.size], d=s.define(op.result), a=a, off=off)


def _kload(s: Selector, op: Op) -> None:
    """The loader writes the offset in, so the base stands in the register as it is."""
    assert op.result is not None
    a, symbol = s.register(op.args[0]), Symbol("core", str(op.symbol))
    s.emit("ldx", code=LDX | MEM | SIZE[op.size], d=s.define(op.result), a=a, symbol=symbol)


def _kaddr(s: Selector, op: Op) -> None:
    assert op.result is not None
    a, symbol = s.register(op.args[0]), Symbol("core", str(op.symbol))
    s.emit("alu", code=ALU64, d=s.define(op.result), a=a, symbol=symbol)  # add


def _store(s: Selector, op: Op) -> None:
    a, off = s.address(op.args[0], op.offset)
    src = s.src(op.args[1])
    if is_constant(src) and (op.size < 8 or fits(src.off)):
        store_constant(s, op.size, a, off, low(src.off))
    else:
        s.emit("stx", code=STX | MEM | SIZE[op.size], a=a, b=s.in_register(src), off=off)


def store_constant(s: Selector, size: int, a: int, off: int, value: int) -> None:
    """*(a + off) = value, `size` bytes."""
    s.emit("st", code=ST | MEM | SIZE[size], a=a, off=off, imm=value)


def _atomic(s: Selector, op: Op) -> None:
    name = str(op.symbol)
    wanted = op.result is not None and s.folds.used(op.result)
    if not wanted:
        name = name.removeprefix("fetch_")
    fetching = name in _FETCH or name == "cmpxchg"
    if s.target.isa < 3 and (fetching or name != "add"):
        raise NotSupportedError(
            f"the atomic operation {name} on ISA v{s.target.isa}", since="Linux 5.12, ISA v3"
        )
    a, off = s.address(op.args[0], op.offset)
    code = STX | ATOMIC | (DW if op.size == 8 else W)
    if name == "cmpxchg":
        args = [Src(a), s.src(op.args[1]), s.src(op.args[2])]
        s.emit("call", code=code, off=off, args=args, imm=CMPXCHG)
        if wanted and op.result is not None:
            s.emit("result", d=s.define(op.result))
        return
    b = s.register(op.args[1])
    if not fetching:
        s.emit("atomic", code=code, a=a, b=b, off=off, imm=_PLAIN[name])
        return
    d = s.define(op.result) if wanted and op.result is not None else s.new()
    s.emit("atomic", code=code, d=d, a=a, b=b, off=off, imm=_FETCH[name], late=True)


# areas


def _alignment(s: Selector, operand: Operand, offset: int, claimed: int) -> int:
    """What operand + offset is known to be aligned to, 8 at most: of the stack, exactly."""
    src = s.src(operand)
    if src.base == FRAME:
        place = src.off + offset
        return min(place & -place or 8, 8)
    return min(max(claimed, 1), 8)


def accesses(size: int, align: int) -> list[tuple[int, int]]:
    """(offset, width) of the accesses that cover `size` bytes at an address aligned to `align`."""
    out, at = [], 0
    while at < size:
        width = align
        while width > size - at or at % width:
            width //= 2
        out.append((at, width))
        at += width
    return out


def _zero(s: Selector, op: Op) -> None:
    size, dst = op.size, op.args[0]
    align = _alignment(s, dst, op.offset, op.align)
    size = _rounded_up(s, dst, op.offset, size)
    if _wants_loop(s, size, align, [dst]):
        _loop(s, size, align, [(dst, op.offset)])
        return
    for at, width in accesses(size, align):
        a, off = s.address(dst, op.offset + at)
        store_constant(s, width, a, off, 0)


def _rounded_up(s: Selector, dst: Operand, offset: int, size: int) -> int:
    """The size of an area on the stack, with the padding behind its slot: fewer stores."""
    src = s.src(dst)
    if src.base != FRAME:
        return size
    for slot, start in s.slots.items():
        if start + slot.size == src.off + offset + size:
            return size + -slot.size % 8
    return size


def _wants_loop(s: Selector, size: int, align: int, areas: list[Operand]) -> bool:
    return size > UNROLLED * align and not any(s.src(a).base in s.context for a in areas)


def _copy(s: Selector, op: Op) -> None:
    dst, src = op.args
    align = min(_alignment(s, dst, op.offset, op.align), _alignment(s, src, op.offset2, op.align))
    if _wants_loop(s, op.size, align, [dst, src]):
        _loop(s, op.size, align, [(dst, op.offset), (src, op.offset2)])
        return
    for at, width in accesses(op.size, align):
        _copy_one(s, width, s.address(dst, op.offset + at), s.address(src, op.offset2 + at))


def _copy_one(s: Selector, width: int, dst: tuple[int, int], src: tuple[int, int]) -> None:
    register = s.new()
    s.emit("ldx", code=LDX | MEM | SIZE[width], d=register, a=src[0], off=src[1])
    s.emit("stx", code=STX | MEM | SIZE[width], a=dst[0], b=register, off=dst[1])


def touch(s: Selector, area: Operand, size: int) -> None:
    """Reads an area on the stack, all of it, to no end but that a verifier knows it to be read."""
    if s.src(area).base != FRAME:
        return
    for at, width in accesses(size, _alignment(s, area, 0, 1)):
        a, off = s.address(area, at)
        s.emit("ldx", code=LDX | MEM | SIZE[width], d=s.new(), a=a, off=off)


def _loop(s: Selector, size: int, align: int, areas: list[tuple[Operand, int]]) -> None:
    """Clears the one area, or copies from the second to the first, in turns, then the rest."""
    step = PER_TURN * align
    whole = size - size % step
    head, done = MBlock(), MBlock()
    at = s.new()
    head.params.append(at)
    bases = [(s.register(area), offset) for area, offset in areas]
    s.emit("jump", edges=[MEdge(head, [Src(NONE, 0)])])
    s.start(head)
    moved = []
    for base, _ in bases:
        moved.append(s.new())
        alu(s, "add", 8, Src(base), Src(at), moved[-1])
    for turn in range(PER_TURN):
        places = [
            s.address_of(register, offset + turn * align)
            for register, (_, offset) in zip(moved, bases, strict=True)
        ]
        _access(s, align, places)
    after = s.new()
    alu(s, "add", 8, Src(at), Src(NONE, step), after)
    again = MEdge(head, [Src(after)])
    s.emit("branch", code=JMP | _JNE, a=after, imm=whole, edges=[again, MEdge(done)])
    s.start(done)
    for start, width in accesses(size - whole, align):
        _access(s, width, [s.address_of(b, offset + whole + start) for b, offset in bases])


def _access(s: Selector, width: int, places: list[tuple[int, int]]) -> None:
    if len(places) == 1:
        store_constant(s, width, *places[0], 0)
    else:
        _copy_one(s, width, *places)


HANDLERS: dict[str, Callable[[Selector, Op], None]] = {
    "load": _load,
    "kload": _kload,
    "kaddr": _kaddr,
    "store": _store,
    "atomic": _atomic,
    "zero": _zero,
    "copy": _copy,
}
