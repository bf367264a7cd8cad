"""Which way to list objects: by their ids, or through an iterator where that is forbidden.

In: a kind of objects, what makes a row of one, and the name of the other way. Out: the rows of the
one that works.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError, ProbeeError
from probee.host.bpf import ids, open_by_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    Row = TypeVar("Row")

_EPERM = 1


def each(kind: str, row: Callable[[int], Row]) -> Iterator[Row]:
    """The `row` of each object of a kind (PROG, MAP, LINK, BTF), made from a descriptor of it.

    In the order of their ids. One that goes away meanwhile is left out.
    """
    for id in ids(kind):
        fd = open_by_id(kind, id)
        if fd is None:
            continue
        try:
            yield row(fd)
        finally:
            close(fd)


def first_of(rows: Iterator[Row], iterated: str) -> Iterator[Row]:
    """`rows` by id; where the first id is refused, those of function `iterated` of iterated.py.

    Where neither is allowed, the error is the one about ids: it names CAP_SYS_ADMIN.
    """
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
