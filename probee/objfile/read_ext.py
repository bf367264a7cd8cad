"""The records of `.BTF.ext` for single functions: types, lines and CO-RE.

In: an `ObjectFile`. Out: for a function, by slots counted from its first, the rows that its section
has for it.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from probee.btf import kinds
from probee.btf.ext import ext_is_big_endian, ext_tables
from probee.errors import FormatError
from probee.objfile.read_core import CoreNames
from probee.objfile.read_object import moved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.objfile.read_code import Function
    from probee.objfile.read_object import ObjectFile

    Rows = tuple[list[int], list[tuple[int, ...]]]

_SLOT = 8


class Ext:
    """Empty where the object has none."""

    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self._parts: dict[str, dict[int, Rows]] = {
            "func_info": {},
            "line_info": {},
            "core_relo": {},
        }
        self._core = CoreNames(file.types) if file.types is not None else None
        section = file.named.get(".BTF.ext")
        if section is None:
            return
        file.demand_types("its .BTF.ext refers to")
        try:
            big_endian = ext_is_big_endian(section.data)
            tables = ext_tables(section.data)
        except FormatError as error:
            raise moved(error, section) from None
        if big_endian != file.big_endian:
            raise FormatError("its .BTF.ext is in the other byte order", offset=section.offset)
        for part, found in tables.items():
            for table in found:
                target = file.named.get(self._name(table.name))
                if target is None:
                    continue  # of code that the linker dropped
                rows = table.rows(part, big_endian=big_endian)
                place = section.offset + table.at
                if part == "core_relo":
                    rows = [(*row, place + n * table.size) for n, row in enumerate(rows)]
                self._add(part, target.index, rows, place)

    def _name(self, offset: int) -> str:
        assert self._file.types is not None
        return self._file.types.string(offset)

    def _add(self, part: str, index: int, rows: list[tuple[int, ...]], place: int) -> None:
        """Notes the rows of one section, in their order; only CO-RE may have two for one place."""
        rows = sorted(rows, key=lambda row: row[0])
        offsets = [row[0] for row in rows]
        if part != "core_relo" and any(a == b for a, b in pairwise(offsets)):
            raise FormatError(f".BTF.ext has two records of {part} for one place", offset=place)
        if index in self._parts[part]:
            raise FormatError(f".BTF.ext has {part} twice for one section", offset=place)
        self._parts[part][index] = offsets, rows

    def _rows(self, part: str, function: Function) -> list[tuple[int, ...]]:
        offsets, rows = self._parts[part].get(function.section, ([], []))
        return rows[bisect_left(offsets, function.start) : bisect_left(offsets, function.end)]

    def type_of(self, function: Function) -> int:
        """The FUNC of a function, 0 where nothing is said."""
        rows = self._rows("func_info", function)
        if not rows or rows[0][0] != function.start:
            return 0
        types = self._file.demand_types("its .BTF.ext refers to")
        id = rows[0][1]
        if types.kind(id) != kinds.FUNC:
            raise FormatError(
                f"function {function.name} has type {id}, {kinds.kind_name(types.kind(id))};"
                " expected a FUNC",
                offset=types.sections.byte(types.starts[id]),
            )
        return id

    def lines(self, function: Function) -> list[tuple[int, int, int, int]]:
        """(slot, file, text, line and column) as in struct bpf_line_info."""
        return [
            ((at - function.start) // _SLOT, file, text, place)
            for at, file, text, place in self._rows("line_info", function)
        ]

    def core(self, function: Function) -> list[tuple[int, str, str, str, int, str]]:
        """(slot, kind, type's name, path, type, access)."""
        found = []
        for at, id, access, number, place in self._rows("core_relo", function):
            assert self._core is not None
            try:
                kind, name, path, text = self._core.meaning(id, access, number)
            except FormatError as error:
                raise FormatError(error.message, offset=place) from None
            found.append(((at - function.start) // _SLOT, kind, name, path, id, text))
        return found
