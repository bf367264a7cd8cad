"""Live maps, used from user space as dicts and lists.

In: a map's descriptor and the codecs of its keys and values. Out: `LiveHash` (a dict), `LiveArray`
and `LivePerCpuArray` (lists of fixed length). Each operation is one system call and sees the map as
it is at that moment; the kernel's programs go on writing meanwhile. Nothing is a reference: change
a value and store it again.

A missing key raises KeyError and an index out of range IndexError, as of dicts and lists; a key or
value that does not fit its type raises UsageError; what the kernel refuses (a full map: E2BIG)
KernelError.
"""

from __future__ import annotations

from probee.errors import FormatError, KernelError, UsageError
from probee.host import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Generic, TypeVar, overload

    from probee.runtime.decode import ValueCodec

    K = TypeVar("K")
    V = TypeVar("V")
    D = TypeVar("D")
else:
    from probee.lang.generics import Generic

    K = V = D = None

_EAGAIN, _EINVAL, _ENOSPC = 11, 22, 28
_BATCH = 256
_POSSIBLE = "/sys/devices/system/cpu/possible"


class LiveMap:
    """What all live maps have. `max_entries` is the size that the map was created with."""

    def __init__(
        self,
        name: str,
        fd: int,
        key: ValueCodec,
        value: ValueCodec,
        max_entries: int,
        guard: Callable[[], None],
    ) -> None:
        self.name, self.max_entries = name, max_entries
        self._fd, self._key, self._value, self._guard = fd, key, value, guard

    def fileno(self) -> int:
        """The map's descriptor, which the Session owns."""
        self._guard()
        return self._fd


class LiveHash(LiveMap, Generic[K, V]):
    """A hash map as a dict. `max_entries` is its bound; an LRU map drops elements by itself."""

    if TYPE_CHECKING:

        @overload
        def get(self, key: K) -> V | None: ...
        @overload
        def get(self, key: K, default: D) -> V | D: ...
        def get(self, key: K, default: object = None) -> object:
            """The value under `key`, or the default."""

    else:

        def get(self, key, default=None):
            """The value under `key`, or the default."""
            self._guard()
            data = bpf.map_lookup(self._fd, self._encoded(key), self._value.size)
            return default if data is None else self._value.decode(data)

    def __getitem__(self, key: K) -> V:
        self._guard()
        data = bpf.map_lookup(self._fd, self._encoded(key), self._value.size)
        if data is None:
            raise KeyError(key)
        value: V = self._value.decode(data)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        self._guard()
        data = self._value.encode(value, f"{self.name} value")
        bpf.map_update(self._fd, self._encoded(key), data)

    def __delitem__(self, key: K) -> None:
        self._guard()
        if not bpf.map_delete(self._fd, self._encoded(key)):
            raise KeyError(key)

    def __contains__(self, key: K) -> bool:
        self._guard()
        return bpf.map_lookup(self._fd, self._encoded(key), self._value.size) is not None

    def __len__(self) -> int:
        """Counted by reading all keys: the kernel keeps no number."""
        return sum(1 for _ in self._raw())

    def __iter__(self) -> Iterator[K]:
        for key, _ in self._raw():
            yield self._key.decode(key)

    def keys(self) -> Iterator[K]:
        """The keys, in the map's own order."""
        return iter(self)

    def values(self) -> Iterator[V]:
        """The values, in the order of the keys."""
        for _, value in self._raw():
            yield self._value.decode(value)

    def items(self) -> Iterator[tuple[K, V]]:
        """Pairs of key and value.

        What stays in the map during the iteration comes exactly once; what comes or goes meanwhile
        comes once or not at all. The loop may delete from the map.
        """
        for key, value in self._raw():
            yield self._key.decode(key), self._value.decode(value)

    def clear(self) -> None:
        """Takes out every element that is there when it comes by."""
        for key, _ in self._raw():
            bpf.map_delete(self._fd, key)

    def _encoded(self, key: K) -> bytes:
        return self._key.encode(key, f"{self.name} key")

    def _raw(self) -> Iterator[tuple[bytes, bytes]]:
        self._guard()
        return raw_items(self._fd, self._key.size, self._value.size, self.max_entries, self._guard)


def raw_items(
    fd: int, key_size: int, value_size: int, max_entries: int, guard: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a hash map as bytes, many a system call where the kernel can (5.6)."""
    cursor, count, begun = None, _BATCH, False
    while True:
        try:
            keys, values, got, following = bpf.map_lookup_batch(
                fd, key_size, value_size, count, cursor
            )
        except KernelError as error:
            if error.errno == _ENOSPC:  # one bucket holds more than `count` elements
                count *= 2
                continue
            if error.errno == _EINVAL and not begun:  # a kernel without batches
                break
            raise
        begun = True
        for i in range(got):
            yield (
                keys[i * key_size : (i + 1) * key_size],
                values[i * value_size : (i + 1) * value_size],
            )
            guard()
        if following is None:
            return
        cursor = following
    yield from _items_one_by_one(fd, key_size, value_size, max_entries, guard)


def _items_one_by_one(
    fd: int, key_size: int, value_size: int, max_entries: int, guard: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """The same by BPF_MAP_GET_NEXT_KEY. It starts again from the first key when the one it is given
    is gone, so keys already given are remembered and passed over.
    """
    given: set[bytes] = set()
    restarts = 0
    key = bpf.map_get_next_key(fd, None, key_size)
    while key is not None:
        # The next key first: the loop's body may delete this one.
        following = bpf.map_get_next_key(fd, key, key_size)
        if key not in given:
            given.add(key)
            value = bpf.map_lookup(fd, key, value_size)
            if value is not None:
                yield key, value
                guard()
        elif following in given:
            restarts += 1
            if restarts > 8 * max_entries + 1024:
                raise KernelError(
                    "BPF_MAP_GET_NEXT_KEY",
                    _EAGAIN,
                    cause="elements come and go faster than they can be read",
                )
        key = following


class IndexedMap(LiveMap):
    """What array maps share: `max_entries` places, counted from 0, or back from the end."""

    def __len__(self) -> int:
        return self.max_entries

    def _place(self, index: int) -> bytes:
        if not isinstance(index, int):
            raise UsageError(f"{self.name}[{index!r}]: the index of an array is an integer")
        place = index + self.max_entries if index < 0 else index
        if not 0 <= place < self.max_entries:
            raise IndexError(f"{self.name}[{index}]: the array has {self.max_entries} elements")
        return self._key.encode(place)

    def _lookup(self, index: int, size: int) -> bytes:
        self._guard()
        data = bpf.map_lookup(self._fd, self._place(index), size)
        if data is None:  # no kernel does this: every element of an array exists
            raise FormatError(f"{self.name}[{index}] is not in the kernel's array")
        return data


class LiveArray(IndexedMap, Generic[V]):
    """An array map as a list of `max_entries` values."""

    def __getitem__(self, index: int) -> V:
        value: V = self._value.decode(self._lookup(index, self._value.size))
        return value

    def __setitem__(self, index: int, value: V) -> None:
        self._guard()
        data = self._value.encode(value, f"{self.name}[{index}]")
        bpf.map_update(self._fd, self._place(index), data)

    def __iter__(self) -> Iterator[V]:
        for index in range(self.max_entries):
            yield self[index]


class LivePerCpuArray(IndexedMap, Generic[V]):
    """A per-CPU array map as a list; each element is a list with one value a possible CPU."""

    def __getitem__(self, index: int) -> list[V]:
        slot = self._slot()
        data = self._lookup(index, slot * possible_cpus())
        size = self._value.size
        return [self._value.decode(data[at : at + size]) for at in range(0, len(data), slot)]

    def __setitem__(self, index: int, values: Sequence[V]) -> None:
        self._guard()
        cpus = possible_cpus()
        if not isinstance(values, (list, tuple)) or len(values) != cpus:
            raise UsageError(f"{self.name}[{index}]: a list of {cpus} values is wanted")
        data = b"".join(
            self._value.encode(value, f"{self.name}[{index}][{cpu}]").ljust(self._slot(), b"\0")
            for cpu, value in enumerate(values)
        )
        bpf.map_update(self._fd, self._place(index), data)

    def __iter__(self) -> Iterator[list[V]]:
        for index in range(self.max_entries):
            yield self[index]

    def _slot(self) -> int:
        """Each CPU's copy is rounded up to 8 bytes (array_map_alloc, kernel/bpf/arraymap.c)."""
        return self._value.size + 7 & ~7


def possible_cpus() -> int:
    """How many CPUs this kernel may ever have: per-CPU maps hold a copy for each.

    The file lists ranges, as "0-3,8-11" (Documentation/admin-guide/cputopology.rst).
    """
    try:
        with open(_POSSIBLE, encoding="ascii") as file:
            listing = file.read().strip()
    except OSError as error:
        raise KernelError(
            f"reading {_POSSIBLE}", error.errno or 0, cause="is /sys mounted?"
        ) from None
    return count_cpus(listing)


def count_cpus(listing: str) -> int:
    """The number of CPUs in a listing as "0-3,8-11". FormatError for anything else."""
    count = 0
    for part in listing.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            last = first
        if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
            raise FormatError(f"{listing!r} is no list of CPUs")
        count += int(last) - int(first) + 1
    return count
