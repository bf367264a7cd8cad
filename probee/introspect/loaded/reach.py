"""A descriptor of an object by its id, also for those who may not ask the kernel for it.

In: a kind of object and an id. Out: a descriptor. Opening by an id takes CAP_SYS_ADMIN. Without it
a pin of the object is opened, or a process that holds it and may be traced by us lends us its
descriptor; whether there is such an object at all, iterators say.
"""

from __future__ import annotations

import os
from itertools import chain

from probee.errors import KernelError, ProbeeError
from probee.host.bpf import ids, obj_get, open_by_id
from probee.host.info import BTF, LINK, MAP, PROGRAM, Layout, read
from probee.host.syscall import descriptor_of
from probee.introspect.loaded.owners import descriptors
from probee.introspect.loaded.pinned import kind_of, pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

EPERM = 1
_LAYOUTS: dict[str, Layout] = {"PROG": PROGRAM, "MAP": MAP, "LINK": LINK, "BTF": BTF}
# functions of iterated.py
_ITERATED = {"PROG": "programs", "MAP": "maps", "LINK": "links", "BTF": "btfs"}
_HINT = "a pin of it would do (pinned PATH), or CAP_SYS_PTRACE where a process holds it"


def opened(kind: str, id: int) -> int | None:
    """A descriptor of object `id`, None where there is none.

    Raises KernelError where there is one, and every way to it is forbidden.
    """
    try:
        return open_by_id(kind, id)
    except KernelError as error:
        if error.errno != EPERM:
            raise
        found = _lent(kind, id)
        if found is not None:
            return found
        if not _exists(kind, id):
            return None
        hint = f"{error.hint}; or {_HINT}" if error.hint and kind != "BTF" else error.hint
        raise KernelError(error.call, EPERM, cause=error.cause, hint=hint) from None


def _lent(kind: str, id: int) -> int | None:
    for fd in chain(_of_pins(kind, id), _of_processes(kind, id)):
        try:
            same = read(fd, _LAYOUTS[kind])[0]["id"] == id
        except KernelError:
            same = False
        if same:
            return fd
        os.close(fd)
    return None


def _of_pins(kind: str, id: int) -> Iterator[int]:
    """One, if it is pinned; of the kind that was asked for."""
    path = next((path for of, path in pins(kind) if of == id), None)
    if path is None:
        return
    try:
        fd = obj_get(path)
    except KernelError:
        return
    if kind_of(fd) == kind:
        yield fd
    else:
        os.close(fd)


def _of_processes(kind: str, id: int) -> Iterator[int]:
    """One, if a process that we may trace holds it."""
    for pid, number in descriptors(kind, id):
        try:
            process = os.pidfd_open(pid)
        except OSError:  # it ended, or the kernel is older than 5.3
            continue
        fd = descriptor_of(process, number)
        os.close(process)
        if fd >= 0:
            yield fd
            return


def _exists(kind: str, id: int) -> bool:
    """Whether there is such an object; yes where nobody may know."""
    rows = None if kind == "BTF" else iterated(kind)  # of BTF, what programs and maps have
    return rows is None or any(row.id == id for row in rows)


def known(kind: str) -> tuple[list[int], list[Any] | None]:
    """The ids of all objects; for those who may not ask for these the rows of an iterator beside.

    Raises KernelError where that is forbidden too.
    """
    try:
        return list(ids(kind)), None
    except KernelError as error:
        rows = iterated(kind) if error.errno == EPERM else None
        if rows is None:
            raise
        return [row.id for row in rows], rows


def iterated(kind: str) -> list[Any] | None:
    """The rows of an iterator, None where there is none or it is forbidden too."""
    module = __import__("probee.introspect.loaded.iterated", fromlist=[_ITERATED[kind]])
    try:
        return list(getattr(module, _ITERATED[kind])())
    except ProbeeError:
        return None
