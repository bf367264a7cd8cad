"""Types that stand on others: a module's BTF on top of vmlinux's.

In: the table of the base, and the bytes of a split blob, whose ids and string offsets go on where
the base's end. Out: `SplitBtf`, both as one table. Source: btf_parse_module in kernel/bpf/btf.c.
"""

from __future__ import annotations

from array import array

from probee.btf.names import name_keys
from probee.btf.raw import Sections, scan
from probee.btf.table import TypeTable
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class SplitBtf(TypeTable):
    """The types of `base`, and from `first` on those of `data`. Raises FormatError."""

    __slots__ = ("_base", "first")

    def __init__(self, base: TypeTable, data: ReadableBuffer) -> None:
        sections = Sections(data, split=True)
        if sections.big_endian != base.sections.big_endian:
            raise FormatError("its byte order is not that of the base", offset=0)
        below, own = base.sections, scan(sections)
        shift = len(below.words)
        starts = array("I", base.starts[: len(base) + 1])
        starts.extend(start + shift for start in own[1:])
        words = array("I", below.words)
        words.extend(sections.words)
        sections.words = words
        sections.strings = memoryview(below.strings.tobytes() + sections.strings.tobytes())
        sections.types_at -= 4 * shift  # so that errors say where in `data`
        sections.strings_at -= len(below.strings)
        self._base, self.first = base, len(base) + 1
        super().__init__(sections, starts, name_keys(sections, starts, self.first))

    def by_name(self, kind: int, name: str) -> tuple[int, ...]:
        """As of any table; the base keeps the names of its own."""
        return self._base.by_name(kind, name) + super().by_name(kind, name)
