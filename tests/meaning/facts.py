"""What programs of the tests are compiled against: a kernel that no machine has.

In: names and types of arguments. Out: `KernelFacts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from probee.host.facts import RunningKernel
from probee.spec.target import RawArgument
from tests.meaning.widths import BITS

if TYPE_CHECKING:
    from probee.spec.target import TracepointFormat


class Facts:
    """The running kernel's functions, and a raw tracepoint whose arguments are integers."""

    def __init__(self, arguments: Mapping[str, str]) -> None:
        self.arguments = arguments
        self.kernel = RunningKernel()

    def kfunc(self, name: str) -> bool:
        return self.kernel.kfunc(name)

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        return None

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return self.kernel.helper(program_type, function)

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        return tuple(
            RawArgument(n, "int", BITS[kind] // 8, kind[0] == "s")
            for n, kind in self.arguments.items()
        )
