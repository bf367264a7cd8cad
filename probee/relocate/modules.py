"""Types that the kernel itself has not, looked for in its modules.

In: what a module adds to the kernel's types, as bytes. Out: `ModuleTypes`, asked for candidates.
A module is asked only for a name that is not vmlinux's. The first question lists the names of its
own types; only where one of them is asked for are they put together with vmlinux's, which copies
those, and kept. Source: bpf_core_find_cands in libbpf.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.raw import MAX_NAME, Sections, scan, text_bytes
from probee.relocate.view import View, essential_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable


class ModuleTypes:
    """What module `name` has on top of the types of `base`. `data`: /sys/kernel/btf/NAME."""

    __slots__ = ("_base", "_data", "_first", "_names", "_view", "name")

    def __init__(self, name: str, base: TypeTable, data: bytes) -> None:
        self.name, self._base, self._data = name, base, data
        self._first = len(base) + 1
        self._names: frozenset[tuple[int, bytes]] | None = None
        self._view: View | None = None

    def candidates(self, kind: int, name: str) -> tuple[View, list[int]] | None:
        """The module's types that a local type may stand for, and where they can be looked up.

        Raises FormatError where the module's types cannot be read.
        """
        if self._names is None:
            self._names = _names(self._base, self._data)
        wanted = text_bytes(essential_name(name))
        if not wanted or (_any_enum(kind), wanted) not in self._names:
            return None
        if self._view is None:
            from probee.btf.split import SplitBtf

            self._view = View(SplitBtf(self._base, self._data))
        found = [id for id in self._view.candidates(kind, name) if id >= self._first]
        return (self._view, found) if found else None


def _any_enum(kind: int) -> int:
    return kinds.ENUM if kind == kinds.ENUM64 else kind


def _names(base: TypeTable, data: bytes) -> frozenset[tuple[int, bytes]]:
    """Kind and essential name of the types of `data`. Names may be strings of the base."""
    own, below = Sections(data, split=True), base.sections
    words, shift = own.words, len(below.strings)
    found = set()
    for start in scan(own)[1:-1]:
        at = words[start]
        if at:
            name = (
                below.raw_string(at, MAX_NAME)
                if at < shift
                else own.raw_string(at - shift, MAX_NAME)
            )
            if b"___" in name:
                name = text_bytes(essential_name(name.decode("utf-8", "surrogateescape")))
            found.add((_any_enum(words[start + 1] >> 24 & 0x7F), name))
    return frozenset(found)
