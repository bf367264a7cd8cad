"""Stack traces on the user side: numbers of stacks in, addresses and names out.

In: the map's descriptor. Out: `LiveStacks`. Addresses come innermost first. Kernel addresses are
named by /proc/kallsyms; those of a process by the file that is mapped there, and the place in it,
which `addr2line -e FILE` takes for files that are linked at 0.
"""

from __future__ import annotations

from struct import unpack
from sys import byteorder

from probee.errors import UsageError
from probee.frozen import Frozen
from probee.host import bpf
from probee.host.kallsyms import Kallsyms
from probee.host.procmaps import Mappings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Frame(Frozen):
    """An address, and what lies there: `offset` bytes into `name`, which is "" if not known.

    Of the kernel `name` is a function, and `module` where it stands, "" for the kernel itself. Of a
    process `name` is the file that is mapped there.
    """

    address: int
    name: str = ""
    offset: int = 0
    module: str = ""

    def __str__(self) -> str:
        """`name+0x12`, `name+0x12 [module]`, or the address."""
        if not self.name:
            return f"{self.address:#x}"
        module = f" [{self.module}]" if self.module else ""
        return f"{self.name}+{self.offset:#x}{module}"


class LiveStacks:
    """The live side of a `StackTrace`: `session[stacks]`, from number to addresses."""

    def __init__(self, name: str, fd: int, depth: int, guard: Callable[[], None]) -> None:
        self._name, self._fd, self._depth, self._guard = name, fd, depth, guard
        self._symbols = Kallsyms()

    def get(self, number: int) -> tuple[int, ...] | None:
        """The addresses of a stack, innermost first; None where there is no such stack."""
        self._guard()
        data = bpf.map_lookup(self._fd, self._key(number), 8 * self._depth)
        if data is None:
            return None
        addresses = unpack(f"={self._depth}Q", data)
        return addresses[: addresses.index(0)] if 0 in addresses else addresses

    def __getitem__(self, number: int) -> tuple[int, ...]:
        found = self.get(number)
        if found is None:
            raise KeyError(number)
        return found

    def __contains__(self, number: int) -> bool:
        return self.get(number) is not None

    def __iter__(self) -> Iterator[int]:
        """The numbers of the stacks that are kept."""
        self._guard()
        key = bpf.map_get_next_key(self._fd, None, 4)
        while key is not None:
            following = bpf.map_get_next_key(self._fd, key, 4)  # the loop may delete this one
            yield unpack("=I", key)[0]
            self._guard()
            key = following

    def __len__(self) -> int:
        """Counted by asking for each: the kernel keeps no number."""
        return sum(1 for _ in self)

    def __delitem__(self, number: int) -> None:
        self._guard()
        if not bpf.map_delete(self._fd, self._key(number)):
            raise KeyError(number)

    def clear(self) -> None:
        """Forgets every stack that is there when it comes by."""
        for number in self:
            bpf.map_delete(self._fd, self._key(number))

    def kernel(self, number: int) -> list[Frame]:
        """The frames of a kernel stack, named where the kernel tells: see `hidden`. KeyError."""
        frames = []
        for address in self[number]:
            found = self._symbols.find(address)
            named = (found.name, found.offset, found.module) if found else ("", 0, "")
            frames.append(Frame(address, *named))
        return frames

    @property
    def hidden(self) -> bool:
        """Whether the kernel hides its addresses from this process (kernel.kptr_restrict), so that
        no frame has a name. Known once a stack was named.
        """
        return self._symbols.hidden

    def user(self, number: int, pid: int) -> list[Frame]:
        """The frames of a stack in process `pid`, by what it has mapped now. KeyError.

        A process that is gone leaves bare addresses. KernelError where it may not be looked at.
        """
        addresses = self[number]
        mappings = Mappings(pid)
        frames = []
        for address in addresses:
            place = mappings.find(address)
            frames.append(Frame(address, place.path, place.offset) if place else Frame(address))
        return frames

    def _key(self, number: int) -> bytes:
        if type(number) is not int or not 0 <= number < 1 << 32:
            raise UsageError(f"{self._name}[{number!r}]: the number of a stack is wanted")
        return number.to_bytes(4, byteorder)
