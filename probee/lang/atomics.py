"""Reading and writing a place in one step, as no other CPU can come between.

In: a place of 4 or 8 bytes in a kernel program (`m[k]`, a field, the `.value` of a Global) and
numbers. Out: for some the number that was there. Outside of kernel programs they say so.
"""

from __future__ import annotations

from probee.lang.builtins import Intrinsic

TYPE_CHECKING = False
if TYPE_CHECKING:

    def atomic_add(place: int, value: int) -> None:
        """`place += value`."""

    def atomic_and(place: int, value: int) -> None:
        """`place &= value`."""

    def atomic_or(place: int, value: int) -> None:
        """`place |= value`."""

    def atomic_xor(place: int, value: int) -> None:
        """`place ^= value`."""

    def atomic_fetch_add(place: int, value: int) -> int:
        """`place += value`; what was there before."""

    def atomic_fetch_and(place: int, value: int) -> int:
        """`place &= value`; what was there before."""

    def atomic_fetch_or(place: int, value: int) -> int:
        """`place |= value`; what was there before."""

    def atomic_fetch_xor(place: int, value: int) -> int:
        """`place ^= value`; what was there before."""

    def atomic_exchange(place: int, value: int) -> int:
        """`place = value`; what was there before."""

    def atomic_compare_exchange(place: int, expected: int, value: int) -> int:
        """`place = value` if it is `expected`; what was there before, in either case."""

else:
    atomic_add = Intrinsic("atomic_add")
    atomic_and = Intrinsic("atomic_and")
    atomic_or = Intrinsic("atomic_or")
    atomic_xor = Intrinsic("atomic_xor")
    atomic_fetch_add = Intrinsic("atomic_fetch_add")
    atomic_fetch_and = Intrinsic("atomic_fetch_and")
    atomic_fetch_or = Intrinsic("atomic_fetch_or")
    atomic_fetch_xor = Intrinsic("atomic_fetch_xor")
    atomic_exchange = Intrinsic("atomic_exchange")
    atomic_compare_exchange = Intrinsic("atomic_compare_exchange")
