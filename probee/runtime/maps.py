"""Live maps with keys, used from user space as dicts.

In: a map's descriptor and the codecs of its keys and values. Out: `LiveHash` and `LiveTrie`. Each
operation is one system call and sees the map as it is at that moment; the kernel's programs go on
writing meanwhile. Nothing is a reference: change a value and store it again. The value of a per-CPU
map is a list with one item a possible CPU.

A missing key raises KeyError, as of dicts; a key or value that does not fit its type raises
UsageError; what the kernel refuses (a full map: E2BIG) KernelError.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import KernelError, UsageError
from probee.host import bpf
from probee.runtime.walk import raw_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Generic, TypeVar, overload

    from probee.runtime.cpus import PerCpuCodec
    from probee.runtime.decode import ValueCodec

    K = TypeVar("K")
    V = TypeVar("V")
    D = TypeVar("D")
else:
    from probee.lang.generics import Generic

    K = V = D = None

_BPF_NOEXIST = 1
_EEXIST, _EINVAL, _ENOTSUPP = 17, 22, 524
_RAISE = object()


class LiveMap:
    """What all live maps have. `max_entries` is the size that the map was created with."""

    def __init__(
        self,
        name: str,
        fd: int,
        key: ValueCodec,
        value: ValueCodec | PerCpuCodec,
        max_entries: int,
        guard: Callable[[], None],
    ) -> None:
        self.name, self.max_entries = name, max_entries
        self._fd, self._key, self._value, self._guard = fd, key, value, guard

    def fileno(self) -> int:
        """The map's descriptor, which the Session owns."""
        self._guard()
        return self._fd


class LiveTable(LiveMap, Generic[K, V]):
    """What all maps with keys of the user's have."""

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
            data = self._data(key)
            return default if data is None else self._value.decode(data)

    def __getitem__(self, key: K) -> V:
        data = self._data(key)
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
        return self._data(key) is not None

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

    def _data(self, key: K) -> bytes | None:
        self._guard()
        return bpf.map_lookup(self._fd, self._encoded(key), self._value.size)

    def _encoded(self, key: K) -> bytes:
        return self._key.encode(key, f"{self.name} key")

    def _raw(self) -> Iterator[tuple[bytes, bytes]]:
        self._guard()
        return raw_items(self._fd, self._key.size, self._value.size, self.max_entries, self._guard)


class LiveHash(LiveTable[K, V], Generic[K, V]):
    """A hash map as a dict. `max_entries` is its bound; an LRU map drops elements by itself."""

    if TYPE_CHECKING:

        @overload
        def pop(self, key: K) -> V: ...
        @overload
        def pop(self, key: K, default: D) -> V | D: ...
        def pop(self, key: K, default: object = None) -> object:
            """The value under `key`, which is taken out; else the default, or KeyError."""

    else:

        def pop(self, key, default=_RAISE):
            """The value under `key`, which is taken out; else the default, or KeyError."""
            self._guard()
            data = self._take(self._encoded(key))
            if data is not None:
                return self._value.decode(data)
            if default is _RAISE:
                raise KeyError(key)
            return default

    def setdefault(self, key: K, value: V) -> V:
        """The value under `key`, which is `value` if there was none."""
        encoded = self._encoded(key)
        data = self._value.encode(value, f"{self.name} value")
        while True:
            self._guard()
            try:
                bpf.map_update(self._fd, encoded, data, _BPF_NOEXIST)
            except KernelError as error:
                if error.errno != _EEXIST:
                    raise
            found = bpf.map_lookup(self._fd, encoded, self._value.size)
            if found is not None:  # a program may have deleted it meanwhile
                there: V = self._value.decode(found)
                return there

    def update(self, other: Mapping[K, V] | Iterable[tuple[K, V]]) -> None:
        """Stores every pair of a dict, or of an iterable of pairs, one after the other."""
        pairs: Iterable[tuple[K, V]] = other.items() if hasattr(other, "items") else other
        for key, value in pairs:
            self[key] = value

    def _take(self, key: bytes) -> bytes | None:
        """In one step (Linux 5.14), or in two, between which a program may write the entry."""
        try:
            return bpf.map_pop(self._fd, key, self._value.size)
        except KernelError as error:
            if error.errno not in {_EINVAL, _ENOTSUPP}:
                raise
        data = bpf.map_lookup(self._fd, key, self._value.size)
        return data if data is not None and bpf.map_delete(self._fd, key) else None


class LiveTrie(LiveTable[K, V], Generic[K, V]):
    """An LPM trie: reading finds the longest prefix that matches the key.

    Storing and deleting mean exactly the prefix that the key says; `items()` tells the prefixes.
    """

    def _encoded(self, key: K) -> bytes:
        data = super()._encoded(key)
        bits, most = int.from_bytes(data[:4], byteorder), 8 * (len(data) - 4)
        if bits > most:
            raise UsageError(f"{self.name} key.prefixlen: {bits} of {most} bits")
        return data
