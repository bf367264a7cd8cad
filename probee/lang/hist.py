"""Histograms as declarations: numbers counted by the bucket that they fall into.

In: a key type or none, the form of the buckets. Out: a passive `Hist`, whose `add` kernel programs
call; `session[latency]` is its live side, which prints it or gives it as data.

The slots of a histogram, as they stand in the kernel: slot 0 counts what lies below the first
bucket. Then come the buckets. Of powers of two (bcc's log2l): slot 1 is 0 to 1, slot i is 2^(i-1)
to 2^i - 1, up to slot 64. Linear ones have one more slot at the end, for what lies above.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.generics import Generic
from probee.lang.maps import MapDeclaration
from probee.spec.types import ArrayOf, Int
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Protocol, TypeVar, overload

    from probee.lang.types import Chars

    K = TypeVar("K")

    class HistRow(Protocol):
        """The histogram under one key."""

        def add(self, value: int, count: int = 1) -> None:
            """Counts a value."""
else:
    K = None

LOG2_SLOTS = 65
MOST_BUCKETS = 1024
_U32 = Int("u32", 4, False)
_U64 = Int("u64", 8, False)
_S64_MIN, _S64_MAX = -(1 << 63), (1 << 63) - 1


class Hist(MapDeclaration, Generic[K]):
    """A histogram, or with a key type one for each key: `h.add(v)`, `h[key].add(v)`.

    Buckets are powers of two, or with `linear=(start, stop, step)` as a range() of their lower
    ends: each `step` wide, from `start` up to before `stop`. A value below the first bucket (for
    powers of two: a negative one) or above the last is counted as such. `max_entries`: of keys; a
    key that finds no room is counted as a loss for each value. `add(v, n)` counts v n times.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(self: Hist[None], *, linear: tuple[int, int, int] | None = ...) -> None: ...
        @overload
        def __init__(
            self: Hist[str],
            key: Chars,
            *,
            linear: tuple[int, int, int] | None = ...,
            max_entries: int = ...,
        ) -> None: ...
        @overload
        def __init__(
            self,
            key: type[K],
            *,
            linear: tuple[int, int, int] | None = ...,
            max_entries: int = ...,
        ) -> None: ...
        def __init__(self, *_: object, **__: object) -> None: ...

        def add(self: Hist[None], value: int, count: int = 1) -> None:
            """Counts a value, in a kernel program."""

        def __getitem__(self, key: K) -> HistRow: ...

    else:

        def __init__(self, key=None, *, linear=None, max_entries=10_240) -> None:
            self.keyed = key is not None
            self.one = not self.keyed
            super().__init__(key if self.keyed else _U32, None, max_entries)
            self.linear = None if linear is None else _checked(linear)
            slots = LOG2_SLOTS if linear is None else _linear_slots(self.linear)
            self.value = ArrayOf(_U64, slots)
            if self.keyed:
                self.map_type = uapi.BPF_MAP_TYPE_HASH
            else:
                self.map_type, self.max_entries = uapi.BPF_MAP_TYPE_PERCPU_ARRAY, 1

        def add(self, value, count=1) -> NoReturn:
            """Refuses: kernel programs count."""
            raise UsageError(
                "add() belongs to kernel programs",
                hint="on the user side, session[histogram] reads what they counted",
            )

        def __getitem__(self, key) -> NoReturn:
            self.add(key)

    keyed: bool
    linear: tuple[int, int, int] | None

    def slot(self, value: int) -> int:
        """The slot that counts `value`."""
        if self.linear is None:
            return 0 if value < 0 else max(1, value.bit_length())
        start, stop, step = self.linear
        if value < start:
            return 0
        return 1 + (value - start) // step if value < stop else 1 + len(range(start, stop, step))

    def identity(self) -> tuple[object, ...]:
        """All that a compiled program's meaning takes from this declaration."""
        return (*super().identity(), self.keyed, *(self.linear or ()))


def _checked(linear: object) -> tuple[int, int, int]:
    if not (isinstance(linear, tuple) and [type(n) for n in linear] == [int, int, int]):
        raise UsageError(f"linear={linear!r}: three integers are wanted: (start, stop, step)")
    start, stop, step = linear
    if step < 1 or stop <= start or start < _S64_MIN or stop > _S64_MAX:
        raise UsageError(f"linear={linear!r}: start < stop and a step of 1 or more are wanted")
    if (buckets := len(range(start, stop, step))) > MOST_BUCKETS:
        raise UsageError(
            f"linear={linear!r} makes {buckets} buckets, and a histogram has {MOST_BUCKETS} at most"
        )
    return start, stop, step


def _linear_slots(linear: tuple[int, int, int]) -> int:
    """A power of two, so that a mask keeps every index inside: the verifier loses other bounds."""
    return 1 << (len(range(*linear)) + 1).bit_length()
