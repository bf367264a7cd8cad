"""Makes SSA form right again where a value has come to have several definitions. Not a pass.

In: for each such value, what stands for it at the end of which blocks. Out: each use outside of
those blocks reads the definition that reaches it; where several meet, a new parameter does.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value, predecessors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Block, Edge, Function, Operand

    Definitions = dict[Value, dict[Block, Operand]]


def repair(function: Function, definitions: Definitions) -> None:
    """`definitions`: value → block → what it is there. All of the function must be reachable."""
    if definitions:
        _Repair(function, definitions).run()


class _Repair:
    """`waiting`: parameters that were made and are not yet fed."""

    def __init__(self, function: Function, definitions: Definitions) -> None:
        self.function = function
        self.definitions = definitions
        self.incoming: dict[Block, list[tuple[Block, Edge]]] = predecessors(function)
        self.starts: dict[tuple[Value, Block], Operand] = {}
        self.waiting: list[tuple[Value, Block]] = []

    def run(self) -> None:
        for block in self.function.blocks:
            params = frozenset(block.params)
            own = {op.result for op in block.ops}
            for op in block.ops:
                self._fix(op.args, block, params, own)
            for edge in block.ops[-1].edges:
                self._fix(edge.args, block, params, own)
        for value, block in self.waiting:  # it grows on the way; in the order the parameters have
            for pred, edge in self.incoming[block]:
                edge.args.append(self._at_end(value, pred))

    def _fix(
        self,
        args: list[Operand],
        block: Block,
        params: frozenset[Value],
        own: set[Value | None],
    ) -> None:
        for index, arg in enumerate(args):
            if not isinstance(arg, Value) or arg not in self.definitions:
                continue
            if arg not in params and arg not in own:
                args[index] = self._at_start(arg, block)

    def _at_end(self, value: Value, block: Block) -> Operand:
        found = self._defined(value, block)
        return self._at_start(value, block) if found is None else found

    def _defined(self, value: Value, block: Block) -> Operand | None:
        """What `block` makes of `value`; what stands in for it may have several definitions too."""
        found = self.definitions[value].get(block)
        while isinstance(found, Value) and found is not value and found in self.definitions:
            value, found = found, self.definitions[found].get(block)
            if found is None:
                return self._at_start(value, block)
        return found

    def _at_start(self, value: Value, block: Block) -> Operand:
        """What `value` is where `block` begins; a parameter there if ways meet."""
        passed: list[Block] = []
        while True:
            found = self.starts.get((value, block))
            if found is not None:
                break
            passed.append(block)
            incoming = self.incoming[block]
            if len(incoming) != 1:
                found = self.function.new_value(value.kind, value.hint)
                block.params.append(found)
                self.waiting.append((value, block))
                break
            block = incoming[0][0]
            found = self._defined(value, block)
            if found is not None:
                break
        for each in passed:
            self.starts[value, each] = found
        return found
