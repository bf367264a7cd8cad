"""Text in fixed buffers: stored into fields, compared, searched.

In: `Text` known at compile time, buffers in memory, `current.comm`, `read_str`. Out: IR. A buffer
of N bytes holds text up to its first NUL; one that `read_str` had to cut has no NUL at its end: its
last byte is 1 (see `lang.types.chars`). Bytes behind the NUL mean nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend.values import Comm, Num, ReadStr, Ref, Text, describe
from probee.compiler.ir.ops import Operand, Value
from probee.spec.types import CharArray, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.memory import Place
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block

COMM_SIZE = 16
CUT = 1


def is_text(value: TypedValue) -> bool:
    return isinstance(value, (Text, Comm)) or (
        isinstance(value, Ref) and isinstance(value.type, CharArray)
    )


def put(low: Lowering, place: Place, value: TypedValue, node: ast.expr) -> None:
    """Stores text into the buffer at `place`."""
    size = place.type.size
    match value:
        case Text(raw=raw):
            if len(raw) > size - 2:
                raise low.refuse(
                    node, "text-size", f"{len(raw)} bytes of text do not fit chars({size})"
                )
            _store_bytes(low, place.ref.ptr, place.offset, raw + b"\0")
        case Comm():
            if size < COMM_SIZE:
                raise low.refuse(node, "text-size", f"a comm takes 16 bytes, not {size}")
            pointer = _at(low, place.ref.ptr, place.offset)
            low.builder.emit("call", pointer, size, result="none", symbol="get_current_comm")
        case ReadStr():
            assert value.default is not None
            if len(value.default) > size - 2:
                raise low.refuse(node, "text-size", f"the default does not fit chars({size})")
            _read_into(low, place, value)
        case Ref(type=CharArray(size=source_size)):
            if source_size > size or (source_size < size and value.origin != "ctx"):
                raise low.refuse(
                    node,
                    "text-size",
                    f"chars({source_size}) and chars({size}) are not the same buffer size",
                    why="text that fills its buffer would be cut, or lose the mark that it was cut",
                )
            low.builder.emit(
                "copy",
                place.ref.ptr,
                value.ptr,
                size=source_size,
                offset=place.offset,
                offset2=value.offset,
                align=1,
            )
            if source_size < size:
                low.builder.emit(
                    "store", place.ref.ptr, 0, size=1, offset=place.offset + source_size
                )
        case _:
            from probee.compiler.frontend.expressions import refuse_kind

            raise refuse_kind(low, value, "text", node)


def _at(low: Lowering, pointer: Value, offset: int) -> Value:
    return low.builder.emit("add", pointer, offset, result="ptr", size=8) if offset else pointer


def _store_bytes(low: Lowering, pointer: Value, offset: int, raw: bytes) -> None:
    """Constant bytes, by the widest stores that their alignment allows."""
    endian = low.world.target.endian
    while raw:
        size = next(s for s in (8, 4, 2, 1) if s <= len(raw) and offset % s == 0)
        number = int.from_bytes(raw[:size], endian)  # type: ignore[arg-type]
        low.builder.emit("store", pointer, number, size=size, offset=offset)
        offset, raw = offset + size, raw[size:]


def _read_into(low: Lowering, place: Place, value: ReadStr) -> None:
    """Reads text; a failure leaves the default, a text that fills the buffer the mark of a cut."""
    assert isinstance(value.pointer.type, Pointer)
    size = place.type.size
    helper = f"probe_read_{value.pointer.type.space}_str"
    pointer = _at(low, place.ref.ptr, place.offset)
    got = low.builder.emit("call", pointer, size, value.pointer.op, result="int", symbol=helper)
    read, failed, cut, done = low.blocks(4)
    low.branch("slt", got, 0, failed, read)
    low.start(read)
    low.branch("eq", got, size, cut, done)
    low.start(cut)
    low.builder.emit("store", place.ref.ptr, CUT, size=1, offset=place.offset + size - 1)
    low.jump(done)
    low.start(failed)
    assert value.default is not None
    _store_bytes(low, place.ref.ptr, place.offset, value.default + b"\0")
    low.jump(done)
    low.start(done)


def materialise(low: Lowering, value: TypedValue) -> Ref | Text:
    """A buffer in memory for text that has none yet."""
    if isinstance(value, Comm):
        pointer = low.builder.slot(f"comm{low.site()}", COMM_SIZE)
        low.builder.emit("call", pointer, COMM_SIZE, result="none", symbol="get_current_comm")
        return Ref(pointer, 0, CharArray(COMM_SIZE), "stack")
    assert isinstance(value, (Ref, Text))
    if isinstance(value, Ref):
        from probee.compiler.frontend.memory import check_usable

        check_usable(low, value, low.frame.source.definition)
    return value


def equal(
    low: Lowering, node: ast.expr, a: TypedValue, b: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a == b`."""
    left, right = materialise(low, a), materialise(low, b)
    if isinstance(left, Text) and isinstance(right, Text):
        low.jump(then if left.raw == right.raw else other)
    elif isinstance(left, Ref) and isinstance(right, Ref):
        _match(low, left, 0, right, whole=True, then=then, other=other)
    else:
        text, ref = (left, right) if isinstance(left, Text) else (right, left)
        assert isinstance(text, Text) and isinstance(ref, Ref)
        _equal_bytes(low, ref, text.raw + b"\0", then, other)


def startswith(
    low: Lowering, node: ast.expr, a: TypedValue, prefix: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a.startswith(prefix)`."""
    if not is_text(prefix):
        raise low.refuse(node, "type", f"{describe(prefix)} stands where text is needed")
    left, right = materialise(low, a), materialise(low, prefix)
    if isinstance(left, Text):
        if not isinstance(right, Text):
            raise low.not_yet(node, "searching in text known when the program is compiled")
        low.jump(then if left.raw.startswith(right.raw) else other)
    elif isinstance(right, Text):
        _equal_bytes(low, left, right.raw, then, other)
    else:
        _match(low, left, 0, right, whole=False, then=then, other=other)


def contains(
    low: Lowering, node: ast.expr, text: TypedValue, part: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `part in text`: the part is tried at each place, in order."""
    hay, needle = materialise(low, text), materialise(low, part)
    if isinstance(hay, Text):
        if not isinstance(needle, Text):
            raise low.not_yet(node, "searching in text known when the program is compiled")
        low.jump(then if needle.raw in hay.raw else other)
        return
    if isinstance(needle, Text) and not needle.raw:
        low.jump(then)
        return
    head, look, later, again = low.blocks(4)
    place = low.temporary()
    low.builder.write(place, 0)
    low.jump(head)
    low.start(head, sealed=False)
    i = low.builder.read(place)
    low.branch("ult", i, hay.type.size, look, other)
    low.start(look)
    if isinstance(needle, Text):
        _match_text(low, hay, i, needle.raw, then, later)
    else:
        _match(low, hay, i, needle, whole=False, then=then, other=later)
    low.start(later)
    low.branch("eq", _byte(low, hay, i), 0, other, again)
    low.start(again)
    low.builder.write(place, low.builder.emit("add", i, 1, size=8))
    low.jump(head)
    low.builder.seal(head)


def _byte(low: Lowering, ref: Ref, index: Operand, extra: int = 0) -> Value:
    """One byte of a buffer at a run-time index that is below its size."""
    pointer = low.builder.emit("add", ref.ptr, index, result="ptr", size=8)
    return low.builder.emit("load", pointer, size=1, offset=ref.offset + extra)


def _equal_bytes(low: Lowering, ref: Ref, raw: bytes, then: Block, other: Block) -> None:
    """The buffer begins with exactly these bytes."""
    if len(raw) > ref.type.size:
        low.jump(other)
        return
    offset, endian = ref.offset, low.world.target.endian
    while raw:
        size = next(s for s in (8, 4, 2, 1) if s <= len(raw) and offset % s == 0)
        got = low.builder.emit("load", ref.ptr, size=size, offset=offset)
        number = int.from_bytes(raw[:size], endian)  # type: ignore[arg-type]
        offset, raw = offset + size, raw[size:]
        (on,) = low.blocks(1)
        low.branch("eq", got, number, on, other)
        low.start(on)
    low.jump(then)


def _match_text(
    low: Lowering, hay: Ref, start: Operand, raw: bytes, then: Block, other: Block
) -> None:
    """The constant bytes stand at `start`, without running past the buffer."""
    if len(raw) > hay.type.size:
        low.jump(other)
        return
    (inside,) = low.blocks(1)
    low.branch("ule", start, hay.type.size - len(raw), inside, other)
    low.start(inside)
    for i, byte in enumerate(raw):
        (on,) = low.blocks(1)
        low.branch("eq", _byte(low, hay, start, i), byte, on, other)
        low.start(on)
    low.jump(then)


def _match(
    low: Lowering, hay: Ref, start: Operand, needle: Ref, *, whole: bool, then: Block, other: Block
) -> None:
    """The text in `needle` stands at `start` of `hay`; `whole`: and `hay` ends with it."""
    head, look, ended, compare, bounded, again = low.blocks(6)
    index = low.temporary()
    low.builder.write(index, 0)
    low.jump(head)
    low.start(head, sealed=False)
    j = low.builder.read(index)
    low.branch("ult", j, needle.type.size, look, then if not whole else other)
    low.start(look)
    want = _byte(low, needle, j)
    at = low.builder.emit("add", start, j, size=8)
    low.branch("eq", want, 0, ended, compare)
    low.start(ended)
    if whole:
        (more,) = low.blocks(1)
        low.branch("ult", at, hay.type.size, more, other)
        low.start(more)
        low.branch("eq", _byte(low, hay, at), 0, then, other)
    else:
        low.jump(then)
    low.start(compare)
    low.branch("ult", at, hay.type.size, bounded, other)
    low.start(bounded)
    low.branch("eq", _byte(low, hay, at), want, again, other)
    low.start(again)
    low.builder.write(index, low.builder.emit("add", j, 1, size=8))
    low.jump(head)
    low.builder.seal(head)


def read_str(low: Lowering, call: ast.Call) -> ReadStr:
    """`read_str(pointer, default="?")`: kept until it is known where the text goes."""
    if len(call.args) != 1 or any(k.arg != "default" for k in call.keywords):
        raise low.refuse(call, "arguments", "read_str takes a pointer and default=")
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


__all__ = ["Num", "contains", "equal", "is_text", "put", "read_str", "startswith"]
