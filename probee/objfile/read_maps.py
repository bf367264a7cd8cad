"""Maps that an object declares in `.maps`, by the types of their variables.

In: an `ObjectFile` and its DATASECs. Out: a `MapSpec` for each variable, and where in `.maps` it
stands, for what refers to it. A map's struct has a member for each attribute: a number is how many
elements the array behind a pointer has, or an enum's only value; a type is behind a pointer.
Source: parse_btf_map_def in libbpf.c.
"""

from __future__ import annotations

from probee.btf.types import Array, Enum, Enum64, FuncProto, Ptr, Struct
from probee.errors import FormatError
from probee.frozen import Frozen
from probee.objfile.read_object import MAPS
from probee.objfile.read_types import sized
from probee.spec.programs import MapSpec
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.objfile.read_datasecs import Datasecs, Placed
    from probee.objfile.read_object import ObjectFile
    from probee.objfile.read_types import Values

# Members of a map's struct that are numbers, and what MapSpec calls them.
NUMBERS = {
    "type": "type",
    "max_entries": "max_entries",
    "map_flags": "flags",
    "key_size": "key_size",
    "value_size": "value_size",
    "pinning": "pinning",
    "numa_node": "numa_node",
    "map_extra": "extra",
}
_WIDE = ("map_extra",)  # takes 64 bits, by an enum
MAPS_OF_MAPS = (uapi.BPF_MAP_TYPE_ARRAY_OF_MAPS, uapi.BPF_MAP_TYPE_HASH_OF_MAPS)
_NAMES = 1  # the highest `pinning`: LIBBPF_PIN_BY_NAME
_FD = 4  # bytes of a descriptor, which is what such maps hold
_S64 = 1 << 63


class Declared(Frozen):
    """A map and its variable; `values` is the first byte of its initial values, or -1."""

    spec: MapSpec
    var: Placed
    values: int = -1


def declared_maps(file: ObjectFile, datasecs: Datasecs, values: Values) -> list[Declared]:
    """All maps of `.maps`, by their place in it."""
    section = file.named.get(MAPS)
    if section is None or not section.size:
        return []
    types = file.demand_types("maps in `.maps` are declared by")
    datasec = datasecs.get(MAPS)
    if datasec is None or not datasec.vars:
        raise FormatError(
            "its BTF has no DATASEC .maps; its maps are unknown", offset=section.offset
        )
    found: list[Declared] = []
    end = 0
    for var in datasec.vars:
        if var.offset < end:
            raise FormatError(f"map {var.name} overlaps another map", offset=section.offset)
        end = var.offset + max(var.size, 1)
        definition = _Definition(types, values, var.name, 0)
        spec = definition.read(var.type)
        first = var.offset + definition.initial if definition.initial >= 0 else -1
        found.append(Declared(spec, var, first))
    return found


class _Definition:
    """One struct of attributes. `depth` 1: the template of a map of maps."""

    def __init__(self, types: Btf, values: Values, name: str, depth: int) -> None:
        self.types, self.name, self.depth = types, name, depth
        self.values = values
        self.numbers: dict[str, int] = {}
        self.inner: tuple[MapSpec, ...] = ()
        self.initial = -1
        self.btf = {"key": 0, "value": 0}
        self.where = 0

    def wrong(self, message: str) -> FormatError:
        return FormatError(f"map {self.name}: {message}", offset=self.where)

    def read(self, id: int) -> MapSpec:
        struct_id = self.types.resolve(id)
        struct = self.types.type(struct_id)
        self.where = self.types.sections.byte(self.types.starts[struct_id]) if struct_id else 0
        if not isinstance(struct, Struct):
            raise self.wrong("expected a struct of its attributes")
        for number, member in enumerate(struct.members):
            last = number == len(struct.members) - 1
            if member.name in NUMBERS:
                value = self._number(member.name, member.type)
                self._set(NUMBERS[member.name], value)
            elif member.name in self.btf:
                self._type(member.name, member.type)
            elif member.name == "values" and last:
                self._values(member.type)
                self.initial = member.bit_offset // 8
            elif member.name == "values":
                raise self.wrong("`values` must be its last member")
            else:
                raise self.wrong(f"{member.name!r} is no attribute of maps")
        return self._spec()

    def _set(self, field: str, value: int) -> None:
        """A size may be said twice, by number and by type, if both agree."""
        if self.numbers.setdefault(field, value) != value:
            raise self.wrong(f"{field} is {self.numbers[field]} and {value} at once")

    def _number(self, name: str, id: int) -> int:
        type_ = self.types.type(self.types.resolve(id))
        if isinstance(type_, Ptr):
            array = self.types.type(self.types.resolve(type_.type))
            if isinstance(array, Array):
                return array.count
        elif isinstance(type_, Enum | Enum64) and len(type_.values) == 1:
            value = type_.values[0].value
            limit = _S64 if name in _WIDE else 1 << 32
            if not 0 <= value < limit:
                raise self.wrong(f"{name} {value} is out of range")
            return value
        raise self.wrong(f"{name} is no number: expected a pointer to an array, or an enum")

    def _target(self, name: str, id: int) -> int:
        type_ = self.types.type(self.types.resolve(id))
        if not isinstance(type_, Ptr):
            raise self.wrong(f"{name} is no type: expected a pointer to it")
        return type_.type

    def _type(self, name: str, id: int) -> None:
        target = self._target(name, id)
        self._set(f"{name}_size", sized(self.types, target))
        self.btf[name] = target

    def _values(self, id: int) -> None:
        """Pointers to maps like a template, or to programs."""
        array = self.types.type(self.types.resolve(id))
        if not isinstance(array, Array):
            raise self.wrong("`values` is no array")
        target = self.types.type(self.types.resolve(self._target("values", array.type)))
        kind = self.numbers.get("type", 0)
        self._set("value_size", _FD)
        if kind in MAPS_OF_MAPS and not self.depth:
            inner = self._target("values", array.type)
            definition = _Definition(self.types, self.values, f"{self.name}.inner", 1)
            self.inner = (definition.read(inner),)
        elif kind != uapi.BPF_MAP_TYPE_PROG_ARRAY or self.depth:
            raise self.wrong("only maps of maps and program arrays have `values`")
        elif not isinstance(target, FuncProto):
            raise self.wrong("`values` of a program array are pointers to functions")

    def _spec(self) -> MapSpec:
        numbers = self.numbers
        if not numbers.get("type"):
            raise self.wrong("it has no type")
        if numbers.get("pinning", 0) > (0 if self.depth else _NAMES):
            raise self.wrong(f"pinning {numbers['pinning']} is not known")
        if numbers["type"] in MAPS_OF_MAPS:
            numbers.setdefault("value_size", _FD)
            if not self.inner and self.depth:
                raise self.wrong("a map of maps within a map of maps")
        said = numbers.get
        return MapSpec(
            name=self.name,
            type=numbers["type"],
            key_size=said("key_size", 0),
            value_size=said("value_size", 0),
            max_entries=said("max_entries", 0),
            flags=said("flags", 0),
            key_type=self.values.exact(self.btf["key"]),
            value_type=self.values.exact(self.btf["value"]),
            key_btf=self.btf["key"],
            value_btf=self.btf["value"],
            extra=said("extra", 0),
            pinning=said("pinning", 0),
            numa_node=said("numa_node", 0),
            inner=self.inner,
        )
