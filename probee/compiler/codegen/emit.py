"""Machine operations to instructions, one function at a time.

In: functions over machine registers, in layout order. Out: `Emitter.items`: instructions, and
jumps and calls whose distance `assemble` finds. Operations with a destination of their own become
two-address instructions, and a copy of what a register already holds is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm import opcodes as op_
from probee.asm.insn import Insn
from probee.compiler.codegen.folding import signed
from probee.compiler.codegen.machine import FRAME, NONE
from probee.compiler.codegen.moves import is_memory, small
from probee.compiler.ir.ops import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.codegen.machine import MBlock, MFunction, MOp, Src, Symbol
    from probee.compiler.ir.ops import Loc

ADD64 = op_.ALU64
MOV64, MOV32 = op_.ALU64 | op_.MOV, op_.ALU32 | op_.MOV
LDX64 = op_.LDX | op_.MEM | op_.DW
ST64, STX64 = op_.ST | op_.MEM | op_.DW, op_.STX | op_.MEM | op_.DW
PSEUDO = {
    "map": op_.PSEUDO_MAP_FD,
    "value": op_.PSEUDO_MAP_VALUE,
    "const64": op_.PSEUDO_NONE,
}
_CODE = {row.name: row.code for row in op_.JUMP_OPS}
LEVEL = {row.code: row.level for row in op_.JUMP_OPS}
OPPOSITE = {
    _CODE[a]: _CODE[b]
    for pair in (("jeq", "jne"), ("jgt", "jle"), ("jge", "jlt"), ("jsgt", "jsle"), ("jsge", "jslt"))
    for a, b in (pair, pair[::-1])
}


class Jump:
    """A jump to `target`; `code` NONE for an unconditional one, else with its source bit."""

    __slots__ = ("code", "dst", "imm", "src", "target")

    def __init__(self, target: MBlock, code: int = NONE, dst: int = 0, src: int = 0, imm: int = 0):
        self.target = target
        self.code, self.dst, self.src, self.imm = code, dst, src, imm


class Call:
    """A call of a function of this program."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def opposite(code: int, isa: int) -> int:
    """The opcode of the opposite condition, NONE where the ISA level has none."""
    code_of = OPPOSITE.get(code & 0xF0, NONE)
    if code_of == NONE or LEVEL[code_of] > isa:
        return NONE
    return code & 0x0F | code_of


class Emitter:
    """`items` of all functions; `relocs`, `lines`, `functions` and `blocks` count in items.

    `trace`: which operation of which function each run of items was made for.
    """

    def __init__(self, isa: int) -> None:
        self.isa = isa
        self.items: list[Insn | Jump | Call] = []
        self.relocs: list[tuple[int, Symbol, int]] = []
        self.lines: list[tuple[int, Loc]] = []
        self.functions: list[tuple[str, int]] = []
        self.trace: list[tuple[int, MOp, MFunction]] = []
        self.blocks: dict[MBlock, int] = {}
        self._held = list(range(11))  # registers with the same number here hold the same value
        self._numbers = 11
        self._following: MBlock | None = None

    def function(self, function: MFunction) -> None:
        """Appends one function."""
        self.functions.append((function.name, len(self.items)))
        self.lines.append((len(self.items), function.loc))
        for index, block in enumerate(function.blocks):
            self.blocks[block] = len(self.items)
            last = index + 1 == len(function.blocks)
            self._following = None if last else function.blocks[index + 1]
            self._forget(range(11))
            for op in block.ops:
                self._line(op.loc)
                self.trace.append((len(self.items), op, function))
                _EMIT[op.kind](self, op)

    def _line(self, loc: Loc) -> None:
        """A row of the line table where the line changes."""
        at, last = self.lines[-1]
        if loc == NOWHERE or (loc.line == last.line and loc.file == last.file):
            return
        if at == len(self.items):
            self.lines.pop()
        self.lines.append((len(self.items), loc))

    # what registers hold

    def _forget(self, registers: range | tuple[int, ...]) -> None:
        for register in registers:
            self._numbers += 1
            self._held[register] = self._numbers

    def _insn(self, code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> None:
        self.items.append(Insn(code, dst, src, off, imm))

    def _refer(self, symbol: Symbol | str) -> None:
        """The next instruction is one that the loader writes a number into."""
        assert not isinstance(symbol, str)
        self.relocs.append((len(self.items), symbol, 0))

    def _copy(self, dst: int, src: int) -> None:
        """dst = src, unless it is."""
        if self._held[dst] != self._held[src]:
            self._insn(MOV64 | op_.X, dst, src)
            self._held[dst] = self._held[src]

    # operations

    def alu(self, op: MOp) -> None:
        """d = a op b in two-address form."""
        d, b = op.d, op.b
        if b == NONE:
            self._copy(d, op.a)
            if op.symbol is not None:
                self._refer(op.symbol)
            if op.code != ADD64 or op.imm or op.symbol is not None:
                self._insn(op.code, d, 0, op.off, op.imm)
                self._forget((d,))
            return
        if d == b and d != op.a:
            assert not op.late, "the second operand would be overwritten"
            b = op.a
        else:
            self._copy(d, op.a)
        self._insn(op.code | op_.X, d, b, op.off)
        self._forget((d,))

    def mov(self, op: MOp) -> None:
        """A move, a constant, an extension."""
        if op.a == NONE:
            self._insn(op.code, op.d, 0, 0, op.imm)
        elif op.code == MOV64 and not op.off:
            self._copy(op.d, op.a)
            return
        else:
            self._insn(op.code | op_.X, op.d, op.a, op.off)
        self._forget((op.d,))

    def ld64(self, op: MOp) -> None:
        """Two slots."""
        self._address(op.d, op.imm, op.symbol)

    def _address(self, dst: int, imm: int, symbol: Symbol | str | None) -> None:
        """A constant of 64 bits, or the address of a map or of a byte in its value."""
        if symbol is None:
            self._insn(op_.LD_IMM64, dst, op_.PSEUDO_NONE, 0, signed(imm))
        else:
            assert not isinstance(symbol, str)
            self.relocs.append((len(self.items), symbol, imm))
            if symbol.kind.startswith("const32") or symbol.kind == "core":
                self._insn(MOV64 if symbol.kind == "const32s" else MOV32, dst)
            else:
                self._insn(op_.LD_IMM64, dst, PSEUDO[symbol.kind], 0, imm << 32)
        self._forget((dst,))

    def ldx(self, op: MOp) -> None:
        """A load."""
        if op.symbol is not None:
            self._refer(op.symbol)
        self._insn(op.code, op.d, op.a, op.off)
        self._forget((op.d,))

    def st(self, op: MOp) -> None:
        """A store of a constant."""
        self._insn(op.code, op.a, 0, op.off, op.imm)

    def stx(self, op: MOp) -> None:
        """A store of a register."""
        self._insn(op.code, op.a, op.b, op.off)

    def atomic(self, op: MOp) -> None:
        """The operand becomes the old value, so it is copied where the old value goes."""
        if op.d == NONE:
            self._insn(op.code, op.a, op.b, op.off, op.imm)
            return
        self._copy(op.d, op.b)
        self._insn(op.code, op.a, op.d, op.off, op.imm)
        self._forget((op.d,))

    def set(self, op: MOp) -> None:
        """d = 1; if so, hop over d = 0."""
        mov = MOV32 if self.isa >= 3 else MOV64
        self._insn(mov, op.d, 0, 0, 1)
        if op.b == NONE:
            self._insn(op.code, op.a, 0, 1, op.imm)
        else:
            self._insn(op.code | op_.X, op.a, op.b, 1)
        self._insn(mov, op.d, 0, 0, 0)
        self._forget((op.d,))

    def call(self, op: MOp) -> None:
        """A helper, a kfunc, a function, or an exchange; what it destroys is no longer known."""
        if op.code:
            self._copy(0, 3)
            self._insn(op.code, 1, 2, op.off, op.imm)
        elif op.symbol is None:
            self._insn(op_.JMP | op_.CALL, 0, op_.CALL_HELPER, 0, op.imm)
        elif isinstance(op.symbol, str):
            self.items.append(Call(op.symbol))
        else:
            self.relocs.append((len(self.items), op.symbol, 0))
            self._insn(op_.JMP | op_.CALL, 0, op_.CALL_KFUNC, 0, 0)
        self._forget(range(6))

    def result(self, op: MOp) -> None:
        """From r0."""
        self._copy(op.d, 0)

    def move(self, op: MOp) -> None:
        """See `moves`."""
        dst, src = op.d, op.args[0]
        if is_memory(dst):
            if src.base == NONE:
                self._insn(ST64, FRAME, 0, dst, signed(src.off))
            else:
                self._insn(STX64, FRAME, src.base, dst)
        elif is_memory(src.base):
            self._insn(LDX64, dst, FRAME, src.base)
            self._forget((dst,))
        elif src.base != NONE:
            self._copy(dst, src.base)
            if src.off:
                self._insn(ADD64, dst, 0, 0, signed(src.off))
                self._forget((dst,))
        elif src.symbol is not None:
            self._address(dst, src.off, src.symbol)
        else:
            self.constant(dst, src)

    def constant(self, dst: int, src: Src) -> None:
        """dst = a constant of 64 bits."""
        if self.isa >= 3 and src.off >> 32 == 0:
            self._insn(MOV32, dst, 0, 0, signed(src.off << 32) >> 32)
        elif small(src.off):
            self._insn(MOV64, dst, 0, 0, signed(src.off))
        else:
            self._address(dst, src.off, None)
        self._forget((dst,))

    # ends of blocks

    def ret(self, _: MOp) -> None:
        """The result is in r0 already."""
        self._insn(op_.JMP | op_.EXIT)

    def jump(self, op: MOp) -> None:
        """Nothing, to what follows."""
        self._go(op.edges[0].block)

    def _go(self, block: MBlock) -> None:
        if block is not self._following:
            self.items.append(Jump(block))

    def branch(self, op: MOp) -> None:
        """To the one that does not follow; if neither follows, a jump besides."""
        then, other = (edge.block for edge in op.edges)
        code = op.code
        if then is other:
            self._go(then)
            return
        if then is self._following and opposite(code, self.isa) != NONE:
            then, other, code = other, then, opposite(code, self.isa)
        if op.b == NONE:
            self.items.append(Jump(then, code, op.a, 0, op.imm))
        else:
            self.items.append(Jump(then, code | op_.X, op.a, op.b))
        self._go(other)

    def entry(self, _: MOp) -> None:
        """Parameters are where they are: `resolve` has put the moves behind."""


_EMIT: dict[str, Callable[[Emitter, MOp], None]] = {
    kind: getattr(Emitter, kind)
    for kind in (
        "alu", "mov", "ld64", "ldx", "st", "stx", "atomic", "set", "call", "result", "move", "ret",
        "jump", "branch", "entry",
    )
}  # fmt: skip
