"""In large programs the verifier is kept from learning what it does not need.

The verifier walks every way through a program. Where two meet they become one if it knows the same
on both, or at least on the second all that it relied on behind the first. It relies on a number
where a comparison is decided by it: after `x = 1 if a else 2`, `if x == 1` makes two ways for ever,
and each such pair doubles them. Inside a loop whose rounds the kernel counts it compares all
numbers (RANGE_WITHIN in kernel/bpf/verifier.c), relied on or not.

So where there is a danger of that, numbers are compared in a form that it does not know: with a 0
added that is read from memory. Then no comparison is decided by it, and none tells it anything:

    b0:                             b0:
      …                               %8:ptr = dataaddr .data+8
    b1:                               %9 = load.8 [%8]
      branch.8 eq %1, 7 -> b2, b3   …
                                    b1:
                                      %10 = add.8 %1, %9
                                      branch.8 eq %10, 7 -> b2, b3

Where the kernel counts rounds, what block parameters bring is hidden alike. What the verifier must
know is left alone: what bounds an address or a size, or ends a loop that it follows to its end,
whatever these are computed from, and what any of it is compared with.

It costs a move and an addition for each comparison: 15 % more instructions in random programs; no
loss of time was measured. It is done only from `MANY` comparisons that could be hidden on in a
program, or `MANY_IN_LOOP` in one loop: chosen on 1,000 random programs under Linux 6.18. Of 2,843
that the compiler takes the verifier refused 5 as too large before this pass and the costs of loops
that came with it (frontend/costs.py); of some 7,500 since then, one.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges
from probee.compiler.ir.ops import OPS, Op, Value
from probee.compiler.passes.domtree import tree_of
from probee.compiler.passes.watched import addressing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.compiler.ir.ops import Block, Edge, Function, Operand

    Incoming = dict[Block, list[tuple[Block, Edge]]]

MANY, MANY_IN_LOOP = 40, 5
NEXT = "bpf_iter_num_next"


def run(function: Function) -> bool:
    """Hides what is compared, where that is much; says whether it did."""
    if function.zero is None:
        return False
    branches = [block for block in function.blocks if block.end.kind == "branch"]
    if len(branches) < MANY_IN_LOOP:
        return False
    loops = _loops(function)
    if not _many(branches, loops):
        return False
    return _Veil(function, branches, loops).run()


class _Loop:
    """What one edge back to `head` closes. `counted`: by the kernel."""

    __slots__ = ("blocks", "counted", "edge", "head")

    def __init__(self, head: Block, edge: Edge, blocks: set[Block]) -> None:
        self.head, self.edge, self.blocks = head, edge, blocks
        self.counted = False

    def stays(self, edge: Edge) -> bool:
        """Whether `edge`, from one of its blocks, leads on in the round or to the next one."""
        return edge is self.edge or (edge.block in self.blocks and edge.block is not self.head)


class _Veil:
    """`makers`: what each number is computed from. `kept`: those that the verifier must know."""

    def __init__(self, function: Function, branches: list[Block], loops: list[_Loop]) -> None:
        self.function = function
        self.branches = branches
        self.loops = loops
        self.makers = _makers(function)
        self.kept = self._needed()

    def run(self) -> bool:
        hidden = [block for block in self.branches if self._may_hide(block)]
        if not _many(hidden, self.loops):
            return False
        zero = self._zero()
        if any(loop.counted for loop in self.loops):
            self._hide_parameters(zero)
        for block in hidden:
            self._hide_compared(block, zero)
        return True

    # what is hidden

    def _may_hide(self, block: Block) -> bool:
        """Whether the branch at the end of `block` compares a number that is not kept."""
        return any(self._free(arg) for arg in block.end.args)

    def _free(self, operand: Operand) -> bool:
        return isinstance(operand, Value) and operand.kind == "int" and operand not in self.kept

    def _zero(self) -> Value:
        """A 0 of which the verifier does not know that it is one, read where the program begins."""
        function = self.function
        assert function.zero is not None
        section, offset = function.zero()
        address, zero = function.new_value("ptr"), function.new_value("int")
        function.blocks[0].ops[:0] = [
            Op("dataaddr", [], address, symbol=section, offset=offset, loc=function.loc),
            Op("load", [address], zero, size=8, loc=function.loc),
        ]
        return zero

    def _hide_compared(self, block: Block, zero: Value) -> None:
        """Each comparison has a sum of its own: of one that is compared, something is known."""
        end = block.end
        for index, arg in enumerate(end.args):
            if self._free(arg):
                hidden = self.function.new_value("int")
                block.ops.insert(-1, Op("add", [arg, zero], hidden, size=end.size, loc=end.loc))
                end.args[index] = hidden

    def _hide_parameters(self, zero: Value) -> None:
        """Every use of a parameter reads what hides it."""
        mapping: dict[Value, Value] = {}
        heads: list[tuple[Block, list[Op]]] = []
        for block in self.function.blocks:
            found = [param for param in block.params if self._free(param)]
            mapping.update({p: self.function.new_value("int", p.hint) for p in found})
            loc = block.ops[0].loc
            adds = [Op("add", [p, zero], mapping[p], size=8, loc=loc) for p in found]
            heads.append((block, adds))
        for block, adds in heads:
            for op in block.ops:
                op.args = [_mapped(arg, mapping) for arg in op.args]
                for edge in op.edges:
                    edge.args = [_mapped(arg, mapping) for arg in edge.args]
            block.ops[:0] = adds

    # what is not

    def _needed(self) -> set[Value]:
        """Numbers that the verifier must know.

        What bounds others is kept with all that it is compared with: that may be what bounds it. A
        counter is compared with much that has nothing to do with how far it counts.
        """
        kept = self._sources(
            arg for block in self.function.blocks for op in block.ops for arg in addressing(op)
        )
        counters = self._results() | {
            op.result
            for block in self.function.blocks
            for op in block.ops
            if op.kind == "core" and op.result is not None  # it rules out what cannot be loaded
        }
        for loop in self.loops:
            for arg, counts in self._ends(loop):
                (counters if counts else kept).update(self._sources([arg]))
        beside: dict[Value, list[Value]] = {}
        for block in self.branches:
            values = [arg for arg in block.end.args if isinstance(arg, Value)]
            if len(values) > 1:
                beside.setdefault(values[0], []).append(values[1])
                beside.setdefault(values[1], []).append(values[0])
        todo = list(kept)
        while todo:
            more = self._sources(beside.get(todo.pop(), ())) - kept
            kept |= more
            todo += more
        return kept | counters

    def _results(self) -> set[Value]:
        """Parameters that are what the program returns: of some programs the verifier wants 0."""
        ends = [block.end for block in self.function.blocks if block.end.kind == "ret"]
        todo = [arg for end in ends for arg in end.args if isinstance(arg, Value)]
        params = {param for block in self.function.blocks for param in block.params}
        found: set[Value] = set()
        while todo:
            value = todo.pop()
            if value in params and value not in found:
                found.add(value)
                todo += self.makers.get(value, ())
        return found

    def _ends(self, loop: _Loop) -> list[tuple[Value, bool]]:
        """What is compared to end a loop that the verifier follows, and whether that counts.

        Only comparisons with what changes from round to round do: it sees no end in others.
        """
        if loop.counted:
            return []
        moving = set()
        for param, arg in zip(loop.head.params, loop.edge.args, strict=True):
            if isinstance(arg, Value) and arg is not param and param in self._sources([arg]):
                moving.add(param)
        found: list[tuple[Value, bool]] = []
        for block in loop.blocks:
            if block.end.kind != "branch" or all(loop.stays(edge) for edge in block.end.edges):
                continue
            values = [arg for arg in block.end.args if isinstance(arg, Value)]
            counts = [bool(self._sources([value]) & moving) for value in values]
            if any(counts):
                found += zip(values, counts, strict=True)
        return found

    def _sources(self, values: Iterable[Value]) -> set[Value]:
        """Numbers, and all that they are computed from."""
        todo = list(values)
        found: set[Value] = set()
        while todo:
            value = todo.pop()
            if value.kind == "int" and value not in found:
                found.add(value)
                todo += self.makers.get(value, ())
        return found


def _many(branches: list[Block], loops: list[_Loop]) -> bool:
    """Whether these are so many that it is worth it."""
    if len(branches) >= MANY:
        return True
    found = set(branches)
    return any(len(found & loop.blocks) >= MANY_IN_LOOP for loop in loops)


def _loops(function: Function) -> list[_Loop]:
    """One for each edge back: two loops may begin at one block."""
    tree, incoming = tree_of(function), incoming_edges(function)
    loops = [
        _Loop(head, edge, _reaching(source, head, incoming))
        for head in tree.order
        for source, edge in incoming[head]
        if tree.back_edge(source, head)
    ]
    if not loops:
        return loops
    for block in function.blocks:
        if any(op.kind == "kfunc" and op.symbol == NEXT for op in block.ops):
            around = [loop for loop in loops if block in loop.blocks]
            for loop in around:
                loop.counted |= not any(
                    other.head is not loop.head and other.blocks < loop.blocks for other in around
                )
    return loops


def _reaching(block: Block, head: Block, incoming: Incoming) -> set[Block]:
    """The blocks that lead to `block` and not through `head`, and `head`."""
    found, todo = {head}, [block]
    while todo:
        block = todo.pop()
        if block not in found:
            found.add(block)
            todo += [source for source, _ in incoming[block]]
    return found


def _makers(function: Function) -> dict[Value, list[Value]]:
    """What each result of a pure operation is computed from, and what each parameter may be."""
    makers: dict[Value, list[Value]] = {}
    for block in function.blocks:
        for op in block.ops:
            if op.result is not None and OPS[op.kind].pure:
                makers[op.result] = [arg for arg in op.args if isinstance(arg, Value)]
        for edge in block.end.edges:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                if isinstance(arg, Value):
                    makers.setdefault(param, []).append(arg)
    return makers


def _mapped(operand: Operand, mapping: dict[Value, Value]) -> Operand:
    return mapping.get(operand, operand) if isinstance(operand, Value) else operand
