"""What a map holds, read in pieces of bounded size.

In: a descriptor and the map's row. Out: lists of (key, value) in the map's own order; in place of a
value that cannot be read stands the errno.

Hashes and arrays are read in batches (Linux 5.6), which sees each bucket whole; other maps, and
older kernels, key by key. A per-CPU value is that of all possible CPUs, each padded to 8 bytes.
"""

from __future__ import annotations

from probee.errors import KernelError
from probee.host.bpf import map_get_next_key, map_lookup, map_lookup_batch
from probee.host.cpus import possible
from probee.uapi.bpf import (
    BPF_MAP_TYPE_ARRAY,
    BPF_MAP_TYPE_HASH,
    BPF_MAP_TYPE_LRU_HASH,
    BPF_MAP_TYPE_LRU_PERCPU_HASH,
    BPF_MAP_TYPE_PERCPU_ARRAY,
    BPF_MAP_TYPE_PERCPU_HASH,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.introspect.loaded.maps import Map

    Pairs = list[tuple[bytes, bytes | int]]

_BATCHED = (
    BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_HASH,
    BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY,
)  # fmt: skip
_PIECE = 1 << 18  # bytes of keys and values in one batch
_ENOENT, _ENOSPC = 2, 28
_SINGLE = 256  # elements of a list that were read one by one


def value_bytes(row: Map) -> int:
    """How much user space gets for a value."""
    if not row.per_cpu:
        return row.value_size
    return cpu_step(row) * len(possible())


def cpu_step(row: Map) -> int:
    """Bytes from the value of one CPU to that of the next."""
    return (row.value_size + 7) // 8 * 8


def elements(fd: int, row: Map) -> Iterator[Pairs]:
    """All elements. Raises KernelError where the map has no keys that one can walk."""
    if row.type in _BATCHED:
        try:
            first = _Batches(fd, row)
        except KernelError:
            first = None
        if first is not None:
            yield from first
            return
    yield from _one_by_one(fd, row)


class _Batches:
    """The first batch is read at once, to know whether the kernel can do it."""

    __slots__ = ("_count", "_cursor", "_fd", "_first", "_key", "_value")

    def __init__(self, fd: int, row: Map) -> None:
        self._fd, self._key, self._value = fd, row.key_size, value_bytes(row)
        self._cursor: bytes | None = None
        self._count = min(max(_PIECE // (self._key + self._value), 16), row.max_entries)
        self._first = self._next()

    def _next(self) -> Pairs:
        """The next batch. A bucket that does not fit asks for a larger one."""
        while True:
            try:
                keys, values, count, self._cursor = map_lookup_batch(
                    self._fd, self._key, self._value, self._count, self._cursor
                )
            except KernelError as error:
                if error.errno != _ENOSPC:
                    raise
                self._count *= 2
                continue
            return [
                (keys[k : k + self._key], values[v : v + self._value])
                for k, v in zip(
                    range(0, count * self._key, self._key),
                    range(0, count * self._value, self._value),
                    strict=True,
                )
            ]

    def __iter__(self) -> Iterator[Pairs]:
        yield self._first
        while self._cursor is not None:
            yield self._next()


def _one_by_one(fd: int, row: Map) -> Iterator[Pairs]:
    size = value_bytes(row)
    pairs: Pairs = []
    key = map_get_next_key(fd, None, row.key_size)
    while key is not None:
        pairs.append((key, look_up(fd, key, size)))
        if len(pairs) >= _SINGLE:
            yield pairs
            pairs = []
        key = map_get_next_key(fd, key, row.key_size)
    yield pairs


def look_up(fd: int, key: bytes, size: int) -> bytes | int:
    """The value under `key`, or an errno."""
    try:
        value = map_lookup(fd, key, size)
    except KernelError as error:
        return error.errno
    return _ENOENT if value is None else value
