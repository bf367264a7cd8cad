"""What a test reads and writes of a simulated program's maps, rings and variables.

In: the maps, their types. Out: `machine["name"]`: a dict-like `HashView`, a list-like `ArrayView`,
rings with `drain()`, queues, variables with `value`. A missing key raises KeyError, an index out of
range IndexError; a value that does not fit raises UsageError, as does a map that is full.
"""

from __future__ import annotations

from os import strerror

from probee.errors import UsageError
from probee.sim.streams import BloomMap, PerfMap, QueueMap, RingMap
from probee.sim.values import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from probee.sim.maps import ArrayMap, SimMap
    from probee.sim.memory import Region
    from probee.sim.world import World
    from probee.spec.programs import VariableSpec


class _View:
    """A map with its types: per-CPU values are lists, one value for each CPU."""

    def __init__(self, map_: SimMap, world: World, *, per_cpu: bool) -> None:
        self._map, self._world, self.per_cpu = map_, world, per_cpu

    def _decoded(self, regions: list[Region]) -> Any:
        values = [decode(self._map.spec.value_type, bytes(region.data)) for region in regions]
        return values if self.per_cpu else values[0]

    def _store(self, key: bytes, value: Any) -> None:
        spec = self._map.spec
        if not self.per_cpu:
            values = [encode(spec.value_type, value, spec.value_size, spec.name)]
        elif isinstance(value, (list, tuple)) and len(value) == self._map.cpus:
            values = [encode(spec.value_type, v, spec.value_size, spec.name) for v in value]
        else:
            raise UsageError(f"{spec.name}: a list of {self._map.cpus} values is wanted")
        for cpu, raw in enumerate(values):
            error = self._map.update(key, raw, 0, cpu if self.per_cpu else 0)
            if error:
                raise UsageError(f"{spec.name}: the map does not take it: {strerror(-error)}")


class HashView(_View):
    """A hash, LRU hash or trie as a dict."""

    def _key(self, key: Any) -> bytes:
        spec = self._map.spec
        return encode(spec.key_type, key, spec.key_size, f"key of {spec.name}")

    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values."""
        key = self._map.spec.key_type
        return [(decode(key, k), self._decoded(regions)) for k, regions in self._map.elements()]

    def keys(self) -> list[Any]:
        """The keys."""
        return [key for key, _ in self.items()]

    def values(self) -> list[Any]:
        """The values."""
        return [value for _, value in self.items()]

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or `default`."""
        wanted = self._key(key)
        for held, regions in self._map.elements():
            if held == wanted:
                return self._decoded(regions)
        return default

    def __getitem__(self, key: Any) -> Any:
        found = self.get(key, _View)
        if found is _View:
            raise KeyError(key)
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        self._store(self._key(key), value)

    def __delitem__(self, key: Any) -> None:
        if self._map.delete(self._key(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return self.get(key, _View) is not _View

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


class ArrayView(_View):
    """An array as a list of fixed length."""

    def _index(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self._map.spec.name} has {len(self)} elements, no {index}")
        return index % len(self)

    def __getitem__(self, index: int) -> Any:
        array: ArrayMap = self._map  # type: ignore[assignment]
        return self._decoded(array.element(self._index(index)))

    def __setitem__(self, index: int, value: Any) -> None:
        self._store(self._index(index).to_bytes(4, "little"), value)

    def __len__(self) -> int:
        return self._map.spec.max_entries

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))


class RingView:
    """A ring buffer, or a perf event array."""

    def __init__(self, ring: RingMap | PerfMap) -> None:
        self._ring = ring

    def drain(self) -> list[Any]:
        """Takes out the records that programs sent, oldest first."""
        type_ = self._ring.spec.value_type
        if isinstance(self._ring, PerfMap):
            return [decode(type_, data) for _, data in self._ring.drain()]
        # a record may have been sent without the end of its last field: that reads as zeroes
        size = type_.size if type_ is not None else 0
        return [decode(type_, data.ljust(size, b"\0")) for data in self._ring.drain()]


class QueueView:
    """A queue or a stack, the value that `pop` gives first; a Bloom filter's values, sorted."""

    def __init__(self, queue: QueueMap | BloomMap) -> None:
        self._queue = queue
        self.unordered = isinstance(queue, BloomMap)
        self.last_first = isinstance(queue, QueueMap) and queue.last

    def values(self) -> list[Any]:
        """What it holds."""
        held = self._queue.values
        ordered = sorted(held) if isinstance(held, set) else held
        if self.last_first:
            ordered = ordered[::-1]
        return [decode(self._queue.spec.value_type, value) for value in ordered]

    def push(self, value: Any) -> None:
        """Puts a value in. UsageError where it is full."""
        spec = self._queue.spec
        error = self._queue.push(encode(spec.value_type, value, spec.value_size, spec.name), 0)
        if error:
            raise UsageError(f"{spec.name}: the map does not take it: {strerror(-error)}")


class VariableView:
    """A Global, or a Const that lies in a data section."""

    def __init__(self, spec: VariableSpec, region: Region) -> None:
        self._spec, self._region = spec, region

    @property
    def value(self) -> Any:
        """What it holds now."""
        at = self._spec.offset
        return decode(self._spec.type, bytes(self._region.data[at : at + self._spec.type.size]))

    @value.setter
    def value(self, value: Any) -> None:
        if not self._region.writable:
            raise UsageError(f"{self._spec.name} is a Const: it is fixed when the machine is made")
        at = self._spec.offset
        raw = encode(self._spec.type, value, 0, self._spec.name)
        self._region.data[at : at + len(raw)] = raw
