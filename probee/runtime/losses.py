"""What was lost: every event or statement that programs could not complete, and where.

In: the counters that the compiler put into the programs (`CounterSpec`), the sections they stand
in, and the kernel's own count of skipped runs. Out: `Loss` rows, those that are not zero. The
counts are totals since the load, so that rows printed + losses = events.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probee.runtime.programs import Program
    from probee.runtime.variables import Section
    from probee.spec.programs import CounterSpec

RECURSION = "recursion"


class Loss(Frozen):
    """`count` times something was lost.

    `kind` is a CounterSpec's (`ring_full`, `perf_full`, `map_update`, `stack`, `print`,
    `trap`),
    or `recursion`: the kernel skipped program `subject` because one was running on that CPU
    already. `program`, `file`, `line` and `text` say where in the source, as far as one place is
    to be named.
    """

    kind: str
    subject: str
    count: int
    program: str = ""
    file: str = ""
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        """One sentence for a person."""
        times = f"{self.count:,} times"
        where = f" ({self.file}:{self.line}: {self.text})" if self.line else ""
        match self.kind:
            case "ring_full":
                return f"{self.count:,} records lost: ring buffer {self.subject} was full{where}"
            case "perf_full":
                return f"{self.count:,} records lost: perf event array {self.subject} had no room"
            case "stack":
                return f"{self.count:,} stacks lost: {self.subject} had no room for another{where}"
            case "print":
                return f"{self.count:,} lines of {self.subject} were not printed whole{where}"
            case "map_update":
                return f"{times} the kernel refused to write map {self.subject}{where}"
            case "trap":
                return f"{times} {self.program} stopped by {self.subject}{where}"
            case "recursion":
                return f"{times} {self.subject} was skipped: a program ran on that CPU already"
            case _:
                return f"{times} {self.kind} {self.subject}{where}"


def counted(counters: Iterable[CounterSpec], sections: Mapping[str, Section]) -> list[Loss]:
    """The counters of the programs that are not zero."""
    losses = []
    for counter in counters:
        if counter.section not in sections:
            raise FormatError(f"a counter in section {counter.section}, which is not loaded")
        count = int.from_bytes(sections[counter.section].read(counter.offset, 8), byteorder)
        if count:
            losses.append(
                Loss(
                    counter.kind,
                    counter.subject,
                    count,
                    counter.program,
                    counter.file,
                    counter.line,
                    counter.text,
                )
            )
    return losses


def skipped(program: Program) -> Loss | None:
    """How often the kernel skipped `program`; None for never, or before Linux 5.12."""
    count = program.info().recursion_misses
    return Loss(RECURSION, program.name, count, program.name) if count else None
