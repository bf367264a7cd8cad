"""Live counters, used from user space as a collections.Counter.

In: a map's descriptor and codecs; the values of a per-CPU counter are sums over all CPUs. Out:
`LiveCounter`. Reading changes nothing, and no operation adds: adding is what programs do.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.host import bpf
from probee.runtime.maps import LiveHash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic, NoReturn, TypeVar

    K = TypeVar("K")
else:
    from probee.lang.generics import Generic

    K = None


class LiveCounter(LiveHash[K, int], Generic[K]):
    """Numbers by key; a missing key reads 0, and to delete one is no error."""

    def __getitem__(self, key: K) -> int:
        return self.get(key, 0)

    def __delitem__(self, key: K) -> None:
        self._guard()
        bpf.map_delete(self._fd, self._encoded(key))

    def update(self, other: object = None, /) -> NoReturn:
        """Refuses: Counter's would add, which is what programs do."""
        raise UsageError(
            f"{self.name} is a Counter, whose update() would add",
            hint="store numbers one by one, counter[k] = n, or add in a program",
        )

    def most_common(self, n: int | None = None) -> list[tuple[K, int]]:
        """Keys and numbers, the greatest numbers first; only the first `n` of them."""
        pairs = sorted(self.items(), key=lambda pair: -pair[1])
        return pairs if n is None else pairs[: max(n, 0)]

    def total(self) -> int:
        """The sum of all numbers."""
        return sum(self.values())
