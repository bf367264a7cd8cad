"""Which lines of a program its time goes to: samples of what the CPUs do in, counts by line out.

The CPU's clock interrupts so many times a second, and the kernel notes what it was doing, with the
stack. A sample counts for the line that runs, or that called what runs: a helper's time is the
line's that calls it. A program that runs with interrupts off is sampled late or not at all, and
with few samples shares are guesses: `total` says how many there were.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import unpack_from

from probee.errors import ProbeeError
from probee.uapi.perf_event import PERF_RECORD_SAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.introspect.running.lines import Source
    from probee.runtime.perf import PerfRings

_MARKS = (1 << 64) - 4096  # PERF_CONTEXT_*: what stands between parts of a stack
FREQUENCY = 499  # a second on each CPU: no divisor of what else happens regularly
_BUFFER = 1 << 17
_HIDDEN = (
    "where its code lies is hidden: needs CAP_SYS_ADMIN, and sysctl kernel.kptr_restrict below 2"
)


class Places:
    """Where the lines of a program lie in its machine code."""

    __slots__ = ("_code", "_lines", "_starts")

    def __init__(self, source: Source) -> None:
        places = sorted(
            (address, at)
            for at, line in enumerate(source.lines)
            for address in line.addresses
            if address
        )
        self._starts = [address for address, _ in places]
        self._lines = [at for _, at in places]
        self._code = source.code

    def line(self, address: int) -> int:
        """The number of the line that an address lies in, -1 for one outside of the program."""
        if not any(start <= address < start + length for start, length in self._code):
            return -1
        at = bisect_right(self._starts, address) - 1
        return self._lines[at] if at >= 0 else -1

    def of(self, stack: Sequence[int]) -> int:
        """The line of the innermost frame in the program, -1 for none.

        All but the first are addresses behind a call.
        """
        for depth, address in enumerate(stack):
            found = self.line(address - 1 if depth else address)
            if found >= 0:
                return found
        return -1


class LineCosts:
    """Samples while it is open. `counts`: for each line of the source; `total`: of the program.

    `why_not`: why there are none.
    """

    __slots__ = ("_places", "_rings", "counts", "total", "why_not")

    def __init__(self, source: Source) -> None:
        self.counts = [0] * len(source.lines)
        self.total = 0
        self.why_not = ""
        self._places = Places(source)
        self._rings: PerfRings | None = None
        if not source.lines:
            self.why_not = source.why_not
        elif not source.code or not any(line.addresses[0] for line in source.lines):
            self.why_not = _HIDDEN
        else:
            self._open()

    def _open(self) -> None:
        from probee.runtime.perf import PerfRings

        try:
            self._rings = PerfRings.sampling(FREQUENCY, _BUFFER)
        except ProbeeError as error:
            self.why_not = error.message

    def collect(self) -> None:
        """Counts what was sampled since the last time."""
        if self._rings is None:
            return
        for ring in self._rings.rings:
            for kind, body in ring.records(ring.end):
                if kind == PERF_RECORD_SAMPLE:
                    self.count(body)

    def count(self, sample: bytes) -> None:
        """One sample: the instruction's address, how deep the stack is, the stack."""
        address, depth = unpack_from("=QQ", sample)
        stack = unpack_from(f"={min(depth, len(sample) // 8 - 2)}Q", sample, 16)
        # The stack begins with a mark, and then the instruction once more.
        line = self._places.of((address, *[place for place in stack[2:] if place < _MARKS]))
        if line >= 0:
            self.counts[line] += 1
            self.total += 1

    def close(self) -> None:
        """No more samples. Harmless twice."""
        if self._rings is not None:
            self._rings.close()
            self._rings = None
