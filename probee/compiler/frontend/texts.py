"""Text in fixed buffers: stored into fields, read from memory, given a place of its own.

In: `Text` known at compile time, buffers in memory, `current.comm`, `read_str`. Out: IR. A buffer
of N bytes holds text up to its first NUL; one that `read_str` had to cut has no NUL at all: its
last byte is 1, and its text is the first N - 2 bytes (see `lang.types.chars`). Bytes behind the NUL
mean nothing. Text that a local names never changes: it is a buffer that nothing else writes, or a
record's, whose text is not read by that name once the record was given another (see replaced.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, kernel, lengths, memory
from probee.compiler.frontend.values import (
    Comm,
    KernText,
    OptText,
    ReadStr,
    Ref,
    Text,
    describe,
)
from probee.lang.types import MOST_BYTES
from probee.spec.types import CharArray, Pointer

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.memory import Place
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand, Value

COMM_SIZE = 16
WORDS_AT_MOST = 4  # by which a char array is copied with loads, if the verifier lets it
CUT = 1


def is_text(value: TypedValue) -> bool:
    """Whether it can be compared with text."""
    if isinstance(value, ReadStr):
        return value.default is not None
    return isinstance(value, (Text, Comm, KernText)) or (
        isinstance(value, Ref) and isinstance(value.type, CharArray)
    )


def put(low: Lowering, place: Place, value: TypedValue, node: ast.expr) -> None:
    """Stores text into the buffer at `place`."""
    low.clean.discard(place.ref.site)
    size = place.type.size
    lengths.forget(low, place.ref, place.offset, size)
    match value:
        case Text(raw=raw, binary=False):
            check_size(low, raw, size, node)
            store_bytes(low, place, raw + b"\0")
            lengths.note(low, place.ref, place.offset, size, len(raw) + 1)
        case Comm():
            if size < COMM_SIZE:
                raise _size(low, node, f"a task's name takes 16 bytes, and chars({size}) has less")
            pointer = memory.address_of(low, place)
            low.builder.emit("call", pointer, size, result="none", symbol="get_current_comm")
        case KernText():
            _read_array(low, place, value, node)
        case ReadStr(default=None):
            raise low.refuse(
                node,
                "maybe-none",
                "this text may be None",
                why="read_str() gives None where the address cannot be read",
                fix='give it a default, as in read_str(p, default="?"), or test it for None first',
            )
        case ReadStr(size=said) if said in (None, size):
            _read_into(low, place, value, node)
        case ReadStr():
            _copy(low, place, kept(low, value, node), node)
        case Ref(type=CharArray()):
            _copy(low, place, value, node)
        case _:
            raise expressions.refuse_kind(low, value, "text", node)


def kept(low: Lowering, value: TypedValue, node: ast.AST) -> TypedValue:
    """The value, or text that has no place yet in a buffer of its own on the stack."""
    match value:
        case Comm():
            ref = buffer(low, "comm", COMM_SIZE)
            low.builder.emit("zero", ref.ptr, size=COMM_SIZE, align=8)  # as below: some kernels
            low.builder.emit("call", ref.ptr, COMM_SIZE, result="none", symbol="get_current_comm")
            return ref
        case KernText(size=size):
            ref = buffer(low, "text", size)
            _read_array(low, memory.Place(ref, 0, ref.type), value, node)
            return ref
        case ReadStr(size=None):
            raise _size(
                low,
                node,
                "nothing says how long this text may be",
                why="text in a local has a buffer of its own, on the kernel's stack of 512 bytes",
                fix="write read_str(p, 64), or read it into a field of a record",
            )
        case ReadStr(size=int() as size):
            ref = buffer(low, "text", size)
            # the helper leaves what is behind the NUL as it was
            low.builder.emit("zero", ref.ptr, size=size, align=8)
            present = _read_into(low, memory.Place(ref, 0, ref.type), value, node)
            return ref if value.default is not None else OptText(ref, present)
        case _:
            return value


def buffer(low: Lowering, name: str, size: int) -> Ref:
    """A new buffer on the stack."""
    site = low.site()
    return Ref(low.object_slot(name, size, site), 0, CharArray(size), "stack", site)


def check_size(low: Lowering, raw: bytes, size: int, node: ast.AST) -> None:
    """Refuses constant text that does not fit a buffer of `size` bytes."""
    if len(raw) > size - 2:
        raise _size(low, node, f"{len(raw)} bytes of text do not fit chars({size})")


def _size(low: Lowering, node: ast.AST, message: str, why: str = "", fix: str = "") -> Refusal:
    return low.refuse(
        node,
        "text-size",
        message,
        why=why or "chars(N) holds N - 2 bytes of text, and text is never cut in silence",
        fix=fix or "make the field larger",
    )


def _copy(low: Lowering, place: Place, value: TypedValue, node: ast.AST) -> None:
    assert isinstance(value, Ref)
    memory.check_usable(low, value, node)
    size, given = place.type.size, value.type.size
    if given > size or (given < size and value.origin != "ctx"):
        raise other_size(low, node, given, size)
    memory.copy(low, place, value)
    count = lengths.known(low, value, value.offset, given)
    if given < size:
        low.builder.emit("store", place.ref.ptr, 0, size=1, offset=place.offset + given)
    if count is not None:
        lengths.note(low, place.ref, place.offset, size, count)


def other_size(low: Lowering, node: ast.AST, given: int, size: int) -> Refusal:
    """A text of one buffer size stands where another is needed."""
    return _size(
        low,
        node,
        f"chars({given}) and chars({size}) are not the same buffer size",
        why="text that fills its buffer would be cut, or lose the mark that it was cut",
        fix="give both one size",
    )


def _read_array(low: Lowering, place: Place, value: KernText, node: ast.AST) -> None:
    """A char array of the kernel, all of it; zeroes where it cannot be read."""
    size = place.type.size
    if size < value.size:
        raise _size(low, node, f"{value.name} has {value.size} bytes, and chars({size}) holds less")
    ends = (place.ref.align, place.offset, value.size, 8)
    width = min(end & -end or 8 for end in ends)
    if value.owner.direct and value.size <= WORDS_AT_MOST * width and width >= 4:
        _read_words(low, place, value, width)
    else:
        _read_bytes(low, place, value)
    if size > value.size:
        low.builder.emit("store", place.ref.ptr, 0, size=1, offset=place.offset + value.size)


def _read_words(low: Lowering, place: Place, value: KernText, width: int) -> None:
    """A few loads and stores, where a helper would cost more than they."""
    for at in range(0, value.size, width):
        word = kernel.word(low, value.owner, value.name, value.size, at, width)
        low.builder.emit("store", place.ref.ptr, word, size=width, offset=place.offset + at)


def _read_bytes(low: Lowering, place: Place, value: KernText) -> None:
    source = kernel.address(low, value.owner, value.name, f"chars {value.size}")
    pointer = memory.address_of(low, place)
    low.builder.emit("call", pointer, value.size, source, result="none", symbol="probe_read_kernel")


def store_bytes(low: Lowering, place: Place, raw: bytes) -> None:
    """Constant bytes, by the widest stores that their alignment allows."""
    offset = place.offset
    while raw:
        wide = (s for s in (8, 4, 2, 1) if s <= min(len(raw), place.ref.align) and offset % s == 0)
        size = next(wide)
        number = low.world.number(raw[:size])
        low.builder.emit("store", place.ref.ptr, number, size=size, offset=offset)
        offset, raw = offset + size, raw[size:]


def call_reader(low: Lowering, place: Place, source: ReadStr) -> Value:
    """Reads text to `place`, up to its NUL: gives how many bytes, or an error below 0."""
    assert isinstance(source.pointer.type, Pointer)
    helper = f"probe_read_{source.pointer.type.space}_str"
    pointer = memory.address_of(low, place)
    size = place.type.size
    return low.builder.emit("call", pointer, size, source.pointer.op, result="int", symbol=helper)


def _read_into(low: Lowering, place: Place, value: ReadStr, node: ast.AST) -> Operand:
    """Reads text; a failure leaves the default, a text that fills the buffer the mark of a cut.

    Gives 1, or 0 where it failed.
    """
    size = place.type.size
    if value.default is not None:
        check_size(low, value.default, size, node)
    got = call_reader(low, place, value)
    other, failed, done = low.blocks(3)
    present, count = low.temporary(), lengths.variable(low, place.ref, place.offset, size)
    low.builder.write(present, 1)
    low.builder.write(count, got)
    low.branch("ult", got, size, done, other)  # a failure is negative: the largest of numbers
    low.start(other)
    # behind a failure's default the mark means nothing: there is a NUL before it
    low.builder.emit("store", place.ref.ptr, CUT, size=1, offset=place.offset + size - 1)
    low.builder.write(count, size)
    low.branch("eq", got, size, done, failed)
    low.start(failed)
    if value.default is not None:
        store_bytes(low, place, value.default + b"\0")
    low.builder.write(present, 0)
    low.builder.write(count, len(value.default or b"") + 1)
    low.jump(done)
    low.start(done)
    lengths.learn(low, place.ref, place.offset, size)
    return low.builder.read(present)


def read_str(low: Lowering, call: ast.Call) -> ReadStr:
    """`read_str(pointer, size, default="?")`: kept until it is known where the text goes."""
    pairs = [*(("size", n) for n in call.args[1:]), *((k.arg, k.value) for k in call.keywords)]
    given = dict(pairs)
    if not call.args or len(given) != len(pairs) or set(given) - {"size", "default"}:
        raise low.refuse(call, "arguments", 'the form is read_str(pointer, size, default="?")')
    pointer = low.number(call.args[0])
    if not (isinstance(pointer.type, Pointer) and pointer.type.space in ("user", "kernel")):
        raise low.refuse(
            call.args[0],
            "type",
            f"{describe(pointer)} is no pointer to text",
            why="the address space decides which helper reads it",
            fix="annotate it: `p: UserStr = …` or `p: KernelStr = …`",
        )
    size = _said_size(low, given["size"]) if "size" in given else None
    if "default" not in given:
        return ReadStr(pointer, None, size)
    default = low.value(given["default"])
    if not isinstance(default, Text) or default.binary:
        raise low.not_yet(given["default"], "a default that is not a constant")
    if size is not None:
        check_size(low, default.raw, size, given["default"])
    return ReadStr(pointer, default.raw, size)


def _said_size(low: Lowering, node: ast.expr) -> int:
    """The size of a buffer, as `chars` takes it."""
    number = low.number(node)
    if not isinstance(number.op, int) or not 2 <= number.op <= MOST_BYTES:
        raise low.refuse(
            node,
            "text-size",
            f"the size of a text's buffer is a constant from 2 to {MOST_BYTES}",
            why="the kernel's stack and records are laid out before the program runs",
            fix="write a number, as in read_str(p, 64)",
        )
    return number.op
