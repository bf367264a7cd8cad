"""Builds IR with variables turned into SSA on the way.

In: a front end that walks statements in order, says where blocks begin, assigns and reads named
variables. Out: a `Function` in which every read is a value. Method: Braun et al., "Simple and
Efficient Construction of Static Single Assignment Form" (2013): a block whose predecessors are not
all known yet is unsealed, and its reads become parameters that are filled when it is sealed.
"""

from __future__ import annotations

from probee.compiler.ir.ops import NOWHERE, OPS, Block, Edge, Function, Loc, Op, Slot, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from probee.compiler.ir.ops import Operand


class Undefined(Exception):
    """`variable` is read at `loc` where, on some path, nothing was assigned to it."""

    def __init__(self, variable: Hashable, loc: Loc) -> None:
        super().__init__(variable)
        self.variable = variable
        self.loc = loc


def fit(operand: Operand) -> Operand:
    """A literal as the IR writes it: 64 bits, signed."""
    if isinstance(operand, int):
        operand &= 0xFFFFFFFFFFFFFFFF
        return operand - (1 << 64) if operand >> 63 else operand
    return operand


class Builder:
    """`at` is the block that grows; None where the code is unreachable: it emits nothing."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.at: Block | None = None
        self.loc: Loc = NOWHERE
        self._defs: dict[Hashable, dict[Block, Operand]] = {}
        self._kinds: dict[Hashable, tuple[str, str]] = {}
        self._preds: dict[Block, list[Edge]] = {}
        self._froms: dict[Edge, Block] = {}
        self._sealed: set[Block] = set()
        self._waiting: dict[Block, list[tuple[Hashable, Value, Loc]]] = {}
        self._joins: dict[Value, tuple[Block, int]] = {}
        entry = self.block()
        function.blocks.append(entry)
        self._sealed.add(entry)
        self.at = entry

    # blocks

    def block(self) -> Block:
        """A new block, placed when it is started."""
        block = self.function.new_block()
        self._preds[block] = []
        return block

    def start(self, block: Block, *, sealed: bool = True) -> None:
        """Places `block` and goes on there; one that nothing leads to is unreachable, and left out.

        `sealed`: no further edge will lead to it. A loop's head is not, until its body is built.
        """
        if not self._preds[block]:
            self.at = None
            return
        self.function.blocks.append(block)
        self.at = block
        if sealed:
            self.seal(block)

    def reached(self, block: Block) -> bool:
        """Whether any edge leads to `block` so far."""
        return bool(self._preds[block])

    def seal(self, block: Block) -> None:
        """Every edge to `block` now exists: fill the parameters that were waiting for them."""
        self._sealed.add(block)
        for variable, _, loc in self._waiting.pop(block, []):
            for edge in self._preds[block]:
                edge.args.append(fit(self._read(variable, self._froms[edge], loc)))

    # variables

    def declare(self, variable: Hashable, kind: str, hint: str = "") -> None:
        """Says that `variable` holds an `int` or a `ptr`; the hint names its values in dumps."""
        self._kinds[variable] = (kind, hint)

    def write(self, variable: Hashable, value: Operand) -> None:
        """Assigns. Unreachable code assigns nothing. A number is read again as it is given here."""
        if self.at is not None:
            self._defs.setdefault(variable, {})[self.at] = value
            hint = self._kinds.get(variable, ("", ""))[1]
            if hint and isinstance(value, Value):
                self.function.names.setdefault(value, hint)

    def assigned(self, variable: Hashable) -> bool:
        """Whether every way here assigns `variable`. Of a loop that is open: the ways into it."""
        if self.at is None:
            return False
        defs = self._defs.get(variable, {})
        todo, seen = [self.at], {self.at}
        while todo:
            block = todo.pop()
            if block in defs:
                continue
            if not self._preds[block]:
                return False
            for edge in self._preds[block]:
                if self._froms[edge] not in seen:
                    seen.add(self._froms[edge])
                    todo.append(self._froms[edge])
        return True

    def read(self, variable: Hashable) -> Operand:
        """The value `variable` has here. Raises Undefined where a path does not assign it."""
        if self.at is None:
            return self.function.new_value(*self._kinds[variable])
        return self._read(variable, self.at, self.loc)

    def _read(self, variable: Hashable, block: Block, loc: Loc) -> Operand:
        """The value at the end of `block`; joins on the way get a parameter and their operands."""
        pending: list[Edge] = []
        value = self._find(variable, block, loc, pending)
        pending.reverse()
        while pending:  # no recursion: a program may have thousands of joins in a row
            edge = pending.pop()
            at = len(pending)
            edge.args.append(fit(self._find(variable, self._froms[edge], loc, pending)))
            pending[at:] = reversed(pending[at:])
        return value

    def _find(self, variable: Hashable, block: Block, loc: Loc, pending: list[Edge]) -> Operand:
        """The same, but for the operands of `pending` edges, which still have to be found."""
        chain: list[Block] = []
        defs = self._defs.setdefault(variable, {})
        while block not in defs:
            if block in self._sealed and len(self._preds[block]) == 1:
                chain.append(block)
                block = self._froms[self._preds[block][0]]
                continue
            defs[block] = self._join(variable, block, loc, pending)
            break
        value = defs[block]
        for passed in chain:
            defs[passed] = value
        return value

    def _join(self, variable: Hashable, block: Block, loc: Loc, pending: list[Edge]) -> Value:
        """A parameter for `variable` at the head of `block`."""
        if block in self._sealed and not self._preds[block]:
            raise Undefined(variable, loc)
        kind, hint = self._kinds[variable]
        param = self.function.new_value(kind, hint)
        self._joins[param] = block, len(block.params)
        block.params.append(param)
        if block in self._sealed:
            pending += self._preds[block]
        else:
            self._waiting.setdefault(block, []).append((variable, param, loc))
        return param

    def origin(self, value: Value) -> Value:
        """`value`, or what it is wherever it comes from: a join of one value is that value.

        Of a loop that is open not all is known: what its head joins is a value of its own.
        """
        found: dict[Value, Value] = {}
        entered: set[Value] = set()
        todo = [value]
        while todo:
            at = todo[-1]
            block, place = self._joins.get(at, (None, 0))
            if at in found or block is None or block not in self._sealed:
                found.setdefault(at, at)
                todo.pop()
                continue
            given = [edge.args[place] for edge in self._preds[block]]
            if at not in entered:
                entered.add(at)
                todo += [v for v in given if isinstance(v, Value) and v not in entered]
                continue
            ends = {found.get(v, v) if isinstance(v, Value) else v for v in given} - {at}
            only = ends.pop() if len(ends) == 1 else at
            found[at] = only if isinstance(only, Value) else at
            todo.pop()
        return found[value]

    # operations

    def emit(
        self,
        kind: str,
        *args: Operand,
        result: str = "",
        size: int = 0,
        offset: int = 0,
        offset2: int = 0,
        align: int = 1,
        symbol: object = None,
        hint: str = "",
    ) -> Value:
        """Appends an operation and gives its result (a value nobody may use, where it has none).

        `result` is needed where the row of `OPS` leaves it open: `int`, `ptr` or `none`.
        """
        row = OPS[kind]
        wanted = result or ("int" if row.result == "either" else row.result)
        value = self.function.new_value("int" if wanted == "none" else wanted, hint)
        if self.at is not None:
            self.at.ops.append(
                Op(
                    kind,
                    [fit(arg) for arg in args],
                    None if wanted == "none" else value,
                    size=size,
                    offset=offset,
                    offset2=offset2,
                    align=align,
                    symbol=symbol,
                    loc=self.loc,
                )
            )
        return value

    def slot(self, name: str, size: int, align: int = 8) -> Value:
        """A new piece of stack and its address."""
        slot: Slot = self.function.new_slot(name, size, align)
        return self.emit("slot", symbol=slot)

    # ends of blocks

    def jump(self, block: Block) -> None:
        """Ends the block: on to `block`."""
        self._end("jump", [], [block])

    def branch(
        self, condition: str, a: Operand, b: Operand, then: Block, other: Block, *, size: int = 8
    ) -> None:
        """Ends the block: to `then` where `a condition b` holds, else to `other`."""
        self._end("branch", [a, b], [then, other], symbol=condition, size=size)

    def ret(self, value: Operand) -> None:
        """Ends the block and the function."""
        self._end("ret", [value], [])

    def _end(
        self,
        kind: str,
        args: Sequence[Operand],
        targets: list[Block],
        *,
        symbol: str | None = None,
        size: int = 0,
    ) -> None:
        if self.at is None:
            return
        edges = [Edge(target) for target in targets]
        for edge in edges:
            self._preds[edge.block].append(edge)
            self._froms[edge] = self.at
        self.at.ops.append(
            Op(
                kind,
                [fit(arg) for arg in args],
                size=size,
                symbol=symbol,
                edges=edges,
                loc=self.loc,
            )
        )
        self.at = None
