"""Instruction selection: IR to machine operations over virtual registers.

In: a function in SSA form, the target. Out: an `MFunction` in the same block order, unreachable
blocks left out, every constant `ret` of a value merged into one block.

Values that need no register (see `folding`) turn into offsets, immediates and addresses where they
are used. Constants, addresses of stack and maps are made in the block that uses them, those of data
once; all are marked as what can be made anew: the allocator never spills them. `isel_alu` and
`isel_memory` have the operations that are more than one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.opcodes import ALU32, ALU64, MOV
from probee.compiler.codegen import isel_alu, isel_memory
from probee.compiler.codegen.folding import MASK64, Folds, signed
from probee.compiler.codegen.machine import FRAME, NONE, MBlock, MEdge, MFunction, MOp, Src, Symbol
from probee.compiler.ir.dominators import immediate_dominators
from probee.compiler.ir.ops import ASKING, NOWHERE, Slot, Value
from probee.errors import NotSupportedError
from probee.uapi import bpf_func

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from probee.compiler.ir.ops import Block, Edge, Function, Loc, Op, Operand
    from probee.spec import Target


def select(function: Function, target: Target, slots: Mapping[Slot, int], frame: int) -> MFunction:
    """`slots`: where each stack slot starts, relative to r10; `frame`: bytes they take."""
    return Selector(function, target, slots, frame).run()


def helper_number(name: str) -> int:
    """The kernel's number of the helper `bpf_<name>`."""
    number = getattr(bpf_func, f"BPF_FUNC_{name}", None)
    if not isinstance(number, int):
        raise NotSupportedError(f"the helper bpf_{name}")
    return number


class Selector:
    """The state of one function's selection. `block` is the one that grows."""

    def __init__(
        self, function: Function, target: Target, slots: Mapping[Slot, int], frame: int
    ) -> None:
        self.ir = function
        self.target = target
        self.slots = slots
        self.folds = Folds(function, target)
        self.out = MFunction(function.name, function.loc)
        self.out.frame = frame
        self.out.slots = slots
        self.block = MBlock()
        self.loc: Loc = function.loc
        self.context: set[int] = set()  # parameters of a program: the verifier knows them as such
        self.widths: dict[int, int] = {}  # virtual register -> low bits that may be set
        self._sources: dict[Value, Src] = {}
        self._local: dict[Src, int] = {}  # what this block has in a register already
        # Likewise for data sections, with the offset that is in the register; also what the block
        # that dominates this one had: the allocator makes it anew if keeping it is not worth it.
        self._sections: dict[Symbol, tuple[int, int]] = {}
        self._blocks: dict[Block, MBlock] = {}
        self._returns: dict[int, MBlock] = {}

    def run(self) -> MFunction:
        """Selects every reachable block, definitions before their uses."""
        idom = immediate_dominators(self.ir)
        placed = _linear_order(self.ir, idom, self.folds.order)
        for block in self.folds.order:
            machine = self._blocks[block] = MBlock()
            for param in block.params:
                machine.params.append(self.define(param))
        bodies: dict[Block, list[MBlock]] = {}
        sections: dict[Block | None, dict[Symbol, tuple[int, int]]] = {None: {}}
        for block in self.folds.order:
            self.out.blocks = []
            self.start(self._blocks[block])
            self._sections.update(sections[idom[block]])
            if block is self.ir.blocks[0]:
                self._entry()
            for op in block.ops:
                self._select(op)
            bodies[block] = self.out.blocks
            sections[block] = dict(self._sections)
        self.out.blocks = [machine for block in placed for machine in bodies[block]]
        self.out.blocks += self._returns.values()
        _prune(self.out)
        return self.out

    # building

    def start(self, block: MBlock) -> None:
        """Goes on in `block`, which is placed here."""
        self.out.blocks.append(block)
        self.block = block
        self._local.clear()
        self._sections.clear()

    def emit(self, kind: str, **fields: Any) -> MOp:
        """Appends an operation at the place that is being selected."""
        op = MOp(kind, self.loc, **fields)
        self.block.ops.append(op)
        return op

    def new(self) -> int:
        """A new virtual register."""
        return self.out.new()

    def define(self, value: Value) -> int:
        """The virtual register of `value`, which is written right now."""
        register = self.out.new()
        self._sources[value] = Src(register)
        self.out.values[register] = value
        width = self.folds.bits.get(value)
        if width is not None:
            self.widths[register] = width
        return register

    # operands

    def src(self, operand: Operand) -> Src:
        """`operand` wherever it is: a register, a constant, an address, register + constant."""
        operand = self.folds.operand(operand)
        if isinstance(operand, Value):
            return self._sources[operand]
        return Src(NONE, operand & MASK64)

    def simple(self, operand: Operand) -> Src:
        """`operand` as a constant or in a register."""
        src = self.src(operand)
        if src.base == NONE and src.symbol is None:
            return src
        return Src(self.in_register(src))

    def register(self, operand: Operand) -> int:
        """`operand` in a register."""
        return self.in_register(self.src(operand))

    def in_register(self, src: Src) -> int:
        """A register that holds `src`: its own, or one made in this block."""
        if src.base >= 0 and src.off == 0 and src.base != FRAME:
            return src.base
        register = self._local.get(src)
        if register is not None:
            return register
        register = self._local[src] = self.new()
        if src.base >= 0 and src.base != FRAME:
            isel_alu.alu(self, "add", 8, Src(src.base), Src(NONE, src.off & MASK64), register)
            return register
        self.out.remat[register] = src
        if src.symbol is None and src.base == NONE:
            self.widths[register] = src.off.bit_length()
        self.materialise(register, src)
        return register

    def materialise(self, register: int, src: Src) -> None:
        """Makes a constant, a stack address or the address of a symbol."""
        if src.base == FRAME:
            self.emit("alu", code=ALU64, d=register, a=FRAME, imm=src.off)  # add
        elif src.symbol is not None:
            self.emit("ld64", d=register, imm=src.off, symbol=src.symbol)
        else:
            self.constant(register, src.off)

    def constant(self, register: int, value: int) -> None:
        """register = value, of 64 bits."""
        if self.target.isa >= 3 and value >> 32 == 0:
            self.emit("mov", code=ALU32 | MOV, d=register, imm=signed(value << 32) >> 32)
        elif -(1 << 31) <= signed(value) < 1 << 31:
            self.emit("mov", code=ALU64 | MOV, d=register, imm=signed(value))
        else:
            self.emit("ld64", d=register, imm=signed(value))

    def address(self, operand: Operand, offset: int) -> tuple[int, int]:
        """A register and a 16-bit offset that together are `operand` + `offset`."""
        src = self.src(operand)
        if src.symbol is not None and src.symbol.kind == "value":
            base, start = self._sections.get(src.symbol, (NONE, 0))
            if base == NONE:
                base, start = self.in_register(src), src.off
                self._sections[src.symbol] = base, start
            offset += src.off - start
        elif src.symbol is not None or src.base == NONE:
            base = self.in_register(src)
        else:
            base, offset = src.base, offset + src.off
        return self.address_of(base, offset)

    def address_of(self, base: int, offset: int) -> tuple[int, int]:
        """The same for a register and any offset."""
        if -(1 << 15) <= offset < 1 << 15:
            return base, offset
        return self.in_register(Src(base, offset)), 0

    # operations

    def _entry(self) -> None:
        params = [
            self.define(param) if self.folds.used(param) else NONE for param in self.ir.params
        ]
        self.emit("entry", args=[Src(param) for param in params])
        if self.ir.main:
            self.context.update(params)

    def _select(self, op: Op) -> None:
        self.loc = op.loc if op.loc != NOWHERE else self.loc
        result = op.result
        if result is not None:
            if result in self.folds.alias or result in self.folds.fused:
                return
            if op.row.pure and not self.folds.used(result):
                return
            if result in self.folds.sunk and self._sink(op, result):
                return
        _HANDLERS[op.kind](self, op)

    def _sink(self, op: Op, result: Value) -> bool:
        base, amount = self.folds.sum(op)
        assert base is not None
        src = self._sources[base]
        if src.symbol is not None and not (src.symbol.kind == "value" and src.off + amount >= 0):
            return False
        if src.base == NONE and src.symbol is None:
            return False
        if src.base != FRAME and abs(src.off + amount) >= 1 << 15:
            return False
        self._sources[result] = Src(src.base, src.off + amount, src.symbol)
        return True

    def where(self, value: Value, src: Src) -> None:
        """`value` is `src`, made where it is used."""
        self._sources[value] = src

    # control

    def edge(self, edge: Edge) -> MEdge:
        """The same edge; one to nothing but a constant return goes to the block shared by those."""
        end = edge.block.ops[0]
        if end.kind == "ret":
            value = self.folds.operand(end.args[0])
            if isinstance(value, Value) and value in edge.block.params:
                value = self.folds.operand(edge.args[edge.block.params.index(value)])
            if not isinstance(value, Value):
                return MEdge(self.return_block(value, end.loc))
        return MEdge(self._blocks[edge.block], [self.src(arg) for arg in edge.args])

    def return_block(self, value: int, loc: Loc) -> MBlock:
        """The block that returns the constant `value`."""
        value &= MASK64
        block = self._returns.get(value)
        if block is None:
            block = self._returns[value] = MBlock()
            block.ops.append(MOp("ret", loc, args=[Src(NONE, value)]))
        return block


def _linear_order(
    function: Function, idom: dict[Block, Block | None], fallback: list[Block]
) -> list[Block]:
    """Reachable blocks as they stand, provided that each follows the block that dominates it."""
    seen: set[Block | None] = {None}
    order = []
    for block in function.blocks:
        if block in idom:
            if idom[block] not in seen:
                return fallback
            seen.add(block)
            order.append(block)
    return order


def _prune(function: MFunction) -> None:
    """Drops blocks that nothing leads to any more."""
    reached = {function.blocks[0]}
    todo = [function.blocks[0]]
    while todo:
        for edge in todo.pop().edges:
            if edge.block not in reached:
                reached.add(edge.block)
                todo.append(edge.block)
    function.blocks = [block for block in function.blocks if block in reached]


def _slot(s: Selector, op: Op) -> None:
    assert isinstance(op.symbol, Slot)
    assert op.result is not None
    s.where(op.result, Src(FRAME, s.slots[op.symbol]))


def _mapaddr(s: Selector, op: Op) -> None:
    assert op.result is not None
    s.where(op.result, Src(NONE, 0, Symbol("map", str(op.symbol))))


def _dataaddr(s: Selector, op: Op) -> None:
    assert op.result is not None
    s.where(op.result, Src(NONE, op.offset, Symbol("value", str(op.symbol))))


def _const(s: Selector, op: Op) -> None:
    """A number that the loader writes in: one slot where 32 bits hold it, extended by its sign."""
    assert op.result is not None
    wide = op.size == 8 or (s.target.isa < 3 and not op.offset)
    kind = "const64" if wide else "const32s" if op.offset else "const32"
    s.where(op.result, Src(NONE, 0, Symbol(kind, str(op.symbol))))


def _core(s: Selector, op: Op) -> None:
    """A number that follows the kernel's structs: at most 31 bits, so a mov of 32 holds it."""
    assert op.result is not None
    s.where(op.result, Src(NONE, 0, Symbol("core", str(op.symbol))))


def _kcast(s: Selector, op: Op) -> None:
    """The verifier puts a move in place of the call (Linux 6.2, kernel/bpf/verifier.c)."""
    assert op.result is not None
    type_id = Src(NONE, 0, Symbol("core", str(op.symbol)))
    s.emit("call", args=[s.src(op.args[0]), type_id], symbol=Symbol("kfunc", "bpf_rdonly_cast"))
    s.emit("result", d=s.define(op.result))


def _same(s: Selector, op: Op) -> None:
    assert op.result is not None
    s.where(op.result, s.src(op.args[0]))


def _call(s: Selector, op: Op) -> None:
    args = [s.src(arg) for arg in op.args]
    if op.kind == "call" and op.symbol == ASKING and len(args) > 2:
        *args, size = args
        isel_memory.touch(s, op.args[1], size.off)
    if op.kind == "call":
        s.emit("call", args=args, imm=helper_number(str(op.symbol)))
    elif op.kind == "kfunc":
        s.emit("call", args=args, symbol=Symbol("kfunc", str(op.symbol)))
    else:
        s.emit("call", args=args, symbol=str(op.symbol))
    if op.result is not None and s.folds.used(op.result):
        s.emit("result", d=s.define(op.result))


def _jump(s: Selector, op: Op) -> None:
    s.emit("jump", edges=[s.edge(op.edges[0])])


def _ret(s: Selector, op: Op) -> None:
    src = s.src(op.args[0])
    if src.base == NONE and src.symbol is None:
        s.emit("jump", edges=[MEdge(s.return_block(src.off, s.loc))])
    else:
        s.emit("ret", args=[src])


_HANDLERS: dict[str, Callable[[Selector, Op], None]] = {
    **isel_alu.HANDLERS,
    **isel_memory.HANDLERS,
    "slot": _slot,
    "const": _const,
    "core": _core,
    "kcast": _kcast,
    "same": _same,
    "mapaddr": _mapaddr,
    "dataaddr": _dataaddr,
    "call": _call,
    "callfn": _call,
    "kfunc": _call,
    "jump": _jump,
    "ret": _ret,
}
