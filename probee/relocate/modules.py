"""Types that the kernel itself has not, looked for in its modules.

In: what a module adds to the kernel's types, as bytes. Out: `ModuleTypes`, asked for candidates.
A module is looked into only for a name that is not vmlinux's, and stays closed where the name
stands nowhere in it. Source: bpf_core_find_cands in libbpf.
"""

from __future__ import annotations

from probee.btf.raw import text_bytes
from probee.relocate.view import View, essential_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable


class ModuleTypes:
    """What module `name` has on top of the types of `base`. `data`: /sys/kernel/btf/NAME."""

    __slots__ = ("_base", "_data", "name")

    def __init__(self, name: str, base: TypeTable, data: bytes) -> None:
        self.name, self._base, self._data = name, base, data

    def candidates(self, kind: int, name: str) -> tuple[View, list[int]] | None:
        """The module's types that a local type may stand for, and where they can be looked up.

        Raises FormatError where the module's types cannot be read.
        """
        wanted = text_bytes(essential_name(name))
        if not wanted or not (wanted in self._data or self._in_base(wanted)):
            return None
        from probee.btf.split import SplitBtf

        table = SplitBtf(self._base, self._data)
        view = View(table)
        found = [id for id in view.candidates(kind, name) if id >= table.first]
        return (view, found) if found else None

    def _in_base(self, name: bytes) -> bool:
        """Whether a string of the base is that name: a module's types may share it."""
        return b"\0" + name + b"\0" in self._base.sections.strings.tobytes()
