"""Live arrays, used from user space as lists of fixed length.

In: a map's descriptor and the codec of its values. Out: `LiveArray`, and `LivePerCpuArray`, whose
elements are lists. An index out of range raises IndexError; the rest is as in maps.py.
"""

from __future__ import annotations

from probee.errors import FormatError, UsageError
from probee.host import bpf
from probee.runtime.maps import LiveMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Generic, TypeVar

    V = TypeVar("V")
else:
    from probee.lang.generics import Generic

    V = None


class LiveArray(LiveMap, Generic[V]):
    """An array map as a list of `max_entries` values, counted from 0, or back from the end."""

    def __len__(self) -> int:
        return self.max_entries

    def __getitem__(self, index: int) -> V:
        self._guard()
        data = bpf.map_lookup(self._fd, self._place(index), self._value.size)
        if data is None:  # no kernel does this: every element of an array exists
            raise FormatError(f"{self.name}[{index}] is not in the kernel's array")
        value: V = self._value.decode(data)
        return value

    def __setitem__(self, index: int, value: V) -> None:
        self._guard()
        data = self._value.encode(value, f"{self.name}[{index}]")
        bpf.map_update(self._fd, self._place(index), data)

    def __iter__(self) -> Iterator[V]:
        for index in range(self.max_entries):
            yield self[index]

    def _place(self, index: int) -> bytes:
        if not isinstance(index, int):
            raise UsageError(f"{self.name}[{index!r}]: the index of an array is an integer")
        place = index + self.max_entries if index < 0 else index
        if not 0 <= place < self.max_entries:
            raise IndexError(f"{self.name}[{index}]: the array has {self.max_entries} elements")
        return self._key.encode(place)


class LivePerCpuArray(LiveArray[list[V]], Generic[V]):
    """A per-CPU array map as a list; each element is a list with one value a possible CPU."""
