"""`window(buffer, at, size)`: a piece of a buffer that begins where the program says.

In: text in a field, or an array of bytes; a number; a constant. Out: a `Window`, which helpers take
where they want memory. One that would go past the buffer's end traps with an IndexError, unless the
number is bounded: `at & 4095` in a buffer that has room for `size` bytes from there on. The bound
is shown to the verifier as a mask where there is one, for it keeps a mask's result apart from what
was masked: a loop of 64 rounds stays short, where a comparison would have it follow all ways.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import arrays, memory, replaced
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import Num, Ref, Window, describe
from probee.frozen import replace
from probee.spec.types import ArrayOf, CharArray, Int

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand

BYTE = Int("u8", 1, False)


def window(low: Lowering, call: ast.Call) -> Window:
    """The piece, its bounds proved or tested here."""
    if len(call.args) != 3 or call.keywords:
        raise low.refuse(call, "arguments", "the form is window(buffer, at, size)")
    buffer, at, size = (low.value(argument) for argument in call.args)
    ref = _buffer(low, buffer, call.args[0])
    room = ref.type.size
    length = size.op if isinstance(size, Num) and isinstance(size.op, int) else 0
    if not 1 <= length <= room:
        raise low.refuse(
            call.args[2],
            "arguments",
            f"the size of a window into these {room} bytes is a constant from 1 to {room}",
            why="the verifier wants to see that a helper stays inside of the buffer",
            fix="write a number",
        )
    low.place(call)
    memory.check_usable(low, ref, call.args[0])
    place = _inside(low, low.as_number(at, call.args[1]), room - length, call.args[1])
    if isinstance(place, int):
        piece = replace(ref, offset=ref.offset + place, type=ArrayOf(BYTE, length))
    else:
        pointer = low.builder.emit("add", ref.ptr, place, result="ptr", size=8)
        piece = replace(ref, ptr=pointer, type=ArrayOf(BYTE, length), align=1, moved=True)
    return Window(piece, ref)


def _buffer(low: Lowering, buffer: TypedValue, node: ast.expr) -> Ref:
    if isinstance(buffer, Ref):
        if isinstance(buffer.type, CharArray) and not isinstance(node, ast.Name):
            return buffer
        if isinstance(buffer.type, ArrayOf) and buffer.type.element == BYTE:
            return buffer
    raise _no_buffer(low, buffer, node)


def _no_buffer(low: Lowering, buffer: TypedValue, node: ast.expr) -> Refusal:
    text = isinstance(buffer, Ref) and isinstance(buffer.type, CharArray)
    return low.refuse(
        node,
        "type",
        f"a window looks into a text field or an array of u8, not into {describe(buffer)}",
        why="a local names a text, which never changes; a field can be given another" * text,
        fix="name the field: window(e.path, at, size)",
    )


def _inside(low: Lowering, at: Num, last: int, node: ast.expr) -> Operand:
    """`at` from 0 to `last`, shown to the verifier; what is not proved to be that traps."""
    bottom, top = at.bounds
    if isinstance(at.op, int):
        if not 0 <= at.op <= last:
            raise low.refuse(
                node,
                "index-range",
                f"the window would begin at {at.op}, and {last} is the last place where it fits",
                why="Python would raise IndexError",
            )
        return at.op
    if bottom < 0 or top > last:
        trap_if(low, "ugt", at.op, last, "IndexError", node)
    mask = (1 << top.bit_length()) - 1 if bottom >= 0 else last + 1
    if mask <= last:
        return low.builder.emit("and", at.op, mask, size=8)
    return arrays.bounded(low, at.op, last + 1) if bottom >= 0 and top <= last else at.op


def wrote(low: Lowering, piece: Window) -> None:
    """A helper wrote there: a text that is looked into is another one now."""
    memory.wrote(low, memory.Place(piece.ref, piece.ref.offset, piece.ref.type))
    low.clean.discard(piece.whole.site)
    if isinstance(piece.whole.type, CharArray):
        replaced.overwrote(low, piece.whole)
