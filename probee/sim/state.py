"""What helpers work on: memory, maps and the world of a running program.

In: nothing. Out: `State`, which the machine fills and every helper gets first.
"""

from __future__ import annotations

from probee.sim.memory import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from probee.sim.cpu import Cpu
    from probee.sim.maps import SimMap
    from probee.sim.memory import Memory, Region
    from probee.sim.world import World

    M = TypeVar("M", bound=SimMap)


class State:
    """`maps` by the address that programs hold; `printed` by trace_printk, line by line."""

    def __init__(self, memory: Memory, world: World) -> None:
        self.memory, self.world = memory, world
        self.maps: dict[int, SimMap] = {}
        self.printed: list[str] = []
        self.cpu: Cpu | None = None  # whose program runs
        self.iterators: set[int] = set()  # addresses of those that are not destroyed yet
        self.registers: Region | None = None  # struct pt_regs of the task, once asked for

    def map(self, address: int, kind: type[M]) -> M:
        """The map at `address`. Fault where there is none, or not one of that kind."""
        found = self.maps.get(address)
        if not isinstance(found, kind):
            what = f"map {found.spec.name}" if found else f"{address:#x}"
            raise Fault(f"hands {what} to a helper that does not take it")
        return found

    def key(self, map_: SimMap, address: int) -> bytes:
        """The key that stands at `address`."""
        return self.memory.read(address, map_.spec.key_size)

    def value(self, map_: SimMap, address: int) -> bytes:
        """The value that stands at `address`."""
        return self.memory.read(address, map_.spec.value_size)

    def callback(self, address: int, *arguments: int) -> int:
        """Runs a function of the program that was handed over by address: its result."""
        assert self.cpu is not None
        return self.cpu.callback(address, arguments)
