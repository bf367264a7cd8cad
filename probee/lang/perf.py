"""Perf event arrays as declarations: records to user space through a buffer for each CPU.

In: a record's `Struct`, a size. Out: a passive `PerfEventArray`, whose `output` kernel programs
call; `session[events]` reads it as it reads a ring buffer.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.generics import Generic
from probee.lang.maps import MapDeclaration, parse_size
from probee.lang.types import Struct
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    R = TypeVar("R", bound=Struct)
else:
    R = None


class PerfEventArray(MapDeclaration, Generic[R]):
    """BPF_MAP_TYPE_PERF_EVENT_ARRAY of records of one struct. `size`: bytes for each CPU, or text.

    For kernels before 5.8, which have no ring buffer, and for those who want a buffer a CPU. A
    power of two from a page on. Records of one CPU come in order, those of several do not.
    """

    map_type = uapi.BPF_MAP_TYPE_PERF_EVENT_ARRAY
    in_bytes = True

    if TYPE_CHECKING:

        def __init__(self, record: type[R], *, size: int | str = ...) -> None: ...

    else:

        def __init__(self, record: type, *, size: int | str = "64K") -> None:
            super().__init__(None, record, parse_size(size))
            if not (isinstance(record, type) and issubclass(record, Struct)):
                raise UsageError("a PerfEventArray holds records of a Struct")

    def output(self, record: R) -> None:
        """Copy a record into this CPU's buffer; a full one is counted."""
        raise UsageError(
            "output() belongs to kernel programs",
            hint="on the user side, session[declaration] gives the records",
        )
