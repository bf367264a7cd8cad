"""Calls that cannot run: what was read once is not read again.

In: a function and the arguments of a call that no way leads to. Out: what such a call was worth
before, in this program or another one of the compilation. Code that cannot run is lowered for its
diagnostics alone. A tool whose options are folded into its programs has much of it: the same
functions, called by each program. The types of arguments are compared, not what is known of their
values: where a mistake lies in a value, it is told once the call can run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend.values import Context, NoneType, Num
from probee.compiler.ir.ops import Value

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from types import FunctionType

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


class Call:
    """One call. `worth` and `keep` do nothing where it has to be read in any case."""

    def __init__(self, low: Lowering, function: FunctionType, given: Iterable[TypedValue]) -> None:
        self._world = low.world
        self._asked = low.world.context_reads
        self._key = _key(low, function, given)

    def worth(self) -> TypedValue | None:
        """What such a call was worth, or None where there was none yet."""
        return None if self._key is None else self._world.dead_calls.get(self._key)

    def keep(self, result: TypedValue) -> None:
        """Notes what it was worth, if that is a number or nothing.

        If a field of the context was read, what is right depends on the program's hook.
        """
        number = isinstance(result, Num) and isinstance(result.op, Value)
        same = self._world.context_reads == self._asked
        if self._key is not None and same and (number or isinstance(result, NoneType)):
            self._world.dead_calls[self._key] = result


def _key(
    low: Lowering, function: FunctionType, given: Iterable[TypedValue]
) -> tuple[Hashable, ...] | None:
    """What the call's diagnostics and worth follow from.

    None where it can run, where a record is open, and where an argument is an object, since what
    may be done with one follows from all that was done with it.
    """
    if low.live or low.open_records():
        return None
    shapes: list[Hashable] = [function, low.program.kind]
    for value in given:
        match value:
            case Num(type=type_):
                shapes.append(type_)
            case NoneType():
                shapes.append(None)
            case Context(stated=stated):
                shapes.append(stated)
            case _:
                return None
    return tuple(shapes)
