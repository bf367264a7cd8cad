"""What an object expects others to have: the kernel's configuration, variables and functions.

In: an `ObjectFile` and its DATASECs. Out: an `ExternSpec` for each symbol without a section, and
the map `.kconfig` with a place for each value. Source: bpf_object__collect_externs in libbpf.c; the
order there is by alignment, so that the places need no gaps.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import BOOL, Array, Enum, Enum64, Int as BtfInt
from probee.errors import FormatError
from probee.frozen import replace
from probee.objfile.read_data import KEY_SIZE
from probee.objfile.read_datasecs import KCONFIG, KSYMS, Datasec, Placed
from probee.spec.programs import ExternSpec, MapSpec
from probee.uapi import bpf as uapi, elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.elf.read import Symbol
    from probee.objfile.read_datasecs import Datasecs
    from probee.objfile.read_object import ObjectFile

_TRISTATE = "libbpf_tristate"
_SIZES = (1, 2, 4, 8)
_MOST = 1 << 20  # bytes of configuration in one object


class Externs:
    """`rows` by name, configuration first; `kconfig`: its map, None where there is none."""

    def __init__(self, file: ObjectFile, datasecs: Datasecs) -> None:
        self._file = file
        self.rows: dict[str, ExternSpec] = {}
        self.kconfig: MapSpec | None = None
        symbols = [symbol for symbol in file.by_section.get(elf.SHN_UNDEF, ()) if is_extern(symbol)]
        if not symbols:
            return
        self._types = file.demand_types("externs are declared by")
        self._homes = {
            var.name: (name, var)
            for name in (KCONFIG, KSYMS)
            if (datasec := datasecs.get(name)) is not None
            for var in datasec.vars
        }
        rows = [self._row(symbol) for symbol in symbols]
        config = sorted(
            (row for row in rows if row.kind == "kconfig"),
            key=lambda row: (-self._align(row), row.size, row.name),
        )
        others = sorted((row for row in rows if row.kind != "kconfig"), key=lambda row: row.name)
        self.rows = {row.name: row for row in [*self._placed(config, datasecs), *others]}

    def _row(self, symbol: Symbol) -> ExternSpec:
        home, var = self._homes.get(symbol.name, ("", None))
        if var is None:
            raise FormatError(
                f"{symbol.name} is declared here and defined nowhere",
                offset=self._file.place(symbol),
                hint="link this object with the one that defines it: bpftool gen object; of "
                "functions of the kernel clang writes what is needed since 12",
            )
        weak = symbol.bind == elf.STB_WEAK
        if self._types.kind(var.id) == kinds.FUNC:
            if home != KSYMS:
                raise self._wrong(var, f"function {var.name} is in {home}; expected {KSYMS}")
            return ExternSpec(var.name, "kfunc", var.id, weak, typed=True)
        if home == KSYMS:
            return ExternSpec(
                var.name, "ksym", var.id, weak, typed=bool(self._types.resolve(var.type))
            )
        size = self._types.size_of(var.type)
        value = self._value(var)
        return ExternSpec(var.name, "kconfig", var.id, weak, value=value, size=size)

    def _wrong(self, var: Placed, message: str) -> FormatError:
        start = self._types.starts[var.id]
        return FormatError(message, offset=self._types.sections.byte(start))

    def _value(self, var: Placed) -> str:
        """What kind of a value of the configuration the variable takes."""
        types = self._types
        match types.type(types.resolve(var.type)):
            case BtfInt(size=1, encoding=encoding) if encoding == BOOL:
                return "bool"
            case BtfInt(size=size, encoding=encoding) if encoding != BOOL and size in _SIZES:
                return "char" if size == 1 else "int"
            case Enum(name=name, size=4) | Enum64(name=name, size=4) if name == _TRISTATE:
                return "tristate"
            case Array(type=element, count=count) if count and self._is_char(element):
                return "chars"
        raise self._wrong(
            var,
            f"{var.name} has a type that no value of the configuration has; expected bool, char,"
            f" an integer, enum {_TRISTATE} or an array of char",
        )

    def _is_char(self, id: int) -> bool:
        type_ = self._types.type(self._types.resolve(id))
        return isinstance(type_, BtfInt) and type_.size == 1 and type_.encoding != BOOL

    def _align(self, row: ExternSpec) -> int:
        return 1 if row.value == "chars" else row.size

    def _placed(self, rows: list[ExternSpec], datasecs: Datasecs) -> list[ExternSpec]:
        """The rows with their places in the map `.kconfig`, which is made for them."""
        datasec = datasecs.get(KCONFIG)
        if not rows or datasec is None:
            return []
        placed, end = [], 0
        for row in rows:
            at = end + -end % self._align(row)
            end = at + row.size
            placed.append(replace(row, offset=at))
        if end > _MOST:
            raise FormatError(
                f"its values of the kernel's configuration take {end} bytes",
                offset=self._types.sections.byte(self._types.starts[datasec.id]),
            )
        self._define(self._types, datasecs, datasec, placed, end)
        self.kconfig = MapSpec(
            name=KCONFIG,
            type=uapi.BPF_MAP_TYPE_ARRAY,
            key_size=KEY_SIZE,
            value_size=end,
            max_entries=1,
            flags=uapi.BPF_F_RDONLY_PROG,
            value_btf=datasec.id,
            contents=bytes(end),
            frozen=True,
        )
        return placed

    def _define(
        self, types: Btf, datasecs: Datasecs, datasec: Datasec, rows: list[ExternSpec], size: int
    ) -> None:
        """In the BTF too, if each of its variables has a place now."""
        places = {row.name: row for row in rows}
        if len(places) != len(datasec.vars) or any(v.name not in places for v in datasec.vars):
            return
        found = [
            replace(var, linkage=1, offset=places[var.name].offset, size=places[var.name].size)
            for var in datasec.vars
        ]
        found.sort(key=lambda var: var.offset)
        datasecs.define(types, Datasec(datasec.id, datasec.name, size, tuple(found)))


def is_extern(symbol: Symbol) -> bool:
    """Whether a symbol stands for something outside of the object."""
    return (
        symbol.section == elf.SHN_UNDEF
        and symbol.bind in (elf.STB_GLOBAL, elf.STB_WEAK)
        and symbol.type == elf.STT_NOTYPE
        and bool(symbol.name)
    )
