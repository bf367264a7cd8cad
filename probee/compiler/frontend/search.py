"""Text compared and searched.

In: two texts: known at compile time, or in buffers (texts.py says how a buffer holds text). Out: IR
that leaves to one of two blocks. A buffer that was cut has a text like any other: its first N - 2
bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, texts
from probee.compiler.frontend.values import Comm, KernText, ReadStr, Ref, Text, describe
from probee.frozen import Frozen, replace

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand, Value


class Buffer(Frozen):
    """Text in memory. `limit`: its length where no NUL ends it before."""

    ref: Ref
    limit: Operand

    @property
    def size(self) -> int:
        """Bytes of the buffer."""
        return self.ref.type.size


def equal(
    low: Lowering, node: ast.AST, a: TypedValue, b: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a == b`."""
    left, right = materialise(low, a, node), materialise(low, b, node)
    match left, right:
        case Text(), Text():
            low.decide(left.raw == right.raw, then, other)
        case Ref(), Ref():
            _match(low, _buffer(low, left), 0, _buffer(low, right), then, other, whole=True)
        case (Text(raw=raw), Ref() as ref) | (Ref() as ref, Text(raw=raw)):
            _same_text(low, ref, raw, then, other)


def nonempty(
    low: Lowering, value: TypedValue, node: ast.AST, then: Block, other: Block, known: Flow
) -> None:
    """Leaves by the truth of a text; `known` is what holds where it is not empty."""
    found = materialise(low, value, node)
    if isinstance(found, Text):
        low.decide(bool(found.raw), then, other)
    elif found.type.size == 2:  # a cut text has no bytes, and one in its buffer
        (first,) = low.blocks(1)
        low.branch("ne", byte(low, found, 0), 0, first, other)
        low.start(first)
        low.branch("eq", byte(low, found, 0, 1), 0, then, other, then_flow=known)
    else:
        low.branch("ne", byte(low, found, 0), 0, then, other, then_flow=known)


def startswith(
    low: Lowering, node: ast.AST, a: TypedValue, prefix: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a.startswith(prefix)`."""
    if not texts.is_text(prefix):
        raise low.refuse(node, "type", f"{describe(prefix)} stands where text is needed")
    match materialise(low, a, node), materialise(low, prefix, node):
        case Text(raw=raw), Text(raw=start):
            low.decide(raw.startswith(start), then, other)
        case Text(), Ref():
            raise low.not_yet(node, "searching in text known when the program is compiled")
        case Ref() as ref, Text(raw=start):
            _begins(low, ref, start, then, other)
        case Ref() as ref, Ref() as begin:
            _match(low, _buffer(low, ref), 0, _buffer(low, begin), then, other, whole=False)


def contains(
    low: Lowering, node: ast.AST, text: TypedValue, part: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `part in text`: the part is tried at each place, in order."""
    hay, needle = materialise(low, text, node), materialise(low, part, node)
    if isinstance(hay, Text):
        if not isinstance(needle, Text):
            raise low.not_yet(node, "searching in text known when the program is compiled")
        low.decide(needle.raw in hay.raw, then, other)
    elif isinstance(needle, Text):
        if not needle.raw:
            low.decide(True, then, other)
            return
        places = hay.type.size - len(needle.raw)
        _each_place(low, _buffer(low, hay), places, needle.raw, then, other)
    else:
        part_buffer = _buffer(low, needle)
        _each_place(low, _buffer(low, hay), hay.type.size, part_buffer, then, other)


def endswith(
    low: Lowering, node: ast.AST, a: TypedValue, end: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a.endswith(end)`."""
    hay, needle = materialise(low, a, node), materialise(low, end, node)
    if isinstance(hay, Text) and isinstance(needle, Text):
        low.decide(hay.raw.endswith(needle.raw), then, other)
        return
    if isinstance(hay, Text) or not isinstance(needle, Text):
        raise low.not_yet(node, "the end of a text beside anything but a constant")
    raw = needle.raw
    if len(raw) > hay.type.size - 1:
        low.decide(False, then, other)
        return
    size = length(low, hay)
    (long,) = low.blocks(1)
    low.branch("uge", size, len(raw), long, other)
    low.start(long)
    bytes_at(low, hay, low.builder.emit("sub", size, len(raw), size=8), raw, then, other)


def length(low: Lowering, ref: Ref) -> Operand:
    """How many bytes of text a buffer holds."""
    buffer = _buffer(low, ref)
    head, look, again, done = low.blocks(4)
    place = low.temporary()
    low.builder.write(place, 0)
    low.jump(head)
    low.start(head, sealed=False)
    i = low.builder.read(place)
    low.branch("ult", i, buffer.limit, look, done)
    low.start(look)
    low.branch("eq", byte(low, ref, i), 0, done, again)
    low.start(again)
    low.builder.write(place, low.builder.emit("add", i, 1, size=8))
    low.jump(head)
    low.builder.seal(head)
    low.start(done)
    return low.builder.read(place)


def cut(low: Lowering, value: TypedValue, node: ast.AST) -> Operand:
    """1 where a text did not fit its buffer: there is no NUL in it."""
    found = materialise(low, value, node)
    if isinstance(found, Text):
        return 0
    size = found.type.size
    marked, full, yes, no = low.blocks(4)
    low.branch("ne", byte(low, found, 0, size - 1), 0, marked, no)
    low.start(marked)  # the mark means nothing behind a NUL
    low.branch("ne", byte(low, found, 0, size - 2), 0, full, no)
    low.start(full)
    low.branch("eq", length(low, found), size - 2, yes, no)
    return low.either(yes, no)


# ------------------------------------------------------------------------------- text in memory


def materialise(low: Lowering, value: TypedValue, node: ast.AST) -> Ref | Text:
    """A buffer that may be read at any index, for text that has none yet."""
    match value:
        case Comm() | KernText() | ReadStr():
            made = texts.kept(low, value, node)
            assert isinstance(made, Ref)
            return made
        case Ref(origin="ctx"):  # the verifier wants constant offsets into a context
            pointer = low.object_slot("text", value.type.size, low.site())
            buffer = replace(value, ptr=pointer, offset=0, origin="stack", align=8)
            memory.copy(low, memory.Place(buffer, 0, value.type), value)
            return buffer
        case Ref():
            memory.check_usable(low, value, node)
            return value
        case _:
            assert isinstance(value, Text)
            return value


def _buffer(low: Lowering, ref: Ref) -> Buffer:
    """A buffer whose text is to be walked: a last byte that is not NUL means that it was cut."""
    size = ref.type.size
    cut, whole = low.blocks(2)
    low.branch("ne", byte(low, ref, 0, size - 1), 0, cut, whole)
    ends = []
    for block, limit in ((cut, size - 2), (whole, size - 1)):
        low.start(block)
        ends.append(low.end(limit))
    return Buffer(ref, low.join(ends))


def byte(low: Lowering, ref: Ref, index: Operand, extra: int = 0) -> Value:
    """One byte of a buffer at a run-time index that is below its size."""
    pointer = ref.ptr
    if index != 0:
        pointer = low.builder.emit("add", ref.ptr, index, result="ptr", size=8)
    return low.builder.emit("load", pointer, size=1, offset=ref.offset + extra)


# ------------------------------------------------------------------------------- known text


def _same_text(low: Lowering, ref: Ref, raw: bytes, then: Block, other: Block) -> None:
    """The buffer's text is exactly `raw`."""
    size = ref.type.size
    if len(raw) != size - 2:
        _begins_with_bytes(low, ref, raw + b"\0", then, other)
        return
    there, cut = low.blocks(2)
    _begins_with_bytes(low, ref, raw, there, other)
    low.start(there)
    low.branch("eq", byte(low, ref, 0, size - 2), 0, then, cut)
    low.start(cut)
    low.branch("ne", byte(low, ref, 0, size - 1), 0, then, other)


def _begins(low: Lowering, ref: Ref, raw: bytes, then: Block, other: Block) -> None:
    """The buffer's text begins with `raw`."""
    size = ref.type.size
    if len(raw) >= size:  # no text is as long; a cut one's mark is none of it
        low.decide(False, then, other)
        return
    _begins_with_bytes(low, ref, raw + b"\0" if len(raw) == size - 1 else raw, then, other)


def _begins_with_bytes(low: Lowering, ref: Ref, raw: bytes, then: Block, other: Block) -> None:
    """The buffer begins with exactly these bytes, compared by the widest loads there are."""
    if len(raw) > ref.type.size:
        low.decide(False, then, other)
        return
    offset = ref.offset
    while raw:
        most = min(len(raw), ref.align)
        size = next(s for s in (8, 4, 2, 1) if s <= most and offset % s == 0)
        got = low.builder.emit("load", ref.ptr, size=size, offset=offset)
        number = low.world.number(raw[:size])
        offset, raw = offset + size, raw[size:]
        (on,) = low.blocks(1)
        low.branch("eq", got, number, on, other)
        low.start(on)
    low.jump(then)


def bytes_at(
    low: Lowering, ref: Ref, start: Operand, raw: bytes, then: Block, other: Block
) -> None:
    """These bytes stand at `start`, where the text is that long."""
    for i, wanted in enumerate(raw):
        (on,) = low.blocks(1)
        low.branch("eq", byte(low, ref, start, i), wanted, on, other)
        low.start(on)
    low.jump(then)


def _bytes_inside(
    low: Lowering, hay: Buffer, start: Operand, raw: bytes, then: Block, other: Block
) -> None:
    """These bytes stand at `start`, inside the text."""
    (inside,) = low.blocks(1)
    low.branch("ule", low.builder.emit("add", start, len(raw), size=8), hay.limit, inside, other)
    low.start(inside)
    bytes_at(low, hay.ref, start, raw, then, other)


# ---------------------------------------------------------------------------------------- loops


def _each_place(
    low: Lowering, hay: Buffer, places: int, part: bytes | Buffer, then: Block, other: Block
) -> None:
    """Tries `part` at one place after another, until the text ends."""
    head, look, later, again = low.blocks(4)
    place = low.temporary()
    low.builder.write(place, 0)
    low.jump(head)
    low.start(head, sealed=False)
    i = low.builder.read(place)
    low.branch("slt", i, places, look, other)
    low.start(look)
    if isinstance(part, bytes):
        _bytes_inside(low, hay, i, part, then, later)
    else:
        _match(low, hay, i, part, then, later, whole=False)
    low.start(later)
    low.branch("eq", byte(low, hay.ref, i), 0, other, again)
    low.start(again)
    low.builder.write(place, low.builder.emit("add", i, 1, size=8))
    low.jump(head)
    low.builder.seal(head)


def _match(
    low: Lowering,
    hay: Buffer,
    start: Operand,
    needle: Buffer,
    then: Block,
    other: Block,
    *,
    whole: bool,
) -> None:
    """The text in `needle` stands at `start` of `hay`; `whole`: and `hay` ends with it."""
    head, look, ended, compare, bounded, again = low.blocks(6)
    index = low.temporary()
    low.builder.write(index, 0)
    low.jump(head)
    low.start(head, sealed=False)
    j = low.builder.read(index)
    at = low.builder.emit("add", start, j, size=8)
    low.branch("ult", j, needle.limit, look, ended)
    low.start(look)
    want = byte(low, needle.ref, j)
    low.branch("eq", want, 0, ended, compare)
    low.start(ended)
    if whole:
        (more,) = low.blocks(1)
        low.branch("ult", at, hay.limit, more, then)
        low.start(more)
        low.branch("eq", byte(low, hay.ref, at), 0, then, other)
    else:
        low.jump(then)
    low.start(compare)
    low.branch("ult", at, hay.limit, bounded, other)
    low.start(bounded)
    low.branch("eq", byte(low, hay.ref, at), want, again, other)
    low.start(again)
    low.builder.write(index, low.builder.emit("add", j, 1, size=8))
    low.jump(head)
    low.builder.seal(head)
