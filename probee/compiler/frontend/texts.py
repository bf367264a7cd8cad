"""Text in fixed buffers, stored into fields.

In: `Text` known at compile time, buffers in memory, `current.comm`, `read_str`. Out: IR. A buffer
of N bytes holds text up to its first NUL; one that `read_str` had to cut has no NUL at all: its
last byte is 1, and its text is the first N - 2 bytes (see `lang.types.chars`). Bytes behind the NUL
mean nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, memory
from probee.compiler.frontend.values import Comm, ReadStr, Ref, Text, describe
from probee.spec.types import CharArray, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.memory import Place
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Value

COMM_SIZE = 16
CUT = 1


def is_text(value: TypedValue) -> bool:
    """Whether it can be compared with text."""
    return isinstance(value, (Text, Comm)) or (
        isinstance(value, Ref) and isinstance(value.type, CharArray)
    )


def put(low: Lowering, place: Place, value: TypedValue, node: ast.expr) -> None:
    """Stores text into the buffer at `place`."""
    size = place.type.size
    match value:
        case Text(raw=raw):
            _check_size(low, raw, size, node)
            _store_bytes(low, place.ref.ptr, place.offset, raw + b"\0")
        case Comm():
            if size < COMM_SIZE:
                raise _size(low, node, f"a task's name takes 16 bytes, and chars({size}) has less")
            pointer = _at(low, place.ref.ptr, place.offset)
            low.builder.emit("call", pointer, size, result="none", symbol="get_current_comm")
        case ReadStr(default=default):
            _check_size(low, default, size, node)
            _read_into(low, place, value)
        case Ref(type=CharArray()):
            _copy(low, place, value, node)
        case _:
            raise expressions.refuse_kind(low, value, "text", node)


def _check_size(low: Lowering, raw: bytes, size: int, node: ast.AST) -> None:
    if len(raw) > size - 2:
        raise _size(low, node, f"{len(raw)} bytes of text do not fit chars({size})")


def _size(low: Lowering, node: ast.AST, message: str) -> Refusal:
    return low.refuse(
        node,
        "text-size",
        message,
        why="chars(N) holds N - 2 bytes of text, and text is never cut in silence",
        fix="make the field larger",
    )


def _copy(low: Lowering, place: Place, value: Ref, node: ast.AST) -> None:
    memory.check_usable(low, value, node)
    size, given = place.type.size, value.type.size
    if given > size or (given < size and value.origin != "ctx"):
        raise low.refuse(
            node,
            "text-size",
            f"chars({given}) and chars({size}) are not the same buffer size",
            why="text that fills its buffer would be cut, or lose the mark that it was cut",
            fix="give both fields one size",
        )
    memory.copy(low, place, value)
    if given < size:
        low.builder.emit("store", place.ref.ptr, 0, size=1, offset=place.offset + given)


def settled(low: Lowering, value: TypedValue, later: list[ast.expr], node: ast.AST) -> None:
    """Refuses text of a record that is kept while something runs that might change the record."""
    if not (isinstance(value, Ref) and isinstance(value.type, CharArray)):
        return
    if any(isinstance(n, (ast.Call, ast.NamedExpr)) for e in later for n in ast.walk(e)):
        raise low.not_yet(
            node, "text of a record beside a call", fix="call first, in a statement of its own"
        )


def _at(low: Lowering, pointer: Value, offset: int) -> Value:
    return low.builder.emit("add", pointer, offset, result="ptr", size=8) if offset else pointer


def _store_bytes(low: Lowering, pointer: Value, offset: int, raw: bytes) -> None:
    """Constant bytes, by the widest stores that their alignment allows."""
    while raw:
        size = next(s for s in (8, 4, 2, 1) if s <= len(raw) and offset % s == 0)
        number = low.world.number(raw[:size])
        low.builder.emit("store", pointer, number, size=size, offset=offset)
        offset, raw = offset + size, raw[size:]


def _read_into(low: Lowering, place: Place, value: ReadStr) -> None:
    """Reads text; a failure leaves the default, a text that fills the buffer the mark of a cut."""
    assert isinstance(value.pointer.type, Pointer)
    size = place.type.size
    helper = f"probe_read_{value.pointer.type.space}_str"
    pointer = _at(low, place.ref.ptr, place.offset)
    got = low.builder.emit("call", pointer, size, value.pointer.op, result="int", symbol=helper)
    other, failed, done = low.blocks(3)
    low.branch("ult", got, size, done, other)  # a failure is negative: the largest of numbers
    low.start(other)
    # behind a failure's default the mark means nothing: there is a NUL before it
    low.builder.emit("store", place.ref.ptr, CUT, size=1, offset=place.offset + size - 1)
    low.branch("eq", got, size, done, failed)
    low.start(failed)
    _store_bytes(low, place.ref.ptr, place.offset, value.default + b"\0")
    low.jump(done)
    low.start(done)


def read_str(low: Lowering, call: ast.Call) -> ReadStr:
    """`read_str(pointer, default="?")`: kept until it is known where the text goes."""
    if len(call.args) != 1 or any(k.arg != "default" for k in call.keywords):
        raise low.refuse(call, "arguments", 'the form is read_str(pointer, default="?")')
    pointer = low.number(call.args[0])
    if not (isinstance(pointer.type, Pointer) and pointer.type.space in ("user", "kernel")):
        raise low.refuse(
            call.args[0],
            "type",
            f"{describe(pointer)} is no pointer to text",
            why="the address space decides which helper reads it",
            fix="annotate it: `p: UserStr = …` or `p: KernelStr = …`",
        )
    if not call.keywords:
        raise low.not_yet(call, "read_str without a default", fix='write read_str(p, default="?")')
    default = low.value(call.keywords[0].value)
    if not isinstance(default, Text):
        raise low.not_yet(call.keywords[0].value, "a default that is not a constant")
    return ReadStr(pointer, default.raw)
