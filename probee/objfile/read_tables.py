"""Jump tables: where code goes on behind `gotox`, which clang 22 writes for a `switch` at v4.

In: an `ObjectFile`. Out: of a table, which is a symbol in `.jumptables`, the instructions that its
entries name; and the map that a loader makes of it for one program. An entry is the place of an
instruction in the section of the function that uses the table. Source: create_jt_map in libbpf.c.
"""

from __future__ import annotations

from struct import pack, unpack_from

from probee.errors import FormatError
from probee.frozen import Frozen
from probee.objfile.read_object import JUMP_TABLES
from probee.spec.programs import MapSpec
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.elf.read import Symbol
    from probee.objfile.read_code import Function
    from probee.objfile.read_object import ObjectFile

_ENTRY = 8
_SLOT = 8
_KEY_SIZE = 4
_VALUE_SIZE = 16  # struct bpf_insn_array_value: the instruction, and what the kernel makes of it
VALUE_SLOTS = _VALUE_SIZE // _SLOT


class Table(Frozen):
    """`slots`: each entry's instruction, counted from the start of the function."""

    name: str
    slots: tuple[int, ...]


class JumpTables:
    """`at`: the number of their section, 0 if there is none."""

    def __init__(self, file: ObjectFile) -> None:
        self._section = file.named.get(JUMP_TABLES)
        self._order = file.order
        self.at = 0 if self._section is None else self._section.index
        # Symbols may overlap; what they hold together is no more than what the file has.
        self._left = 0 if self._section is None else self._section.size // _ENTRY
        self._known: dict[tuple[int, int, int], Table] = {}

    def table(self, symbol: Symbol, function: Function) -> Table:
        """The table of that name, which `function` jumps through. Raises FormatError."""
        key = symbol.index, function.section, function.start
        if key not in self._known:  # aliases of a function have the same
            self._known[key] = self._read(symbol, function)
        return self._known[key]

    def _read(self, symbol: Symbol, function: Function) -> Table:
        section = self._section
        assert section is not None
        count = symbol.size // _ENTRY
        self._left -= count
        whole = count > 0 and symbol.size % _ENTRY == 0 and symbol.value % _ENTRY == 0
        if not whole or symbol.value + symbol.size > section.size or self._left < 0:
            raise FormatError(
                f"table {symbol.name} at {symbol.value:#x} with {symbol.size} bytes is not apart "
                f"from others within the {section.size} bytes of {JUMP_TABLES}",
                offset=section.offset,
            )
        places = unpack_from(f"{self._order}{count}Q", section.data, symbol.value)
        for number, place in enumerate(places):
            if place % _SLOT or not function.start <= place < function.end:
                raise FormatError(
                    f"entry {number} of table {symbol.name} leads to byte {place:#x} of a section; "
                    f"expected an instruction of {function.name}",
                    offset=section.offset + symbol.value + number * _ENTRY,
                )
        return Table(symbol.name, tuple((place - function.start) // _SLOT for place in places))


def map_of(table: Table, name: str, start: int, order: str) -> MapSpec:
    """The map `name` for a program in which the function of `table` starts at slot `start`."""
    return MapSpec(
        name=name,
        type=uapi.BPF_MAP_TYPE_INSN_ARRAY,
        key_size=_KEY_SIZE,
        value_size=_VALUE_SIZE,
        max_entries=len(table.slots),
        contents=b"".join([pack(f"{order}I12x", start + slot) for slot in table.slots]),
        frozen=True,
    )


def targets(map_: MapSpec, order: str) -> Sequence[int]:
    """The slots that such a map leads to, each once, ascending."""
    rows = range(0, len(map_.contents), _VALUE_SIZE)
    return sorted({unpack_from(f"{order}I", map_.contents, at)[0] for at in rows})
