"""Hashes whose values each CPU has for itself, as declarations.

In: key and value types, sizes. Out: passive objects, as in maps.py. What they are made of at run
time is what Hash and LruHash are made of; type checkers are told of text again for each class.
"""

from __future__ import annotations

from probee.lang.maps import Hash, LruHash
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from probee.lang.types import Chars

    K = TypeVar("K")
    V = TypeVar("V")
else:
    K = V = None


class PerCpuHash(Hash[K, V]):
    """BPF_MAP_TYPE_PERCPU_HASH: as Hash, one copy of each value a CPU.

    A program sees the copy of the CPU that it runs on. An entry exists on all CPUs at once, and is
    zero where nothing was stored yet. User space sees a list a value, one item a possible CPU.
    """

    map_type = uapi.BPF_MAP_TYPE_PERCPU_HASH

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: PerCpuHash[str, str],
            key: Chars,
            value: Chars,
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: PerCpuHash[str, V],
            key: Chars,
            value: type[V],
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: PerCpuHash[K, str],
            key: type[K],
            value: Chars,
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self,
            key: type[K],
            value: type[V],
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        def __init__(
            self, key: Any, value: Any, *, max_entries: int = ..., prealloc: bool = ...
        ) -> None: ...


class LruPerCpuHash(LruHash[K, V]):
    """BPF_MAP_TYPE_LRU_PERCPU_HASH: as LruHash, one copy of each value a CPU (see PerCpuHash)."""

    map_type = uapi.BPF_MAP_TYPE_LRU_PERCPU_HASH

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: LruPerCpuHash[str, str],
            key: Chars,
            value: Chars,
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: LruPerCpuHash[str, V],
            key: Chars,
            value: type[V],
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: LruPerCpuHash[K, str],
            key: type[K],
            value: Chars,
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self,
            key: type[K],
            value: type[V],
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        def __init__(
            self, key: Any, value: Any, *, max_entries: int = ..., common_lru: bool = ...
        ) -> None: ...
