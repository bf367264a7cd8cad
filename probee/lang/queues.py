"""Maps without keys: queues, stacks and bloom filters, as declarations.

In: the type of what they hold, sizes. Out: passive objects, as in maps.py.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.generics import Generic
from probee.lang.maps import MapDeclaration, kernel_only
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from probee.lang.types import Chars

    T = TypeVar("T")
else:
    T = None

_MOST_HASHES = 15  # the low four bits of map_extra (bloom_map_alloc, kernel/bpf/bloom_filter.c)


class Queue(MapDeclaration, Generic[T]):
    """BPF_MAP_TYPE_QUEUE: at most `max_entries` values; what came first goes first."""

    map_type = uapi.BPF_MAP_TYPE_QUEUE

    if TYPE_CHECKING:

        @overload
        def __init__(self: Queue[str], value: Chars, *, max_entries: int) -> None: ...
        @overload
        def __init__(self, value: type[T], *, max_entries: int) -> None: ...
        def __init__(self, value: Any, *, max_entries: int) -> None: ...

    else:

        def __init__(self, value: object, *, max_entries: int) -> None:
            super().__init__(None, value, max_entries)

    def push(self, value: T) -> bool:
        """Put a copy in; False where it is full, which is counted."""
        kernel_only("push()")

    def pop(self) -> T | None:
        """Take the next value out; None where there is none."""
        kernel_only("pop()")

    def peek(self) -> T | None:
        """A copy of the next value, which stays; None where there is none."""
        kernel_only("peek()")


class Stack(Queue[T]):
    """BPF_MAP_TYPE_STACK: as a Queue, but what came last goes first."""

    map_type = uapi.BPF_MAP_TYPE_STACK

    if TYPE_CHECKING:

        @overload
        def __init__(self: Stack[str], value: Chars, *, max_entries: int) -> None: ...
        @overload
        def __init__(self, value: type[T], *, max_entries: int) -> None: ...
        def __init__(self, value: Any, *, max_entries: int) -> None: ...


class BloomFilter(MapDeclaration, Generic[T]):
    """BPF_MAP_TYPE_BLOOM_FILTER (Linux 5.16): a set that is small and sometimes wrong.

    `v in b` is true of everything that was added, and now and then of something that was not: the
    rarer, the more of `max_entries` is free. `hashes`: how many bits stand for a value, 1 to 15.
    """

    map_type = uapi.BPF_MAP_TYPE_BLOOM_FILTER

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: BloomFilter[str], value: Chars, *, max_entries: int, hashes: int = ...
        ) -> None: ...
        @overload
        def __init__(self, value: type[T], *, max_entries: int, hashes: int = ...) -> None: ...
        def __init__(self, value: Any, *, max_entries: int, hashes: int = ...) -> None: ...

    else:

        def __init__(self, value: object, *, max_entries: int, hashes: int = 5) -> None:
            if type(hashes) is not int or not 1 <= hashes <= _MOST_HASHES:
                raise UsageError(f"hashes={hashes!r}: a BloomFilter has 1 to {_MOST_HASHES}")
            super().__init__(None, value, max_entries, extra=hashes)

    def add(self, value: T) -> None:
        """Put a value in; it cannot be taken out."""
        kernel_only("add()")

    def __contains__(self, value: T) -> bool:
        kernel_only("v in b")
