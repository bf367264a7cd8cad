"""Text as a map's key or value, and in structs that are keys.

In: text, or a struct that holds some. Out: an address. A hash map compares all bytes of its keys,
so equal texts must be equal bytes: a key is the text and zeroes up to its end. The mark of a cut
text is no part of it, as it is none of `==`: cut or not, texts of the same bytes are one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, replaced, texts
from probee.compiler.frontend.values import Comm, KernText, Num, ReadStr, Ref, Text
from probee.frozen import replace
from probee.spec.types import CharArray, Pointer

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.memory import Place
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Value
    from probee.spec.types import ValueType

KERNEL_TEXT = Pointer("kernel", "char")


def has_text(type_: ValueType) -> bool:
    """Whether text stands anywhere in a type."""
    return any(True for _ in replaced.texts_in(type_, 0))


def text_value(low: Lowering, value: TypedValue, type_: CharArray, node: ast.expr) -> Value:
    """The address of a text to be copied into a map."""
    if isinstance(value, Ref) and value.type == type_:
        memory.check_usable(low, value, node)
        return memory.address(low, value)
    place = _scratch(low, "value", type_)
    texts.put(low, place, value, node)
    return place.ref.ptr


def text_key(low: Lowering, value: TypedValue, type_: CharArray, node: ast.expr) -> Value:
    """The address of a text as a key."""
    place = _scratch(low, "key", type_)
    match value:
        case Text(binary=False) | Comm() | KernText():
            texts.put(low, place, value, node)
        case ReadStr(default=bytes(), size=None):
            _read(low, place, value, node)
        case _:
            found = texts.kept(low, value, node)
            if isinstance(found, Ref) and isinstance(found.type, CharArray):
                memory.check_usable(low, found, node)
                if found.type.size > type_.size:
                    raise texts.other_size(low, node, found.type.size, type_.size)
                _canonical(low, place, found)
            else:
                texts.put(low, place, found, node)  # refuses it
    return place.ref.ptr


def struct_key(low: Lowering, value: Ref) -> Value:
    """The address of a struct as a key; if its texts may have something behind them, of a copy."""
    if value.site in low.clean and low.made_in.get(value.site) == low.loop_numbers:
        return memory.address(low, value)
    place = _scratch(low, "key", value.type, zeroed=False)
    memory.copy(low, place, value)
    for offset, type_ in replaced.texts_in(value.type, 0):
        text = memory.Place(place.ref, offset, type_)
        align = min((offset & -offset) or 8, 8)
        low.builder.emit("zero", place.ref.ptr, size=type_.size, offset=offset, align=align)
        _canonical(low, text, replace(value, offset=value.offset + offset, type=type_))
    return place.ref.ptr


def _scratch(low: Lowering, use: str, type_: ValueType, *, zeroed: bool = True) -> Place:
    pointer = low.scratch_slot(use, type_.size)
    if zeroed:
        low.builder.emit("zero", pointer, size=type_.size, align=8)
    return memory.Place(memory.bare(pointer, "stack"), 0, type_)


def _canonical(low: Lowering, place: Place, text: Ref) -> None:
    """The text of a buffer, without what stands behind its end, over zeroes.

    The kernel's own helper copies it up to its NUL. Of a cut text it takes a byte too many.
    """
    if text.origin == "ctx":  # the verifier wants constant offsets into a context
        copied = texts.buffer(low, "text", text.type.size)
        memory.copy(low, memory.Place(copied, 0, text.type), text)
        text = copied
    size = text.type.size
    source = Num(KERNEL_TEXT, memory.address(low, text))
    narrow = replace(place, type=CharArray(size))
    texts.call_reader(low, narrow, ReadStr(source, None, size))
    last = low.builder.emit("load", text.ptr, size=1, offset=text.offset + size - 1)
    cut, done = low.blocks(2)
    low.branch("ne", last, 0, cut, done)
    low.start(cut)
    _end(low, place, size)
    low.jump(done)
    low.start(done)


def _read(low: Lowering, place: Place, value: ReadStr, node: ast.expr) -> None:
    """Text read from memory, over zeroes."""
    size = place.type.size
    assert value.default is not None
    texts.check_size(low, value.default, size, node)
    got = texts.call_reader(low, place, value)
    other, cut, failed, done = low.blocks(4)
    low.branch("ult", got, size, done, other)
    low.start(other)
    low.branch("eq", got, size, cut, failed)
    low.start(cut)
    _end(low, place, size)
    low.jump(done)
    low.start(failed)
    texts.store_bytes(low, place, value.default + b"\0")
    low.jump(done)
    low.start(done)


def _end(low: Lowering, place: Place, size: int) -> None:
    """A cut text is its first N - 2 bytes; behind them the helper put one more, and a NUL."""
    low.builder.emit("store", place.ref.ptr, 0, size=1, offset=place.offset + size - 2)
