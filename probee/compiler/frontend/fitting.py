"""Locals without annotation: nothing says that they wrap what they are given, so it must fit.

In: what a local was first assigned, and a number for it. Out: a refusal where Python would keep the
number and the local could not hold it. A literal makes a local s64, so that takes u64 as well:
times and counts do not come near the sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend.values import S64, U64, describe, with_article
from probee.spec.types import Int

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import Num


def check(low: Lowering, name: str, known: Num, value: Num, node: ast.AST) -> None:
    """Refuses a number that may not fit a local that began as `known`. A s64 takes any u64."""
    type_, (bottom, top) = known.type, value.bounds
    if not isinstance(type_, Int) or (value.literal and not type_.boolean):
        return
    if (bottom < type_.low or top > type_.high) and (type_, value.type) != (S64, U64):
        raise low.refuse(
            node,
            "local-type",
            f"`{name}` is {with_article(type_.name)} since its first assignment, and"
            f" {value.op if value.literal else 'this ' + describe(value)} may not fit",
            why="a local keeps one type; Python would keep the value, and here it would be cut",
            fix=f"state the type where it begins, as in `{name}: s64 = …`, or convert this",
        )
