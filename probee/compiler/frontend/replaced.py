"""Objects inside objects that are replaced whole: `p.inner = Inner()`, `e.comm = "x"`, `a[i] = q`.

In: a place that was given another struct, array or text. Out: references to what stood there, in
locals or on the way through an expression, are of no use from here on: Python's would still be to
the old object, whose memory now holds the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend.values import Opt, OptText, Ref
from probee.frozen import replace
from probee.spec.types import ArrayOf, CharArray, StructType

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal, Source
    from probee.compiler.frontend.values import TypedValue
    from probee.spec.types import ValueType


def overwrote(low: Lowering, part: Ref) -> None:
    """A part of an object, which is no number, was given another value."""
    site = part.site
    if not site:
        return
    low.replaced.setdefault(site, []).append(part)
    gone = set(low.flow.replaced)
    for frame in low.frames:
        for name, local in frame.locals.items():
            ref = referred(local)
            if ref is not None and ref.site == site and _meets(part, ref):
                gone.add(frame.key(name))
    low.flow = replace(low.flow, replaced=frozenset(gone))


def texts_changed(low: Lowering, ref: Ref) -> None:
    """A helper may have written any text in this object."""
    low.clean.discard(ref.site)
    for offset, type_ in texts_in(ref.type, ref.offset):
        overwrote(low, replace(ref, offset=offset, type=type_))


def texts_in(type_: ValueType, offset: int) -> Iterator[tuple[int, CharArray]]:
    """Where text stands in a type."""
    match type_:
        case CharArray():
            yield offset, type_
        case ArrayOf(element=element, count=count):
            for i in range(count):
                yield from texts_in(element, offset + i * element.size)
        case StructType(fields=fields):
            for field in fields:
                yield from texts_in(field.type, offset + field.offset)


def check(low: Lowering, ref: Ref, node: ast.AST) -> None:
    """Refuses a reference got before what it refers to was replaced."""
    if was(low, ref):
        raise refusal(low.frame.source, node)


def was(low: Lowering, ref: Ref, until: int | None = None) -> bool:
    """Whether what it refers to was replaced since, by one of the object's first `until` writes."""
    parts = low.replaced.get(ref.site, ())[ref.seen : until]
    return any(_meets(part, ref) for part in parts)


def refreshed(low: Lowering, ref: Ref) -> Ref:
    """A reference that is got here and now."""
    return replace(ref, seen=len(low.replaced.get(ref.site, ())))


def referred(value: TypedValue) -> Ref | None:
    """What a value refers to."""
    if isinstance(value, (Opt, OptText)):
        return value.ref
    return value if isinstance(value, Ref) else None


def _meets(part: Ref, ref: Ref) -> bool:
    """Whether `ref` may be to the part of its object that was replaced, or to something in it."""
    if not (part.moved or ref.moved):
        inside = part.offset <= ref.offset < part.offset + part.type.size
        return inside and holds(part.type, ref.type)
    return holds(part.type, ref.type)


def holds(outer: ValueType, inner: ValueType) -> bool:
    """Whether an object of type `outer` is, or may have in it, one of type `inner`."""
    if outer == inner:
        return True
    match outer:
        case StructType(fields=fields):
            return any(holds(field.type, inner) for field in fields)
        case ArrayOf(element=element):
            return holds(element, inner)
        case _:
            return False


def refusal(source: Source, node: ast.AST) -> Refusal:
    """An object is used that another one has taken the place of."""
    return source.refuse(
        node,
        "stale-reference",
        "what this refers to was replaced since",
        why="in Python it would still be the old object; its memory now holds the new one",
        fix="read what is needed first, or write the new one's path",
    )
