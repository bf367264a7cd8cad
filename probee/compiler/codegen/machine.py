"""Machine operations over virtual registers: what selection makes and emission spells out.

In: `select` fills it. Out: `regalloc` gives every virtual register a place, `emit` reads it.

A register operand is an int: 0 to 10 a machine register, from `VIRTUAL` on a virtual one, `NONE`
none. Every virtual register is written once, by one operation, one block parameter or the entry:
what needs several instructions with a shared destination is one operation until it is emitted.

    kind      meaning                            attributes
    entry     d_i = r1 to r5                     args: one Src a parameter, its base the d_i
    alu       d = a op b, or a op imm            code without source bit, off 1: signed division;
                                                 with a symbol: imm is the member's offset
    mov       d = a, or imm                      code of mov64 or mov32, off: sign-extended from
    ld64      d = imm, or the symbol's address   two slots
    ldx       d = *(a + off)                     code with size and mode; with a symbol: off is
                                                 the member's offset
    stx, st   *(a + off) = b, = imm              code with size
    atomic    *(a + off) op= b, d the old value  imm: the operation; d NONE: not wanted
    set       d = 1 if a cond b|imm else 0       code of the jump without source bit
    call      r0 = function of args              imm: helper number, or symbol: a function or kfunc;
                                                 with a code: r0 = *(r1 + off), = r2 if it is r3
    result    d = r0                             right behind its call
    ret       r0 = args[0]; exit
    jump      to edges[0]
    branch    a cond b|imm: edges[0], edges[1]   code of the jump without source bit
    move      d = args[0]                        made by `resolve`: see `moves`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.compiler.ir.ops import Loc, Slot, Value

NONE = -1
FRAME = 10
VIRTUAL = 16


class Symbol(NamedTuple):
    """What an instruction refers to. `kind` as in `spec.Reloc`: `map`, `value`, `kfunc`, `const`;
    `core`: a `spec.CoreReloc`.
    """

    kind: str
    name: str


class Src(NamedTuple):
    """A value that a call, an edge or a return passes on: base + off, or a constant, or an address.

    `base` NONE: the constant `off`, or `off` bytes into what `symbol` names.
    """

    base: int
    off: int = 0
    symbol: Symbol | None = None


class MEdge:
    """A way into `block`, one source a parameter."""

    __slots__ = ("args", "block")

    def __init__(self, block: MBlock, args: list[Src] | None = None) -> None:
        self.block = block
        self.args: list[Src] = args or []


class MOp:
    """One operation.

    `late`: an operand is read after d is written: b, of `set` a and b, of `atomic` a.

    `names`: the virtual registers that were d, a and b before there were machine registers.
    """

    __slots__ = (
        "a", "args", "b", "code", "d", "edges", "imm", "kind", "late", "loc", "names", "off",
        "symbol",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        loc: Loc,
        *,
        code: int = 0,
        d: int = NONE,
        a: int = NONE,
        b: int = NONE,
        imm: int = 0,
        off: int = 0,
        late: bool = False,
        args: list[Src] | None = None,
        symbol: Symbol | str | None = None,
        edges: list[MEdge] | None = None,
    ) -> None:
        self.kind = kind
        self.loc = loc
        self.code = code
        self.d = d
        self.a = a
        self.b = b
        self.imm = imm
        self.off = off
        self.late = late
        self.args: list[Src] = args or []
        self.symbol = symbol
        self.edges: list[MEdge] = edges or []
        self.names: tuple[int, int, int] = (NONE, NONE, NONE)


class MBlock:
    """Operations; the last one is `ret`, `jump` or `branch`. `params` are virtual registers."""

    __slots__ = ("depth", "first", "index", "ops", "params", "preds")

    def __init__(self) -> None:
        self.ops: list[MOp] = []
        self.params: list[int] = []
        self.preds: list[tuple[MBlock, MEdge]] = []
        self.index = 0  # its place in MFunction.blocks
        self.first = 0  # the number of its first operation
        self.depth = 0  # how many loops it stands in

    @property
    def edges(self) -> list[MEdge]:
        """The ways out."""
        return self.ops[-1].edges


class MFunction:
    """`frame`: bytes of stack below r10 used so far. `remat`: how to make a value anew.

    `values`: the IR value in a virtual register. `slots`: where the IR's stack slots are.
    """

    __slots__ = ("blocks", "frame", "loc", "name", "next", "remat", "slots", "values")

    def __init__(self, name: str, loc: Loc) -> None:
        self.name = name
        self.loc = loc
        self.blocks: list[MBlock] = []
        self.frame = 0
        self.next = VIRTUAL
        self.remat: dict[int, Src] = {}
        self.values: dict[int, Value] = {}
        self.slots: Mapping[Slot, int] = {}

    def new(self) -> int:
        """A new virtual register."""
        self.next += 1
        return self.next - 1


def number(function: MFunction) -> None:
    """Numbers blocks and operations in order, finds predecessors and the depth of loops.

    A jump backwards is taken to close a loop over all blocks between.
    """
    count = 0
    for index, block in enumerate(function.blocks):
        block.index, block.first, block.depth = index, count, 0
        block.preds = []
        count += len(block.ops)
    opened = [0] * (len(function.blocks) + 1)
    for block in function.blocks:
        for edge in block.edges:
            edge.block.preds.append((block, edge))
            if edge.block.index <= block.index:
                opened[edge.block.index] += 1
                opened[block.index + 1] -= 1
    depth = 0
    for block, change in zip(function.blocks, opened, strict=False):
        depth += change
        block.depth = depth
