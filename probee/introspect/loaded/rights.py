"""Which way to list objects: by their ids, or through an iterator where that is forbidden.

In: the way by id, and the name of the other. Out: the rows of the one that works.
"""

from __future__ import annotations

from probee.errors import KernelError, ProbeeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    Row = TypeVar("Row")

_EPERM = 1


def first_of(by_id: Callable[[], Iterator[Row]], iterated: str) -> Iterator[Row]:
    """Rows by id; where the first id is refused, those of function `iterated` of iterated.py.

    Where neither is allowed, the error is the one about ids: it names CAP_SYS_ADMIN.
    """
    rows = by_id()
    try:
        first = next(rows, None)
    except KernelError as error:
        if error.errno != _EPERM:
            raise
        module = __import__("probee.introspect.loaded.iterated", fromlist=[iterated])
        try:
            found: list[Row] = list(getattr(module, iterated)())
        except ProbeeError:
            raise error from None
        yield from found
        return
    if first is not None:
        yield first
        yield from rows
