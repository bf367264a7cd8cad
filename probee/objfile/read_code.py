"""The functions of an object, and what each one's instructions refer to.

In: an `ObjectFile`, and what symbols may mean: maps, data sections, externs. Out: for a `Function`
its `Body`: the code with blanks where a loader writes, what belongs there, and which functions it
calls. Every function is looked through once, however many programs have it. Sources:
bpf_program__record_reloc and bpf_object__reloc_code in libbpf.c.
"""

from __future__ import annotations

from bisect import bisect_left
from struct import Struct

from probee.asm.opcodes import LD_IMM64, PSEUDO_FUNC
from probee.errors import FormatError
from probee.frozen import Frozen
from probee.uapi import elf as uapi
from probee.uapi.bpf_insn import BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.elf.read import Section, Symbol
    from probee.objfile.read_maps import Declared
    from probee.objfile.read_object import ObjectFile
    from probee.objfile.read_tables import JumpTables, Table
    from probee.spec.programs import ExternSpec

CALL = 0x85
_ZERO = bytes(4)
_FARTHEST = 0xFFFFFFFF  # into a map's value
SLOT = 8
_IMM = {"<": Struct("<i"), ">": Struct(">i")}
_TYPES = {LD_IMM64: uapi.R_BPF_64_64, CALL: uapi.R_BPF_64_32}


class Function:
    """`start` to `end` are bytes in section number `section`. `local`: its symbol is.

    Each is equal to itself alone, so that it is found quickly: an object has them once.
    """

    __slots__ = ("end", "local", "name", "section", "start")

    def __init__(self, name: str, section: int, start: int, end: int, *, local: bool) -> None:
        self.name, self.section, self.start, self.end = name, section, start, end
        self.local = local


class Body(Frozen):
    """`relocs`: (slot, kind, symbol, addend) as in `Reloc`, and kind `table`: of a jump table.

    The addend of those is the place in `tables`, since names of symbols may be alike.
    `calls`: (slot, function, whether its address is loaded there), ascending.
    `helpers`: the numbers of those called, in the order of their first call.
    """

    code: bytes
    relocs: tuple[tuple[int, str, str, int], ...]
    calls: tuple[tuple[int, Function, bool], ...]
    helpers: tuple[int, ...]
    tables: tuple[Table, ...]


class Names:
    """What symbols mean to code: `maps` by their places in `.maps` (section `maps_at`), data
    sections by their numbers, externs by name, `tables` to jump through.
    """

    def __init__(
        self,
        maps_at: int,
        maps: list[Declared],
        homes: Mapping[int, str],
        externs: Mapping[str, ExternSpec],
        kconfig: str,
        tables: JumpTables,
    ) -> None:
        self.maps_at = maps_at
        self.maps = {declared.var.offset: declared.spec.name for declared in maps}
        self.homes, self.externs, self.kconfig = homes, externs, kconfig
        self.tables = tables


class Code:
    """`functions` by section and start."""

    def __init__(self, file: ObjectFile, names: Names) -> None:
        self._file, self._names = file, names
        self._relocations: dict[int, tuple[list[int], list[tuple[int, int, int, int]]]] = {}
        self.functions: dict[tuple[int, int], Function] = {}
        self._all: dict[int, list[Function]] = {}
        for section in file.code:
            self._find(section)

    def of(self, section: Section) -> list[Function]:
        """Those of a section, in their order; aliases of one another each for itself."""
        return self._all[section.index]

    def _find(self, section: Section) -> None:
        symbols = [
            symbol
            for symbol in self._file.by_section.get(section.index, ())
            if symbol.type == uapi.STT_FUNC
        ]
        found = self._all[section.index] = []
        start = end = 0
        for symbol in sorted(symbols, key=lambda s: (s.value, s.index)):
            stop = symbol.value + symbol.size
            whole = symbol.value % SLOT == 0 and symbol.size % SLOT == 0 and symbol.size > 0
            apart = symbol.value >= end or (symbol.value, stop) == (start, end)
            if not whole or not apart or stop > section.size:
                raise FormatError(
                    f"function {symbol.name} at {symbol.value:#x} with {symbol.size} bytes is not"
                    f" apart from others within the {section.size} bytes of {section.name}",
                    offset=section.offset,
                )
            start, end = symbol.value, stop
            local = symbol.bind == uapi.STB_LOCAL
            found.append(Function(symbol.name, section.index, start, end, local=local))
            self.functions.setdefault((section.index, start), found[-1])

    def body(self, function: Function) -> Body:
        """Raises FormatError for what no loader could resolve."""
        return _Reading(self, function).body()

    def relocations(self, function: Function) -> list[tuple[int, int, int, int]]:
        """Those within the function, as `ObjectFile.relocations` has them, by offset."""
        if function.section not in self._relocations:
            rows = sorted(self._file.relocations(self._file.sections[function.section]))
            self._relocations[function.section] = [row[0] for row in rows], rows
        offsets, rows = self._relocations[function.section]
        return rows[bisect_left(offsets, function.start) : bisect_left(offsets, function.end)]

    @property
    def file(self) -> ObjectFile:
        """The object."""
        return self._file

    @property
    def names(self) -> Names:
        """What symbols mean."""
        return self._names


class _Reading:
    """One function, read through."""

    def __init__(self, code: Code, function: Function) -> None:
        self.whole, self.file, self.names, self.function = code, code.file, code.names, function
        section = code.file.sections[function.section]
        self.at = section.offset + function.start  # in the file
        self.code = bytearray(section.data[function.start : function.end])
        self.imm = _IMM[code.file.order]
        self.relocs: list[tuple[int, str, str, int]] = []
        self.calls: list[tuple[int, Function, bool]] = []
        self.tables: list[Table] = []
        self.places: dict[int, int] = {}  # in `tables`, by the number of the symbol
        self.done: set[int] = set()  # slots with a relocation

    def wrong(self, slot: int, message: str) -> FormatError:
        return FormatError(
            f"{self.function.name}: instruction {slot}: {message}", offset=self.at + slot * SLOT
        )

    def body(self) -> Body:
        self._wide()
        for offset, type_, symbol, where in self.whole.relocations(self.function):
            place = offset - self.function.start
            slot, rest = divmod(place, SLOT)
            if rest or slot in self.done:
                raise FormatError(
                    f"{self.function.name}: a relocation of byte {place}; expected one for an"
                    " instruction",
                    offset=where,
                )
            self.done.add(slot)
            self._relocation(slot, type_, self.file.symbols[symbol])
        helpers = self._plain_calls()
        self.calls.sort(key=lambda call: call[0])
        tables = tuple(self.tables)
        return Body(bytes(self.code), tuple(self.relocs), tuple(self.calls), helpers, tables)

    def _found(self, opcode: int) -> list[int]:
        """The slots whose opcode is `opcode`."""
        opcodes = bytes(self.code[::SLOT])
        found, at = [], opcodes.find(opcode)
        while at >= 0:
            found.append(at)
            at = opcodes.find(opcode, at + 1)
        return found

    def _wide(self) -> None:
        """Each ld_imm64 must have its second slot."""
        for slot in self._found(LD_IMM64):
            second = self.code[slot * SLOT + SLOT : slot * SLOT + SLOT + 4]
            if second != bytes(4):
                raise self.wrong(slot + 1, "expected the second half of an ld_imm64")

    def _source(self, slot: int) -> int:
        registers = self.code[slot * SLOT + 1]
        return registers & 15 if self.file.big_endian else registers >> 4

    def _set_source(self, slot: int, source: int) -> None:
        at = slot * SLOT + 1
        big = self.file.big_endian
        self.code[at] = self.code[at] & 0xF0 | source if big else self.code[at] & 15 | source << 4

    def _relocation(self, slot: int, type_: int, symbol: Symbol) -> None:
        opcode = self.code[slot * SLOT]
        expected = _TYPES.get(opcode)
        if expected is None:
            raise self.wrong(
                slot, f"opcode {opcode:#x} cannot refer to {symbol.name or 'anything'}"
            )
        if type_ != expected:
            raise self.wrong(slot, f"expected a relocation of type {expected}, not {type_}")
        (imm,) = self.imm.unpack_from(self.code, slot * SLOT + 4)
        extern = self.names.externs.get(symbol.name) if not symbol.section else None
        if opcode == CALL:
            self._call(slot, symbol, imm, extern)
        elif extern is not None:
            self._extern(slot, extern)
        elif symbol.section == self.names.maps_at and symbol.section:
            name = self.names.maps.get(symbol.value + imm)
            if name is None:
                raise self.wrong(slot, f"no map begins at byte {symbol.value + imm} of .maps")
            self._blank(slot, "map", name, 0)
        elif symbol.section in self.names.homes:
            home, place = self.names.homes[symbol.section], symbol.value + imm
            if not 0 <= place <= _FARTHEST:
                raise self.wrong(slot, f"byte {place} of {home} is no place")
            self._blank(slot, "value", home, place)
        elif symbol.section == self.names.tables.at and symbol.section:
            self._table(slot, symbol, imm)
        elif (symbol.section, symbol.value + imm) in self.whole.functions:
            target = self.whole.functions[symbol.section, symbol.value + imm]
            self._set_source(slot, PSEUDO_FUNC)
            self.calls.append((slot, target, True))
        else:
            raise self.wrong(slot, f"it refers to {self._said(symbol, imm)}, no data or function")

    def _said(self, symbol: Symbol, imm: int) -> str:
        name = symbol.name
        if not name and symbol.section < len(self.file.sections):
            name = self.file.sections[symbol.section].name
        return f"{name} + {imm}" if imm else name

    def _blank(self, slot: int, kind: str, symbol: str, addend: int) -> None:
        """An ld_imm64 that a loader fills in."""
        at = slot * SLOT
        self.code[at + 1] &= 0xF0 if self.file.big_endian else 15
        self.code[at + 4 : at + 8] = self.code[at + 12 : at + 16] = _ZERO
        self.relocs.append((slot, kind, symbol, addend))

    def _table(self, slot: int, symbol: Symbol, imm: int) -> None:
        if imm:
            raise self.wrong(
                slot, f"it refers to byte {imm} of table {symbol.name}, not to its start"
            )
        place = self.places.setdefault(symbol.index, len(self.tables))
        if place == len(self.tables):
            self.tables.append(self.names.tables.table(symbol, self.function))
        self._blank(slot, "table", symbol.name, place)

    def _extern(self, slot: int, extern: ExternSpec) -> None:
        if extern.kind == "kconfig":
            self._blank(slot, "value", self.names.kconfig, extern.offset)
        else:
            self._blank(slot, "ksym", extern.name, 0)

    def _call(self, slot: int, symbol: Symbol, imm: int, extern: ExternSpec | None) -> None:
        if self._source(slot) not in (BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL):
            raise self.wrong(slot, "a call of a helper has a relocation")
        if extern is not None:
            if extern.kind != "kfunc":
                raise self.wrong(slot, f"it calls {extern.name}, which is no function")
            self._set_source(slot, BPF_PSEUDO_KFUNC_CALL)
            self.code[slot * SLOT + 4 : slot * SLOT + 8] = bytes(4)
            self.relocs.append((slot, "kfunc", extern.name, 0))
            return
        target = self.whole.functions.get((symbol.section, symbol.value + (imm + 1) * SLOT))
        if target is None:
            raise self.wrong(slot, f"it calls {self._said(symbol, 0)}, which is no function here")
        self.calls.append((slot, target, False))

    def _plain_calls(self) -> tuple[int, ...]:
        """Calls within the section, which need no relocation; the helpers among all calls."""
        helpers: dict[int, None] = {}
        for slot in self._found(CALL):
            if slot in self.done:
                continue
            source = self._source(slot)
            (imm,) = self.imm.unpack_from(self.code, slot * SLOT + 4)
            if source == 0:
                helpers[imm] = None
            elif source == BPF_PSEUDO_CALL:
                start = self.function.start + (slot + 1 + imm) * SLOT
                target = self.whole.functions.get((self.function.section, start))
                if target is None:
                    raise self.wrong(slot, "it calls a place where no function begins")
                self.calls.append((slot, target, False))
            else:
                raise self.wrong(slot, f"a call of unknown kind {source}, without a relocation")
        return tuple(helpers)
