"""Data sections as maps of one value, and the variables in them.

In: an `ObjectFile` and its DATASECs. Out: a `MapSpec` for each of `.data`, `.rodata`, `.bss` and
their namesakes (`.data.x`, `.rodata.str1.1`), a `VariableSpec` for each variable. What lies in
`.addr_space.1` is the start of the object's arena.
"""

from __future__ import annotations

from probee.errors import FormatError
from probee.frozen import replace
from probee.objfile.read_object import ARENA, MAX_ZEROES
from probee.spec.programs import MapSpec, VariableSpec
from probee.uapi import bpf as uapi, elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf.read import Section
    from probee.objfile.read_datasecs import Datasecs
    from probee.objfile.read_object import ObjectFile
    from probee.objfile.read_types import Values

KEY_SIZE = 4  # of an array


class Data:
    """`maps` of the data sections; `homes`: the name of the map by the section's number.

    `arena`: the map of `maps` that `.addr_space.1` belongs to, as it was and with its contents.
    """

    def __init__(
        self, file: ObjectFile, datasecs: Datasecs, values: Values, declared: list[MapSpec]
    ) -> None:
        self._file, self._datasecs, self._values = file, datasecs, values
        self.maps: list[MapSpec] = []
        self.variables: list[VariableSpec] = []
        self.homes: dict[int, str] = {}
        for section in file.data:
            self._section(section)
        self.arena = self._arena(declared)

    def _section(self, section: Section) -> None:
        name = section.name
        if self._file.named[name] is not section:
            raise FormatError(f"a second section {name}", offset=self._file.header_of(section))
        frozen = name.startswith(".rodata")
        datasec = self._datasecs.get(name)
        self.homes[section.index] = name
        self.maps.append(
            MapSpec(
                name=name,
                type=uapi.BPF_MAP_TYPE_ARRAY,
                key_size=KEY_SIZE,
                value_size=section.size,
                max_entries=1,
                flags=uapi.BPF_F_RDONLY_PROG if frozen else uapi.BPF_F_MMAPABLE,
                value_btf=0 if datasec is None else datasec.id,
                contents=self._file.contents(section),
                frozen=frozen,
            )
        )
        self._variables(section, name)

    def _variables(self, section: Section, home: str) -> None:
        datasec = self._datasecs.get(section.name)
        for var in datasec.vars if datasec is not None else ():
            self.variables.append(
                VariableSpec(
                    name=var.name,
                    section=home,
                    offset=var.offset,
                    type=self._values.of_size(var.type, var.size),
                    btf=var.id,
                )
            )

    def _arena(self, declared: list[MapSpec]) -> tuple[MapSpec, MapSpec] | None:
        section = self._file.named.get(ARENA)
        if section is None or not section.size:
            return None
        arenas = [map_ for map_ in declared if map_.type == uapi.BPF_MAP_TYPE_ARENA]
        if len(arenas) != 1:
            raise FormatError(
                f"section {ARENA} belongs to an arena; there are {len(arenas)} in .maps",
                offset=self._file.header_of(section),
            )
        if section.type == elf.SHT_NOBITS and section.size > MAX_ZEROES:
            raise FormatError(
                f"section {ARENA} has {section.size} bytes", offset=self._file.header_of(section)
            )
        arena = arenas[0]
        self.homes[section.index] = arena.name
        self._variables(section, arena.name)
        return arena, replace(arena, contents=self._file.contents(section))
