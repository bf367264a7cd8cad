"""Locals and parameters that hold an integer or None: `best: u32 | None = None`.

In: what an annotation says, a value. Out: a local with room for both, the value as it goes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import names, numbers
from probee.compiler.frontend.values import NoneType, Num, OptNum
from probee.frozen import replace

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.spec.types import Int, Pointer


def declare(low: Lowering, name: str, type_: Int | Pointer, node: ast.AST) -> None:
    """The local holds a `type_`, or None."""
    known = low.frame.locals.get(name)
    if known is not None and not (isinstance(known, OptNum) and known.num.type == type_):
        raise names.other_shape(low, name, node)
    low.frame.locals[name] = OptNum(Num(type_, 0), 0)
    low.frame.stated.add(name)


def converted(
    low: Lowering, value: TypedValue, type_: Int | Pointer, node: ast.AST
) -> Num | OptNum | NoneType:
    """`value` as a `type_` or None."""
    match value:
        case NoneType():
            return value
        case OptNum(num=num):
            return replace(value, num=numbers.convert(low, num, type_, node), variable="")
        case _:
            return numbers.convert(low, low.as_number(value, node), type_, node)
