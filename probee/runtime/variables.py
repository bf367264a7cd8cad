"""Live variables: a program's `Global` read and written from user space, a `Const` read.

In: the map that is a data section, and where in its only value the variable stands. Out:
`session[declaration].value`. Where the map can be mapped (BPF_F_MMAPABLE, Linux 5.5) the memory is
shared with the programs: an integer is read and written in one aligned access, so neither side sees
half of one. Elsewhere it is read by a system call, and not written: a write would put back the
whole section, and undo what programs did to their other variables meanwhile.
"""

from __future__ import annotations

from probee.errors import FormatError, KernelError, NotSupportedError, UsageError
from probee.host import bpf
from probee.runtime.decode import ValueCodec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap
    from typing import Generic, Literal, TypeVar

    from probee.spec.programs import VariableSpec

    T = TypeVar("T")
else:
    from probee.lang.generics import Generic

    T = None

BPF_F_MMAPABLE = 1 << 10
_FIRST = bytes(4)  # the key of the only element
# native codes of unsigned integers by size, for one access a value
_WORDS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Section:
    """The memory of a data section: `size` bytes of map `fd`, mapped if `flags` allow it."""

    __slots__ = ("_fd", "_mapping", "_view", "size")

    def __init__(self, fd: int, size: int, flags: int) -> None:
        self._fd, self.size = fd, size
        self._mapping: mmap | None = None
        self._view: memoryview | None = None
        if flags & BPF_F_MMAPABLE:
            from mmap import MAP_SHARED, PAGESIZE, PROT_READ, PROT_WRITE, mmap

            try:
                self._mapping = mmap(
                    fd, -(-size // PAGESIZE) * PAGESIZE, MAP_SHARED, PROT_READ | PROT_WRITE
                )
            except OSError as error:
                raise KernelError("mmap of a data section", error.errno or 0) from None
            self._view = memoryview(self._mapping)

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`; 1, 2, 4 or 8 aligned ones in a single access."""
        self._check(offset, size)
        if self._view is None:
            return self._whole()[offset : offset + size]
        part = self._view[offset : offset + size]
        if size in _WORDS and offset % size == 0:
            from sys import byteorder

            number: int = part.cast(_WORDS[size])[0]
            return number.to_bytes(size, byteorder)
        return bytes(part)

    def write(self, offset: int, data: bytes) -> None:
        """Writes `data` at `offset`; 1, 2, 4 or 8 aligned bytes in a single access."""
        if self._view is None:
            raise NotSupportedError(
                "writing a Global",
                since="Linux 5.5",
                hint="this kernel cannot share the memory of data sections with user space",
            )
        self._check(offset, len(data))
        part, size = self._view[offset : offset + len(data)], len(data)
        if size in _WORDS and offset % size == 0:
            from sys import byteorder

            part.cast(_WORDS[size])[0] = int.from_bytes(data, byteorder)
        else:
            part[:] = data

    def _check(self, offset: int, size: int) -> None:
        if not 0 <= offset <= offset + size <= self.size:
            raise FormatError(f"{size} bytes at {offset} in a section of {self.size}")

    def _whole(self) -> bytes:
        data = bpf.map_lookup(self._fd, _FIRST, self.size)
        if data is None:
            raise FormatError("a data section whose map has no element")
        return data

    def close(self) -> None:
        """Unmaps the memory. Harmless twice."""
        if self._view is not None:
            self._view.release()
            self._view = None
        if self._mapping is not None:
            self._mapping.close()
            self._mapping = None


class LiveGlobal(Generic[T]):
    """The live value of a `Global` declaration."""

    def __init__(self, spec: VariableSpec, section: Section, guard: Callable[[], None]) -> None:
        self._name, self._offset = spec.name, spec.offset
        self._codec, self._section, self._guard = ValueCodec(spec.type), section, guard

    @property
    def value(self) -> T:
        """What the variable holds now. A `chars(N)` buffer may be read while it is written."""
        self._guard()
        value: T = self._codec.decode(self._section.read(self._offset, self._codec.size))
        return value

    @value.setter
    def value(self, value: T) -> None:
        self._guard()
        self._section.write(self._offset, self._codec.encode(value, self._name))


class LivePerCpuGlobal(Generic[T]):
    """The live values of a `PerCpuGlobal` declaration, one for each possible CPU.

    `size`: bytes of all per-CPU variables together, which stand in the element of map `fd`.
    """

    def __init__(self, spec: VariableSpec, fd: int, size: int, guard: Callable[[], None]) -> None:
        self._name, self._offset, self._fd, self._size = spec.name, spec.offset, fd, size
        self._codec, self._guard = ValueCodec(spec.type), guard

    @property
    def values(self) -> list[T]:
        """What each CPU has now, from CPU 0 on."""
        from probee.runtime.cpus import possible_cpus

        self._guard()
        slot = self._size + 7 & ~7
        data = bpf.map_lookup(self._fd, _FIRST, slot * possible_cpus())
        if data is None:
            raise FormatError("a section of per-CPU variables whose map has no element")
        size = self._codec.size
        starts = range(self._offset, len(data), slot)
        return [self._codec.decode(data[at : at + size]) for at in starts]

    @property
    def total(self) -> int:
        """The sum over all CPUs, of a number. UsageError for text."""
        from probee.spec.types import Int

        if not isinstance(self._codec.type, Int):
            raise UsageError(f"{self._name} is text, which has no sum")
        numbers: list[int] = [int(value) for value in self.values]  # type: ignore[call-overload]
        return sum(numbers)

    @property
    def value(self) -> T:
        """There is none: UsageError."""
        raise UsageError(
            f"{self._name} has a value on each CPU", hint="read its .values, or their .total"
        )

    @value.setter
    def value(self, value: object) -> None:
        raise UsageError(
            f"{self._name} has a value on each CPU, and only programs write it",
            hint="a write would put back what other CPUs counted meanwhile",
        )


class LiveConst(Generic[T]):
    """The value that a `Const` has in this Session's programs. It cannot change any more."""

    def __init__(self, name: str, value: T, guard: Callable[[], None]) -> None:
        self._name, self._value, self._guard = name, value, guard

    @property
    def value(self) -> T:
        """What the Session set, or what was declared."""
        self._guard()
        return self._value

    @value.setter
    def value(self, value: object) -> None:
        raise UsageError(
            f"{self._name} is a Const: it is fixed when the programs are loaded",
            hint="set it with Session(..., consts={...}), or declare it as a Global",
        )
