"""What a helper wrote into an object: bytes of its own, which the language's types must hold.

In: a reference that was given to a helper to be written. Out: stores behind the call. Gaps between
fields are zeroes again, for keys and records are compared and sent whole; a bool is 0 or 1 again,
as every rule of the compiler takes for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.spec.types import ArrayOf, Int, StructType

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import Ref
    from probee.spec.types import ValueType

_MOST = 256  # places to be put right


def settle(low: Lowering, ref: Ref, node: ast.expr) -> None:
    """Puts gaps and bools right. Refuses where there are too many of them for stores in a row."""
    gaps = list(_gaps(ref.type, ref.offset))
    bools = list(_bools(ref.type, ref.offset))
    if len(gaps) + len(bools) > _MOST:
        raise low.not_yet(
            node,
            "a helper that writes into a struct with so many gaps or bools",
            fix="let it write into a struct whose fields are whole numbers of one width",
        )
    for offset in gaps:
        low.builder.emit("store", ref.ptr, 0, size=1, offset=offset)
    for offset in bools:
        byte = low.builder.emit("load", ref.ptr, size=1, offset=offset)
        truth = low.builder.emit("cmp", byte, 0, symbol="ne", size=8)
        low.builder.emit("store", ref.ptr, truth, size=1, offset=offset)


def _gaps(type_: ValueType, offset: int) -> Iterator[int]:
    """The bytes of a type that belong to no field."""
    match type_:
        case ArrayOf(element=element, count=count):
            for i in range(count):
                yield from _gaps(element, offset + i * element.size)
        case StructType(fields=fields, size=size):
            end = 0
            for field in fields:
                yield from range(offset + end, offset + field.offset)
                yield from _gaps(field.type, offset + field.offset)
                end = field.offset + field.type.size
            yield from range(offset + end, offset + size)


def _bools(type_: ValueType, offset: int) -> Iterator[int]:
    """Where bools stand in a type."""
    match type_:
        case Int(boolean=True):
            yield offset
        case ArrayOf(element=element, count=count):
            for i in range(count):
                yield from _bools(element, offset + i * element.size)
        case StructType(fields=fields):
            for field in fields:
                yield from _bools(field.type, offset + field.offset)
