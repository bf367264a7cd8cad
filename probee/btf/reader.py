"""A BTF blob of any size and byte order, read directly.

In: the bytes of a `.BTF` section or of /sys/kernel/btf/vmlinux. Out: `Btf`, which has found where
every type starts (0.2 µs a type) and decodes a type when it is asked for. For the kernel's own
126,000 types `index` saves that scan.
"""

from __future__ import annotations

from probee.btf.raw import Sections, scan
from probee.btf.table import TypeTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

    from probee.btf.types import Type


class Btf(TypeTable):
    """The types of `data`. Raises FormatError when header, sections or records do not fit.

    `data` must stay unchanged; an mmap cannot be closed while this lives.
    """

    __slots__ = ()

    def __init__(self, data: ReadableBuffer) -> None:
        sections = Sections(data)
        super().__init__(sections, scan(sections))

    @property
    def big_endian(self) -> bool:
        """The byte order of the blob."""
        return self.sections.big_endian

    def types(self) -> Iterator[tuple[int, Type]]:
        """Every (id, type) but void, in order."""
        for id in range(1, len(self) + 1):
            yield id, self.type(id)
