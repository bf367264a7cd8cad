"""Counters, as declarations. In: the type of the keys. Out: passive objects, as in maps.py."""

from __future__ import annotations

from probee.lang.maps import Mapping
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from probee.lang.types import Chars

    K = TypeVar("K")
else:
    K = None


class Counter(Mapping[K, int]):
    """A number for each key, as collections.Counter: a missing key reads 0. The numbers are s64.

    `c[k] += n` and `c[k] -= n` create and add in one atomic step each, so that no event is lost
    between CPUs. `per_cpu=True`: each CPU counts for itself, in less time and more memory, and
    user space sees the sums; a program then reads what its own CPU has counted.
    """

    map_type = uapi.BPF_MAP_TYPE_HASH

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: Counter[str], key: Chars, *, max_entries: int = ..., per_cpu: bool = ...
        ) -> None: ...
        @overload
        def __init__(
            self, key: type[K], *, max_entries: int = ..., per_cpu: bool = ...
        ) -> None: ...
        def __init__(self, key: Any, *, max_entries: int = ..., per_cpu: bool = ...) -> None: ...

    else:

        def __init__(
            self, key: object, *, max_entries: int = 10_240, per_cpu: bool = False
        ) -> None:
            from probee.lang.types import s64

            super().__init__(key, s64, max_entries)
            self.per_cpu = per_cpu
            if per_cpu:
                self.map_type = uapi.BPF_MAP_TYPE_PERCPU_HASH

    def identity(self) -> tuple[object, ...]:
        """All that a compiled program's meaning takes from this declaration."""
        return (*super().identity(), self.map_type)
