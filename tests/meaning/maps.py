"""What CPython takes for the maps of a kernel program: dicts, lists, and what is like neither.

In: the declarations' arguments. Out: objects that do what docs/language.md says of each map.
"""

from __future__ import annotations

from typing import Any

from tests.meaning.objects import convert, plain
from tests.meaning.records import shortened
from tests.meaning.widths import Width


class Hash(dict[Any, Any]):
    def __init__(self, key: Any, value: Any, max_entries: int = 10_240, **flags: bool) -> None:
        super().__init__()
        self.types = key, value

    def _key(self, key: Any) -> Any:
        converted = convert(self.types[0], key)
        return int(converted) if isinstance(converted, int) else plain(converted)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self._key(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._key(key), convert(self.types[1], value))

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(self._key(key))

    def __contains__(self, key: Any) -> bool:
        return super().__contains__(self._key(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._key(key), default)

    def pop(self, key: Any, *default: Any) -> Any:
        return super().pop(self._key(key), *default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return super().setdefault(self._key(key), convert(self.types[1], default))


class Array:
    def __init__(self, value: Any, max_entries: int) -> None:
        self.type = value
        self.items = [convert(value, 0) if isinstance(value, Width) else value()
                      for _ in range(max_entries)]  # fmt: skip

    def _index(self, index: int) -> int:
        if not 0 <= index < len(self.items):
            raise IndexError(index)
        return int(index)

    def __getitem__(self, index: int) -> Any:
        return self.items[self._index(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self.items[self._index(index)] = convert(self.type, value)

    def get(self, index: int, default: Any = None) -> Any:
        return self.items[index] if 0 <= index < len(self.items) else default


class Counter(Hash):
    """collections.Counter, of s64."""

    def __init__(self, key: Any, max_entries: int = 10_240, per_cpu: bool = False) -> None:
        super().__init__(key, Width("s64"), max_entries)

    def __missing__(self, key: Any) -> Any:
        return self.types[1](0)

    def __delitem__(self, key: Any) -> None:
        self.pop(key, None)


class LpmTrie(Hash):
    """Reading finds the longest prefix; a key is a struct of prefixlen and one u32 of bytes."""

    def _longest(self, key: Any) -> Any:
        length, data = plain(key)
        bits = f"{int.from_bytes(data.to_bytes(4, 'little'), 'big'):032b}"
        fits = [
            (n, stored) for n, stored in self
            if n <= length
            and f"{int.from_bytes(stored.to_bytes(4, 'little'), 'big'):032b}"[:n] == bits[:n]
        ]  # fmt: skip
        return max(fits, default=None)

    def _exact(self, key: Any) -> Any:
        """Bits behind the prefix do not count."""
        length, data = plain(key)
        bits = int.from_bytes(data.to_bytes(4, "little"), "big") >> (32 - length) << (32 - length)
        return length, int.from_bytes(bits.to_bytes(4, "big"), "little")

    def __getitem__(self, key: Any) -> Any:
        found = self._longest(key)
        if found is None:
            raise KeyError(key)
        return dict.__getitem__(self, found)

    def __setitem__(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, self._exact(key), convert(self.types[1], value))

    def __delitem__(self, key: Any) -> None:
        dict.__delitem__(self, self._exact(key))

    def __contains__(self, key: Any) -> bool:
        return self._longest(key) is not None

    def get(self, key: Any, default: Any = None) -> Any:
        found = self._longest(key)
        return default if found is None else dict.__getitem__(self, found)


class Queue:
    def __init__(self, value: Any, max_entries: int) -> None:
        self.type, self.room = value, max_entries
        self.items: list[Any] = []
        self.refused = 0

    def push(self, value: Any) -> bool:
        if len(self.items) == self.room:
            self.refused += 1
            return False
        self.items.append(convert(self.type, value))
        return True

    def pop(self) -> Any:
        return self.items.pop(self.next) if self.items else None

    def peek(self) -> Any:
        return self.items[self.next] if self.items else None

    next = 0


class Stack(Queue):
    next = -1


class BloomFilter:
    """Without its errors, which are rare where there is room."""

    def __init__(self, value: Any, max_entries: int, hashes: int = 5) -> None:
        self.type = value
        self.held: set[Any] = set()

    def add(self, value: Any) -> None:
        self.held.add(plain(convert(self.type, value)))

    def __contains__(self, value: Any) -> bool:
        return plain(convert(self.type, value)) in self.held


class RingBuf:
    def __init__(self, record: Any, size: Any = "2M") -> None:
        self.records: list[Any] = []
        self.record = type(record.__name__, (record,), {"_ring": self.records})
        self.record.__annotations__ = record.__annotations__

    def reserve(self) -> Any:
        return self.record()

    def output(self, record: Any, size: int | None = None) -> bool:
        self.records.append(plain(record) if size is None else shortened(record, int(size)))
        return True
