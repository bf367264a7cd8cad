"""Live queues, stacks and bloom filters.

In: a map's descriptor and the codec of what it holds. Out: `LiveQueue`, `LiveBloomFilter`. Errors
are those of maps.py; a full queue is an answer, not an error.
"""

from __future__ import annotations

from probee.errors import KernelError
from probee.host import bpf
from probee.runtime.maps import LiveMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Generic, TypeVar

    T = TypeVar("T")
else:
    from probee.lang.generics import Generic

    T = None

_E2BIG = 7
_NO_KEY = b""


class LiveQueue(LiveMap, Generic[T]):
    """A queue, whose next value is the oldest, or a stack, whose next one is the newest."""

    def push(self, value: T) -> bool:
        """Puts a value in; False where there is no room."""
        self._guard()
        try:
            bpf.map_update(self._fd, _NO_KEY, self._value.encode(value, f"{self.name} value"))
        except KernelError as error:
            if error.errno != _E2BIG:
                raise
            return False
        return True

    def pop(self) -> T | None:
        """Takes the next value out; None where there is none."""
        self._guard()
        data = bpf.map_pop(self._fd, _NO_KEY, self._value.size)
        return None if data is None else self._decoded(data)

    def peek(self) -> T | None:
        """The next value, which stays where it is; None where there is none."""
        self._guard()
        data = bpf.map_lookup(self._fd, _NO_KEY, self._value.size)
        return None if data is None else self._decoded(data)

    def drain(self) -> Iterator[T]:
        """Takes values out until there is none."""
        while True:
            self._guard()
            data = bpf.map_pop(self._fd, _NO_KEY, self._value.size)
            if data is None:
                return
            yield self._decoded(data)

    def _decoded(self, data: bytes) -> T:
        value: T = self._value.decode(data)
        return value


class LiveBloomFilter(LiveMap, Generic[T]):
    """A bloom filter: a set that forgets nothing, and now and then knows what was never added."""

    def add(self, value: T) -> None:
        """Puts a value in."""
        self._guard()
        bpf.map_update(self._fd, _NO_KEY, self._value.encode(value, f"{self.name} value"))

    def __contains__(self, value: T) -> bool:
        self._guard()
        return bpf.map_contains(self._fd, self._value.encode(value, f"{self.name} value"))
