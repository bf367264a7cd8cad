"""Kernel times as people write them.

In: nanoseconds of CLOCK_BOOTTIME (`ktime_get_boot_ns`), which goes on while the machine sleeps.
Out: local time of the event itself, whatever time it is when the row is printed.

The distance to the wall clock is taken again for every new second of events, so a clock that is
set while a tool runs is followed. Local time zones come from libc: TZ, else /etc/localtime.
"""

from __future__ import annotations

from time import CLOCK_BOOTTIME, CLOCK_REALTIME, clock_gettime_ns, localtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND = 1_000_000_000
REMEMBERED = 1024


class EventClock:
    """Turns boot time into `HH:MM:SS.ffffff` and ISO 8601 with the zone's distance from UTC."""

    __slots__ = ("_iso", "_local", "_offset")

    def __init__(self) -> None:
        self._local: dict[int, str] = {}
        self._iso: dict[int, tuple[str, str]] = {}
        self._offset = 0
        self._second(0)  # libc reads /etc/localtime now, and not as an event of its own

    def local(self, boot_ns: int) -> str:
        """`16:20:00.123456`."""
        second, rest = divmod(boot_ns + self._offset, SECOND)
        if second not in self._local:
            second, rest = self._second(boot_ns)
        return f"{self._local[second]}.{rest // 1000:06d}"

    def iso(self, boot_ns: int) -> str:
        """`2026-11-22T16:20:00.123456+01:00`."""
        second, rest = divmod(boot_ns + self._offset, SECOND)
        if second not in self._iso:
            second, rest = self._second(boot_ns)
        date, zone = self._iso[second]
        return f"{date}.{rest // 1000:06d}{zone}"

    def locals(self, boot_ns: Sequence[int]) -> list[str]:
        """`local` of a whole batch, which is mostly of one second."""
        begin = self._begin(boot_ns)
        if begin is None:
            return [self.local(one) for one in boot_ns]
        start = self._local[(begin + self._offset) // SECOND]
        return [f"{start}.{(one - begin) // 1000:06d}" for one in boot_ns]

    def isos(self, boot_ns: Sequence[int]) -> list[str]:
        """`iso` of a whole batch."""
        begin = self._begin(boot_ns)
        if begin is None:
            return [self.iso(one) for one in boot_ns]
        date, zone = self._iso[(begin + self._offset) // SECOND]
        return [f"{date}.{(one - begin) // 1000:06d}{zone}" for one in boot_ns]

    def _begin(self, boot_ns: Sequence[int]) -> int | None:
        """Where the second begins, in boot time, that all of them are of; None if there is none.

        Its text is remembered.
        """
        least = min(boot_ns)
        self.iso(least)
        second = (least + self._offset) // SECOND
        begin = second * SECOND - self._offset
        if second not in self._iso or max(boot_ns) >= begin + SECOND:
            return None
        return begin

    def _second(self, boot_ns: int) -> tuple[int, int]:
        """Looks at the clocks, and remembers the text of the event's second."""
        self._offset = clock_gettime_ns(CLOCK_REALTIME) - clock_gettime_ns(CLOCK_BOOTTIME)
        second, rest = divmod(boot_ns + self._offset, SECOND)
        if len(self._local) >= REMEMBERED:
            self._local.clear()
            self._iso.clear()
        when = localtime(second)
        minutes = (when.tm_gmtoff or 0) // 60
        sign = "-" if minutes < 0 else "+"
        zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        self._local[second] = strftime("%H:%M:%S", when)
        self._iso[second] = (strftime("%Y-%m-%dT%H:%M:%S", when), zone)
        return second, rest
