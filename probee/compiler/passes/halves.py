"""32-bit forms, where the upper half of a number is not looked at.

The machine's 32-bit operations clear the upper half by themselves, and its 32-bit comparisons do
not read it. So an extension of what could be computed in 32 bits goes, and one that nothing but
comparisons read goes with all of them:

    %1 = load.8 [%0]                %1 = load.8 [%0]
    %2 = sext.4 %1                  branch.4 slt %1, 0 -> b1, b2
    branch.8 slt %2, 0 -> b1, b2    b1:
    b1:                               branch.4 eq %1, -2 -> b3, b4
      branch.8 eq %2, -2 -> b3, b4  b2:
    b2:                               %4 = add.4 %1, 7
      %3 = add.8 %1, 7
      %4 = zext.4 %3

An extension that is used in another way stays whole: the kernel's verifier must see the very value
compared that is used.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.algebra import low_part
from probee.compiler.passes.arithmetic import signed
from probee.compiler.passes.rewriter import Rewriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand
    from probee.compiler.passes.rewriter import Rule

# operations whose low 32 bits depend on the low 32 bits of their operands only
LOW_HALF = ("add", "sub", "mul", "and", "or", "xor", "neg", "shl")
EITHER = ("eq", "ne")


def run(function: Function) -> bool:
    """Rewrites operations and comparisons; says whether there were any."""
    extended = {
        op.result: op
        for block in function.blocks
        for op in block.ops
        if op.kind in ("zext", "sext") and op.size == 4 and op.result is not None
    }
    changed = bool(extended) and _Comparisons(function, extended).run()
    if any(op.size == 4 for block in function.blocks for op in block.ops):
        changed |= Rewriter(function, _RULES).run()
    return changed


class _Comparisons:
    """`extended`: extensions of 32 bits that only comparisons read. `readers`: those."""

    def __init__(self, function: Function, extended: dict[Value, Op]) -> None:
        self.extended = extended
        self.readers: dict[Value, list[Op]] = {value: [] for value in extended}
        for block in function.blocks:
            for op in block.ops:
                compares = op.kind in ("cmp", "branch") and op.size == 8
                for arg in op.args:
                    self._note(arg, op if compares else None)
                for edge in op.edges:
                    for arg in edge.args:
                        self._note(arg, None)

    def _note(self, arg: Operand, reader: Op | None) -> None:
        if isinstance(arg, Value) and arg in self.readers:
            if reader is None:
                del self.readers[arg]
            else:
                self.readers[arg].append(reader)

    def run(self) -> bool:
        """Leaves out what some comparison needs whole, until none is left to be left out."""
        todo = list(self.readers)
        while todo:
            value = todo.pop()
            if value in self.readers and not all(map(self._is_as_good, self.readers[value])):
                for reader in self.readers.pop(value):
                    todo += [arg for arg in reader.args if isinstance(arg, Value)]
        changed = False
        for readers in self.readers.values():
            for op in readers:
                changed = True
                self._shorten(op)
        return changed

    def _is_as_good(self, op: Op) -> bool:
        """Whether the comparison is the same on the lower halves."""
        condition = str(op.symbol)
        kinds = {self.extended[arg].kind for arg in op.args if arg in self.readers}
        values = [arg for arg in op.args if isinstance(arg, Value)]
        if len(kinds) != 1 or condition == "set" or any(v not in self.readers for v in values):
            return False
        with_sign = kinds == {"sext"}
        if condition not in EITHER and with_sign != (condition[0] == "s"):
            return False
        low, high = (-(1 << 31), (1 << 31) - 1) if with_sign else (0, (1 << 32) - 1)
        return all(isinstance(arg, Value) or low <= arg <= high for arg in op.args)

    def _shorten(self, op: Op) -> None:
        if op.size == 8:
            op.size = 4
            op.args = [
                self.extended[arg].args[0] if isinstance(arg, Value) else signed(arg, 4)
                for arg in op.args
            ]


def _zext(rewriter: Rewriter, op: Op) -> Operand | None:
    """The lower half of an operation on 64 bits is that operation on 32."""
    inner = rewriter.made_by(op.args[0], *LOW_HALF)
    if op.size != 4 or inner is None or inner.size != 8 or not rewriter.once(op.args[0]):
        return None
    if inner.result is None or inner.result.kind == "ptr":
        return None
    if inner.kind == "shl" and not (isinstance(inner.args[1], int) and inner.args[1] < 32):
        return None
    op.kind, op.args = inner.kind, list(inner.args)
    return None


def _compare(rewriter: Rewriter, op: Op) -> Operand | None:
    """A comparison of 32 bits does not read what extensions put above them."""
    if op.size == 4:
        op.args = [low_part(rewriter, a, 4) if rewriter.once(a) else a for a in op.args]
        if isinstance(op.args[1], int):
            op.args[1] = signed(op.args[1], 4)
    return None


_RULES: dict[str, Rule] = {"zext": _zext, "cmp": _compare, "branch": _compare}
