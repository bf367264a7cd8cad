"""The intermediate representation: SSA over 64-bit values, in basic blocks with parameters.

In: what the front end builds. Out: what the passes rewrite and the code generator reads.

Every value is 64 bits, an `int` or a `ptr`. A language value of a narrower type is always held
normalised: zero-extended if unsigned, sign-extended if signed; the front end states that with
explicit `zext` and `sext`, and passes remove what is provably redundant. A block's parameters take
the place of phis: an edge carries one operand for each.

`OPS` is the table of legal operations: the verifier, the printer and the passes all read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from probee.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable


class Loc(Frozen):
    """A place in the user's source: `line` from 1, `text` the source line.

    `column` and `end` count bytes from 0, as `ast` does; an `end` of -1 is the line's.
    """

    file: str
    line: int
    column: int
    text: str = ""
    end: int = -1


NOWHERE = Loc("", 0, 0)


class Value:
    """What an operation or a block parameter defines. `kind` is `int` or `ptr`."""

    __slots__ = ("hint", "id", "kind")

    def __init__(self, id_: int, kind: str, hint: str = "") -> None:
        self.id = id_
        self.kind = kind
        self.hint = hint

    def __repr__(self) -> str:
        return f"%{self.id}"


Operand: TypeAlias = Value | int


class Slot:
    """`size` bytes of the stack frame, aligned to `align`; contents undefined until stored."""

    __slots__ = ("align", "name", "size")

    def __init__(self, name: str, size: int, align: int) -> None:
        self.name = name
        self.size = size
        self.align = align

    def __repr__(self) -> str:
        return f"${self.name}"


class OpRow(Frozen):
    """One kind of operation.

    `args`: how many operands (-1: any number up to five). `result`: `int`, `ptr`, `either` or
    `none`. `pure`: same operands, same result, no effect: may be merged, moved, dropped.
    `sizes`: what `Op.size` may be. `terminator`: ends a block, with that many `edges`.
    """

    kind: str
    args: int
    result: str
    pure: bool = False
    sizes: tuple[int, ...] = (0,)
    edges: int = 0
    terminator: bool = False
    commutative: bool = False


ARITH = (8, 4)  # 4: computed on the low 32 bits, result zero-extended, as the 32-bit ALU does
MEMORY = (1, 2, 4, 8)
CONDITIONS = ("eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge", "set")

_ROWS = (
    # integer arithmetic; shifts take the amount modulo the width, as the machine does
    OpRow("add", 2, "either", pure=True, sizes=ARITH, commutative=True),  # ptr + int gives ptr
    OpRow("sub", 2, "either", pure=True, sizes=ARITH),
    OpRow("mul", 2, "int", pure=True, sizes=ARITH, commutative=True),
    OpRow("udiv", 2, "int", pure=True, sizes=ARITH),  # by zero gives 0, as the machine does
    OpRow("umod", 2, "int", pure=True, sizes=ARITH),  # by zero gives the dividend
    OpRow("sdiv", 2, "int", pure=True, sizes=ARITH),  # truncating; ISA v4, else expanded
    OpRow("smod", 2, "int", pure=True, sizes=ARITH),
    OpRow("and", 2, "int", pure=True, sizes=ARITH, commutative=True),
    OpRow("or", 2, "int", pure=True, sizes=ARITH, commutative=True),
    OpRow("xor", 2, "int", pure=True, sizes=ARITH, commutative=True),
    OpRow("shl", 2, "int", pure=True, sizes=ARITH),
    OpRow("lshr", 2, "int", pure=True, sizes=ARITH),
    OpRow("ashr", 2, "int", pure=True, sizes=ARITH),
    OpRow("neg", 1, "int", pure=True, sizes=ARITH),
    OpRow("zext", 1, "int", pure=True, sizes=(1, 2, 4)),  # keep the low `size` bytes
    OpRow("sext", 1, "int", pure=True, sizes=(1, 2, 4)),
    OpRow("bswap", 1, "int", pure=True, sizes=(2, 4, 8)),
    # `symbol` is one of CONDITIONS ("set": a & b is not 0); 1 where it holds, else 0
    OpRow("cmp", 2, "int", pure=True, sizes=ARITH),
    # a Const that the loader writes in: `symbol` its name; `offset` 1 where it is signed
    OpRow("const", 0, "int", pure=True, sizes=MEMORY),
    # addresses
    OpRow("slot", 0, "ptr", pure=True),  # `symbol`: a Slot of this function
    OpRow("mapaddr", 0, "ptr", pure=True),  # `symbol`: the map's name
    OpRow("dataaddr", 0, "ptr", pure=True),  # `symbol`: the section; `offset` into it
    # what follows the kernel's structs, found at load: `symbol` names it in `World.accesses`
    OpRow("core", 0, "int", pure=True, sizes=(4,)),  # a number: an offset, 1 or 0
    OpRow("kaddr", 1, "ptr", pure=True),  # args[0] + the member's offset
    OpRow("kload", 1, "either", sizes=MEMORY),  # of the member of what args[0] is known to be
    OpRow("kcast", 1, "ptr", pure=True),  # the address as one of the struct whose id `symbol` names
    OpRow("same", 1, "either", pure=True),  # an address as a number, or the other way about
    # memory: the address is args[0] + `offset`
    OpRow("load", 1, "either", sizes=MEMORY),  # zero-extended
    OpRow("store", 2, "none", sizes=MEMORY),  # address, value
    # `symbol`: add and or xor, or with the old value fetch_add …, xchg; cmpxchg has a third
    # operand: what must be there for the second to be stored
    OpRow("atomic", -1, "either", sizes=(4, 8)),
    OpRow("zero", 1, "none", sizes=()),  # clear `size` bytes (any number)
    OpRow("copy", 2, "none", sizes=()),  # destination + `offset` from source + `offset2`
    # calls
    OpRow("call", -1, "either"),  # `symbol`: a helper's name without bpf_
    OpRow("callfn", -1, "either"),  # `symbol`: a function of this module
    OpRow("kfunc", -1, "either"),  # `symbol`: a function of the kernel, by its name in BTF
    # ends of blocks
    OpRow("jump", 0, "none", edges=1, terminator=True),
    OpRow("branch", 2, "none", sizes=ARITH, edges=2, terminator=True),  # `symbol`: condition
    OpRow("ret", 1, "none", terminator=True),
)
CALLS = ("call", "callfn", "kfunc")
# This helper copies what a queue holds to where its second argument points, or looks up in a bloom
# filter what stands there. The verifier's prototype knows of the first; Linux 7.3 goes by that and
# takes what stands there for dead before the call. So a third operand says how many bytes are
# looked up: code generation reads them first. The helper itself takes two.
ASKING = "map_peek_elem"
OPS: dict[str, OpRow] = {row.kind: row for row in _ROWS}


class Edge:
    """A way into `block`, with one operand for each of its parameters."""

    __slots__ = ("args", "block")

    def __init__(self, block: Block, args: list[Operand] | None = None) -> None:
        self.block = block
        self.args: list[Operand] = args or []


class Op:
    """One operation; its row in `OPS` says what its attributes mean."""

    __slots__ = (
        "align",
        "args",
        "edges",
        "kind",
        "loc",
        "offset",
        "offset2",
        "result",
        "size",
        "symbol",
    )

    def __init__(
        self,
        kind: str,
        args: list[Operand],
        result: Value | None = None,
        *,
        size: int = 0,
        offset: int = 0,
        offset2: int = 0,
        align: int = 1,
        symbol: object = None,
        edges: list[Edge] | None = None,
        loc: Loc = NOWHERE,
    ) -> None:
        self.kind = kind
        self.args = args
        self.result = result
        self.size = size
        self.offset = offset
        self.offset2 = offset2
        self.align = align
        self.symbol = symbol
        self.edges: list[Edge] = edges or []
        self.loc = loc

    @property
    def row(self) -> OpRow:
        """What the table says of this kind."""
        return OPS[self.kind]


class Block:
    """Operations that run one after another; the last one, and only it, is a terminator."""

    __slots__ = ("id", "ops", "params")

    def __init__(self, id_: int) -> None:
        self.id = id_
        self.params: list[Value] = []
        self.ops: list[Op] = []

    @property
    def end(self) -> Op:
        """The block's terminator."""
        return self.ops[-1]

    @property
    def successors(self) -> list[Block]:
        """The blocks its terminator leads to, in order."""
        return [edge.block for edge in self.ops[-1].edges]

    def __repr__(self) -> str:
        return f"b{self.id}"


class Function:
    """`params` arrive in r1 to r5; `blocks[0]` is the entry and has no parameters.

    `main` functions are programs; others are called with `callfn`. Every function returns an int.
    `names` and `loops` (place, most rounds) are for the words of a refusal: no pass keeps them up.
    `zero` gives the section and the offset of a u64 that is 0 for as long as the program lives; it
    has its place in memory only where that was asked for.
    `known`: what `dominators` found of the graph, and the graph that it found it of.
    """

    __slots__ = (
        "blocks", "known", "loc", "loops", "main", "name", "names", "next_block", "next_value",
        "params", "slots", "zero",
    )  # fmt: skip

    def __init__(self, name: str, *, main: bool = True, loc: Loc = NOWHERE) -> None:
        self.name = name
        self.main = main
        self.loc = loc
        self.params: list[Value] = []
        self.blocks: list[Block] = []
        self.slots: list[Slot] = []
        self.names: dict[Value, str] = {}
        self.loops: list[tuple[Loc, int]] = []
        self.known: tuple[list[object], dict[str, object]] = ([], {})
        self.zero: Callable[[], tuple[str, int]] | None = None
        self.next_value = 0
        self.next_block = 0

    def new_value(self, kind: str, hint: str = "") -> Value:
        """A value of `int` or `ptr` kind that nothing defines yet."""
        value = Value(self.next_value, kind, hint)
        self.next_value += 1
        return value

    def new_block(self) -> Block:
        """A block that is not yet in `blocks`: whoever makes it places it."""
        block = Block(self.next_block)
        self.next_block += 1
        return block

    def new_slot(self, name: str, size: int, align: int) -> Slot:
        """A new piece of the stack frame."""
        slot = Slot(name, size, align)
        self.slots.append(slot)
        return slot


def predecessors(function: Function) -> dict[Block, list[tuple[Block, Edge]]]:
    """Each block's incoming edges with the block they leave, in block order."""
    incoming: dict[Block, list[tuple[Block, Edge]]] = {block: [] for block in function.blocks}
    for block in function.blocks:
        for edge in block.ops[-1].edges:
            incoming[edge.block].append((block, edge))
    return incoming
