"""What is in maps at the start: maps in maps, programs in arrays, struct_ops.

In: an `ObjectFile`, its maps and programs. Out: the maps with their `values`, and a map for each
variable of `.struct_ops` and `.struct_ops.link`. Both come from relocations of those sections.
Sources: bpf_object__collect_map_relos and bpf_object__collect_st_ops_relos in libbpf.c.
"""

from __future__ import annotations

from bisect import bisect_right

from probee.btf.types import FuncProto, Ptr, Struct
from probee.errors import FormatError
from probee.frozen import replace
from probee.objfile.read_maps import MAPS_OF_MAPS
from probee.objfile.read_object import MAPS, STRUCT_OPS
from probee.spec.programs import Attach, MapSpec
from probee.uapi import bpf as uapi, elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf.read import Section, Symbol
    from probee.objfile.read_code import Code
    from probee.objfile.read_datasecs import Datasecs, Placed
    from probee.objfile.read_maps import Declared
    from probee.objfile.read_object import ObjectFile
    from probee.spec.programs import ProgramSpec

_POINTER = 8
_KEY_SIZE = 4


class Values:
    """`programs`: those of the object by name, changed where a struct_ops map has them."""

    def __init__(self, file: ObjectFile, code: Code, programs: list[ProgramSpec]) -> None:
        self._file, self._code = file, code
        self.programs = {program.name: program for program in programs}

    def filled(self, declared: list[Declared]) -> list[MapSpec]:
        """The maps of `.maps` with what they hold at the start."""
        section = self._file.named.get(MAPS)
        values: dict[int, dict[int, str]] = {row.var.offset: {} for row in declared}
        starts = [row.var.offset for row in declared]
        maps = {row.var.offset: row.spec.name for row in declared}
        for offset, _, symbol, where in self._file.relocations(section) if section else ():
            number = bisect_right(starts, offset) - 1
            row = declared[number] if number >= 0 else None
            if row is not None and offset >= row.var.offset + row.var.size:
                row = None
            first = row.values if row is not None else -1
            if row is None or first < 0 or offset < first or (offset - first) % _POINTER:
                raise FormatError("a relocation of .maps that is no map's value", offset=where)
            kind = row.spec.type in MAPS_OF_MAPS
            target = self._file.symbols[symbol]
            name = self._map(maps, target) if kind else self._program(target)
            if not name:
                wanted = "a map" if kind else "a program"
                raise FormatError(
                    f"map {row.spec.name} holds {target.name!r}, which is not {wanted}",
                    offset=where,
                )
            values[row.var.offset][(offset - first) // _POINTER] = name
        return [
            replace(row.spec, values=tuple(sorted(found.items()))) if found else row.spec
            for row, found in zip(declared, values.values(), strict=True)
        ]

    def _map(self, maps: dict[int, str], symbol: Symbol) -> str:
        """The map that a symbol stands for, or ''."""
        section = self._file.named.get(MAPS)
        if section is None or symbol.section != section.index:
            return ""
        return maps.get(symbol.value, "")

    def _program(self, symbol: Symbol) -> str:
        """The program that a symbol stands for, or ''."""
        function = self._code.functions.get((symbol.section, symbol.value))
        return function.name if function is not None and function.name in self.programs else ""

    def struct_ops(self, datasecs: Datasecs) -> list[MapSpec]:
        """The maps of all such sections."""
        return [
            map_
            for section in self._file.sections[1:]
            if section.name in STRUCT_OPS and section.type == elf.SHT_PROGBITS and section.size
            for map_ in self._tables(section, datasecs)
        ]

    def _tables(self, section: Section, datasecs: Datasecs) -> list[MapSpec]:
        self._file.demand_types("struct_ops are declared by")
        datasec = datasecs.get(section.name)
        if datasec is None:
            raise FormatError(f"its BTF has no DATASEC {section.name}", offset=section.offset)
        places: dict[str, dict[int, str]] = {var.name: {} for var in datasec.vars}
        starts = [var.offset for var in datasec.vars]
        for offset, _, symbol, where in self._file.relocations(section):
            number = bisect_right(starts, offset) - 1
            var = datasec.vars[number] if number >= 0 else None
            target = self._file.symbols[symbol]
            if var is None or offset >= var.offset + var.size or not self._program(target):
                raise FormatError(
                    f"{section.name} holds {target.name!r} at byte {offset}; expected a program in"
                    " a table",
                    offset=where,
                )
            places[var.name][offset - var.offset] = self._program(target)
            self._attach(var, offset - var.offset, target, where)
        return [self._table(section, var, places[var.name]) for var in datasec.vars]

    def _struct(self, var: Placed) -> tuple[int, Struct]:
        types = self._file.demand_types("struct_ops are declared by")
        id = types.resolve(var.type)
        struct = types.type(id)
        if not isinstance(struct, Struct) or not struct.name:
            raise FormatError(
                f"struct_ops {var.name} is no struct with a name",
                offset=types.sections.byte(types.starts[var.id]),
            )
        return id, struct

    def _attach(self, var: Placed, place: int, symbol: Symbol, where: int) -> None:
        """The program goes to the member of the struct at byte `place`, a pointer to a function."""
        types = self._file.demand_types("struct_ops are declared by")
        _, struct = self._struct(var)
        member = next((m for m in struct.members if m.bit_offset == place * 8), None)
        pointer = types.type(types.resolve(member.type)) if member is not None else None
        proto = types.type(types.resolve(pointer.type)) if isinstance(pointer, Ptr) else None
        program = self.programs[self._program(symbol)]
        if member is None or not isinstance(proto, FuncProto):
            raise FormatError(
                f"{var.name} holds {program.name} at byte {place}, where struct {struct.name} has"
                " no pointer to a function",
                offset=where,
            )
        if program.type != uapi.BPF_PROG_TYPE_STRUCT_OPS:
            raise FormatError(
                f"{var.name} holds {program.name}, which is not in a section struct_ops",
                offset=where,
            )
        hook = Attach("struct_ops", f"{struct.name}.{member.name}")
        self.programs[program.name] = replace(program, attach=(hook,))

    def _table(self, section: Section, var: Placed, values: dict[int, str]) -> MapSpec:
        id, struct = self._struct(var)
        contents = self._file.contents(section)[var.offset : var.offset + var.size]
        if struct.size != var.size:
            raise FormatError(
                f"struct_ops {var.name} has {var.size} bytes, its struct {struct.size}",
                offset=section.offset + var.offset,
            )
        return MapSpec(
            name=var.name,
            type=uapi.BPF_MAP_TYPE_STRUCT_OPS,
            key_size=_KEY_SIZE,
            value_size=struct.size,
            max_entries=1,
            flags=uapi.BPF_F_LINK if section.name.endswith(".link") else 0,
            value_btf=id,
            contents=contents,
            autocreate=not section.name.startswith("?"),
            values=tuple(sorted(values.items())),
        )
