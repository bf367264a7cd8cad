"""Kernel helpers called by name, and the check of every helper that a program ends up calling.

In: a helper's row in `tables.helpers`, the arguments. Out: a call; diagnostics where the program's
type may not call it or its licence does not let it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, memory, replaced, tables, windows, written
from probee.compiler.frontend.source import at
from probee.compiler.frontend.values import NONE, S64, Context, Num, Ref, Thing, Window, describe
from probee.compiler.passes.effects import FILLING_TEXT
from probee.errors import NotSupportedError
from probee.lang.maps import MapDeclaration
from probee.spec.types import Int
from probee.tables.helpers import by_name

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Loc, Operand
    from probee.errors import Diagnostic
    from probee.tables.helpers import Argument, Helper

# helpers that the language has words of its own for, with rules that a bare call would get round
WORDS = {
    "map_lookup_elem": "m.get(k)",
    "map_update_elem": "m[k] = v",
    "map_delete_elem": "del m[k], or m.pop(k, None)",
    "map_push_elem": "queue.push(v), or bloom.add(v)",
    "map_pop_elem": "queue.pop()",
    "map_peek_elem": "queue.peek(), or `v in bloom`",
    "ringbuf_reserve": "ring.reserve()",
    "ringbuf_submit": "record.submit()",
    "ringbuf_discard": "record.discard()",
    "trace_printk": "print(…)",
    "trace_vprintk": "print(…)",
    "get_stackid": "stacks.kernel() or stacks.user(), with a StackTrace",
    "perf_event_output": "events.output(record), with a PerfEventArray",
    "ringbuf_output": "ring.output(record, size)",
}
PROGRAM_TYPE = {
    "tracepoint": "tracepoint",
    "raw_tracepoint": "raw_tracepoint",
    "tp_btf": "tracing",
}
INTS = {
    f"{letter}{8 * size}": Int(f"{letter}{8 * size}", size, letter == "s")
    for letter in "us"
    for size in (1, 2, 4, 8)
}


def call(low: Lowering, name: str, node: ast.Call) -> TypedValue:
    """`helper(a, b, …)`: numbers as they are, structs and text by address, maps by name."""
    if name in WORDS:
        raise low.refuse(
            node,
            "helper-word",
            f"{name}() is not called by name",
            why="the language has a word for it, with rules that a bare call would get round",
            fix=f"write {WORDS[name]}",
        )
    row = by_name(name)
    if node.keywords or (len(node.args) != len(row.args) and not row.variadic):
        form = ", ".join(row.arg_names)
        raise low.refuse(node, "arguments", f"{name}() takes ({form})")
    values = [low.value(arg) for arg in node.args]
    operands: list[Operand] = []
    for argument, value, expression in zip(row.args, values, node.args, strict=False):
        operands.append(_operand(low, argument, value, expression))
    _check_sizes(low, row, values, node)
    low.place(node)
    result = _result(low, row, operands, node)
    for argument, value, expression in zip(row.args, values, node.args, strict=False):
        if isinstance(value, Ref) and "write" in argument.kind:
            written.settle(low, value, expression)
    return result


def _operand(low: Lowering, argument: Argument, value: TypedValue, node: ast.expr) -> Operand:
    match value:
        case Num(op=op) if not _is_memory(argument.kind):
            return op
        case Ref():
            memory.check_usable(low, value, node)
            if "write" in argument.kind:
                memory.check_writable(low, value, node)
                memory.wrote(low, memory.Place(value, value.offset, value.type))
                replaced.texts_changed(low, value)
            return memory.address(low, value)
        case Window(ref=ref) if "mem" in argument.kind:
            memory.check_usable(low, ref, node)
            if "write" in argument.kind:
                memory.check_writable(low, ref, node)
                windows.wrote(low, value)
            return memory.address(low, ref)
        case Thing(obj=MapDeclaration() as table) if argument.kind == "const_map":
            return tables.map_address(low, low.world.capture.name_of(table))
        case Context(ptr=pointer) if argument.kind.startswith("ctx"):
            return pointer
        case Num(op=0) if argument.kind.endswith("_or_null"):
            return 0
        case _:
            raise expressions.refuse_kind(low, value, f"{argument.type} ({argument.name})", node)


def _check_sizes(low: Lowering, row: Helper, values: list[TypedValue], node: ast.Call) -> None:
    """No more bytes than the object has: the verifier knows only where the stack ends."""
    for i, (argument, value) in enumerate(zip(row.args, values, strict=False)):
        if isinstance(value, Window):
            value = value.ref  # noqa: PLW2901 - what it is a window into is as large as it says
        if not isinstance(value, Ref) or "mem" not in argument.kind:
            continue
        size = values[i + 1] if i + 1 < len(values) else None
        if argument.detail:
            fixed = INTS.get(argument.detail.removeprefix("sizeof(").removesuffix(")"))
            bottom = top = fixed.size if fixed is not None else 0
        elif isinstance(size, Num) and row.args[i + 1].kind.startswith("mem_size"):
            bottom, top = size.bounds
        else:
            continue
        if bottom < 0 or top > value.type.size:
            raise low.refuse(
                node.args[i],
                "arguments",
                f"{row.name}() may go past {describe(value)} of {value.type.size} bytes",
                why=f"it is told that there are up to {top}, and what lies behind is another's",
                fix="give sizeof() of the object, or bound the size: min(n, 16)",
            )


def _is_memory(kind: str) -> bool:
    """Whether the verifier wants an address that it knows, where a number would be refused."""
    return kind not in (
        "scalar", "mem_size", "mem_size_or_zero", "alloc_size", "user_ptr", "kernel_ptr", "any_ptr"
    )  # fmt: skip


def _result(low: Lowering, row: Helper, operands: list[Operand], node: ast.Call) -> TypedValue:
    if row.ret == "void":
        low.builder.emit("call", *operands, result="none", symbol=row.name)
        return NONE
    if row.ret != "int":
        raise low.not_yet(node, f"the result of {row.name}(), {row.ret_type or row.ret}")
    type_ = INTS.get(row.ret_type, S64)
    op = low.builder.emit("call", *operands, result="int", symbol=row.name)
    if type_.size < 8:
        op = low.builder.emit("sext" if type_.signed else "zext", op, size=type_.size)
    if row.name in FILLING_TEXT and isinstance(operands[1], int):
        # no more than it was given room for, as the verifier knows too (do_refine_retval_range)
        return Num(type_, op, type_.low, operands[1])
    return Num(type_, op)


def check_calls(low: Lowering) -> None:
    """Every helper that is called may be, from this type of program, under this licence."""
    program_type = PROGRAM_TYPE[low.program.kind]
    for block in low.function.blocks:
        for op in block.ops:
            if op.kind != "call":
                continue
            try:
                row = by_name(str(op.symbol), program_type)
            except NotSupportedError as error:
                low.report(at(op.loc, "helper-type", error.message, why=error.hint))
                continue
            if row.gpl and not low.world.gpl:
                low.report(_licence(row.name, low.world.license, op.loc))


def _licence(helper: str, license_: str, loc: Loc) -> Diagnostic:
    return at(
        loc,
        "helper-licence",
        f"{helper}() is for GPL-compatible programs, and this one's licence is {license_!r}",
        why="the kernel gives this helper to such programs only",
        fix='say LICENSE = "Dual MIT/GPL" in the module',
    )
