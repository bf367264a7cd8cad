"""IR as text, for `--dump` and golden files. In: a function. Out: one line an operation.

func f(ctx %0)
b0:
  %1 = call get_current_pid_tgid
  %2 = lshr.8 %1, 32
  branch.8 eq %2, 0 -> b1, b2(%2)
"""

from __future__ import annotations

from probee.compiler.ir.ops import Edge, Function, Op, Slot, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Operand


def print_function(function: Function, *, lines: bool = False) -> str:
    """The whole function; with `lines`, each operation's source line as a comment."""
    params = ", ".join(f"{p.hint or 'arg'} {p!r}" for p in function.params)
    rows = [f"func {function.name}({params})"]
    rows += [f"  {slot!r}: {slot.size} bytes, align {slot.align}" for slot in function.slots]
    for block in function.blocks:
        inside = ", ".join(
            f"{p!r}:{p.kind}" + (f" {p.hint}" if p.hint else "") for p in block.params
        )
        rows.append(f"{block!r}({inside}):" if inside else f"{block!r}:")
        for op in block.ops:
            text = f"  {print_op(op)}"
            rows.append(f"{text:<50}; line {op.loc.line}" if lines and op.loc.line else text)
    return "\n".join(rows) + "\n"


def print_op(op: Op) -> str:
    """One operation, without indentation."""
    name = op.kind + (f".{op.size}" if op.size else "")
    words = [name]
    if op.symbol is not None:
        words.append(repr(op.symbol) if isinstance(op.symbol, Slot) else str(op.symbol))
    operands = [_operand(arg) for arg in op.args]
    if op.kind in ("load", "store", "atomic", "zero", "copy") and operands:
        operands[0] = _address(operands[0], op.offset)
    if op.kind == "copy":
        operands[1] = _address(operands[1], op.offset2)
    if op.kind == "dataaddr":
        words[-1] += f"+{op.offset}"
    head = " ".join(words)
    tail = ", ".join(operands)
    text = f"{head} {tail}" if tail else head
    if op.kind in ("zero", "copy") and op.align != 1:
        text += f", align {op.align}"
    if op.edges:
        text += " -> " + ", ".join(_edge(edge) for edge in op.edges)
    if op.result is None:
        return text
    kind = ":ptr" if op.result.kind == "ptr" else ""
    return f"{op.result!r}{kind} = {text}" + (f" [{op.result.hint}]" if op.result.hint else "")


def _operand(operand: Operand) -> str:
    return repr(operand) if isinstance(operand, Value) else str(operand)


def _address(base: str, offset: int) -> str:
    return f"[{base}{offset:+d}]" if offset else f"[{base}]"


def _edge(edge: Edge) -> str:
    inside = ", ".join(_operand(arg) for arg in edge.args)
    return f"{edge.block!r}({inside})" if inside else repr(edge.block)
