"""How many bytes of a buffer its text takes, where the program knows it without looking.

In: what was stored into a buffer. Out: the number as an operand, for `ring.output(record)`, which
sends a record up to the end of its text, and for `len(text.raw)`. A number counts the NUL, or in a
text that was cut the mark: 1 to N of a buffer of N bytes. Of an empty text it may be 0 too.

A number stands in a variable of the builder, and `Flow.lengths` tells on which ways it is right. A
write that may reach the buffer ends that; so does a loop's head, for what holds in one round may
not hold in the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.frozen import replace

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import Ref
    from probee.compiler.ir.ops import Operand, Value

    Key = tuple[str, Value, int, int]


def known(low: Lowering, ref: Ref, offset: int, size: int) -> Operand | None:
    """How many bytes the text takes in the buffer of `size` bytes at `ref.ptr + offset`.

    None where that is not known.
    """
    key = _key(low, ref, offset, size)
    return low.builder.read(key) if key in low.flow.lengths else None


def note(low: Lowering, ref: Ref, offset: int, size: int, count: Operand) -> None:
    """The text of that buffer takes `count` bytes from here on."""
    low.builder.write(variable(low, ref, offset, size), count)
    learn(low, ref, offset, size)


def variable(low: Lowering, ref: Ref, offset: int, size: int) -> Key:
    """The builder's variable for the length of that buffer's text, which several ways write."""
    key = _key(low, ref, offset, size)
    low.builder.declare(key, "int")
    return key


def learn(low: Lowering, ref: Ref, offset: int, size: int) -> None:
    """Every way here has written that variable."""
    key = _key(low, ref, offset, size)
    low.flow = replace(low.flow, lengths=low.flow.lengths | {key})


def forget(low: Lowering, ref: Ref, offset: int, size: int) -> None:
    """`size` bytes at `ref.ptr + offset` are written; where `ref` has moved, any of its object."""
    if low.flow.lengths:
        pointer = low.builder.origin(ref.ptr)
        gone = {key for key in low.flow.lengths if _meets(key, ref, pointer, offset, size)}
        low.flow = replace(low.flow, lengths=low.flow.lengths - gone)


def _key(low: Lowering, ref: Ref, offset: int, size: int) -> Key:
    return ref.site, low.builder.origin(ref.ptr), offset, size


def _meets(key: Key, ref: Ref, pointer: Value, offset: int, size: int) -> bool:
    """Whether the bytes written may be among those of a buffer whose text is known."""
    site, base, begin, room = key
    if site and ref.site and site != ref.site:
        return False
    return pointer is not base or (offset < begin + room and begin < offset + size)
