"""A CollectionSpec as a BPF ELF object, as clang makes them for libbpf.

In: what the compiler made, with constants in `.rodata`. Out: the file's bytes, the same for the
same spec. In order: `.text` with subprograms, a section for each hook with its relocations, the
license, data, maps, types, symbols. The map `.percpu` becomes one that libbpf can make: it has no
first values there but zeroes, see `uninitialised`.
"""

from __future__ import annotations

from probee.btf.ext import (
    BtfExt,
    CoreRelo,
    ExtSection,
    FuncInfo,
    read_line_info,
    write_ext,
)
from probee.elf.write import ElfWriter
from probee.errors import UsageError
from probee.frozen import replace
from probee.objfile import forms
from probee.objfile.place import placed
from probee.objfile.types import ObjectTypes
from probee.spec.programs import PER_CPU, UNRESOLVED
from probee.tables.core_records import BY_NAME
from probee.uapi import elf as uapi
from probee.uapi.bpf import BPF_MAP_TYPE_INSN_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.btf.ext import LineInfo
    from probee.objfile.place import Placed, Reference
    from probee.spec.programs import CollectionSpec

_CODE = uapi.SHF_ALLOC | uapi.SHF_EXECINSTR
_DATA = uapi.SHF_ALLOC | uapi.SHF_WRITE
_ALIGN = 8


def write(spec: CollectionSpec) -> bytes:
    """The object. UsageError for a spec that is bound to a kernel, or to probee's own loader, for
    one that was read from another compiler's object and holds what ours never makes, and for a
    license that would not arrive whole.
    """
    if any(c.value != UNRESOLVED for p in spec.programs for c in p.core):
        raise UsageError("these programs are bound to a kernel: compile them anew")
    for what in _foreign(spec):
        raise UsageError(f"{what}: that is read from objects, and not written")
    size = len(forms.license_bytes(spec.license))
    if size > forms.LONGEST_LICENSE:
        raise UsageError(
            f"the license has {size} bytes: libbpf would cut it after {forms.LONGEST_LICENSE}"
        )
    functions = placed(spec)
    types = ObjectTypes(spec, functions)
    return _Object(spec, functions, types).build()


def _foreign(spec: CollectionSpec) -> Iterator[str]:
    """What of a spec has no place in the objects that are written here."""
    if spec.externs or spec.version:
        yield "externs of the kernel" if spec.externs else "a version of the kernel"
    for map_ in spec.maps:
        plain = replace(map_, pinning=0, numa_node=0, autocreate=True, inner=(), values=())
        data = map_.name.startswith(".") and map_.name not in (*forms.DATA_SECTIONS, PER_CPU)
        if plain != map_ or data or map_.type == BPF_MAP_TYPE_INSN_ARRAY:
            yield f"map {map_.name}"
    for program in spec.programs:
        known = all(hook.kind in forms.HOOKS for hook in program.attach)
        if not known or program.flags or not program.autoload:
            yield f"program {program.name} in section {program.section or 'of another kind'}"
        for core in program.core:
            if core.kind not in forms.CORE:
                yield f"CO-RE {core.kind} in {program.name}"


def uninitialised(spec: CollectionSpec) -> list[str]:
    """Names of the per-CPU variables whose first value no other loader than probee's will set."""
    maps = [map_ for map_ in spec.maps if map_.name == PER_CPU]
    return [
        variable.name
        for variable in spec.variables
        if variable.section == PER_CPU
        and any(maps[0].contents[variable.offset : variable.offset + variable.type.size])
    ]


class _Object:
    def __init__(
        self, spec: CollectionSpec, functions: Sequence[Placed], types: ObjectTypes
    ) -> None:
        self.spec, self.functions, self.types = spec, functions, types
        self.elf = ElfWriter(uapi.EM_BPF, big_endian=spec.endian == "big")
        self.sections: dict[str, int] = {}
        self.symbols: dict[tuple[str, str], int] = {}
        self.names: dict[str, str] = {}

    def build(self) -> bytes:
        self._code()
        self._data()
        self._types()
        self._symbols()
        for function in self.functions:
            rows = [(function.at + r.offset, self._symbol(r), r.type) for r in function.references]
            if rows:
                self.elf.relocate(self.sections[function.section], rows)
        return self.elf.build()

    def _section(
        self, name: str, data: bytes, flags: int, align: int, *, zeroes: bool = False
    ) -> None:
        kind = uapi.SHT_NOBITS if zeroes else uapi.SHT_PROGBITS
        self.sections[name] = self.elf.section(
            name, kind, b"" if zeroes else data, flags=flags, align=align, size=len(data)
        )

    def _code(self) -> None:
        code = {forms.TEXT: b""}
        for function in self.functions:
            code[function.section] = code.get(function.section, b"") + function.code
        for name, data in code.items():
            self._section(name, data, _CODE, _ALIGN if data else 4)

    def _data(self) -> None:
        self._section(forms.LICENSE, forms.license_bytes(self.spec.license) + b"\0", _DATA, 1)
        for name in forms.DATA_SECTIONS:
            for map_ in self.spec.maps:
                if map_.name == name:
                    flags = uapi.SHF_ALLOC if map_.frozen else _DATA
                    zeroes = name == ".bss"
                    self._section(name, map_.contents, flags, _ALIGN, zeroes=zeroes)
        size = self.types.sizes.get(forms.MAPS, 0)
        if size:
            self._section(forms.MAPS, bytes(size), _DATA, _ALIGN)

    def _types(self) -> None:
        ext = self._ext()
        self._section(forms.BTF, self.types.build(), 0, 4)
        if ext.func_info or ext.line_info or ext.core_relo:
            data = write_ext(ext, big_endian=self.spec.endian == "big")
            self._section(forms.BTF_EXT, data, 0, 4)

    def _ext(self) -> BtfExt:
        parts: tuple[
            dict[str, list[FuncInfo]], dict[str, list[LineInfo]], dict[str, list[CoreRelo]]
        ]
        parts = {}, {}, {}
        for function in self.functions:
            section = function.section
            parts[0].setdefault(section, []).extend(self._func_info(function))
            parts[1].setdefault(section, []).extend(self._line_info(function))
            parts[2].setdefault(section, []).extend(self._core(function))
        string = self.types.builder.string
        made = [
            tuple(ExtSection(string(name), tuple(rows)) for name, rows in part.items() if rows)
            for part in parts
        ]
        return BtfExt(*made)

    def _func_info(self, function: Placed) -> list[FuncInfo]:
        type_ = self.types.functions.get(function.symbol)
        return [] if type_ is None else [FuncInfo(function.at, type_)]

    def _line_info(self, function: Placed) -> list[LineInfo]:
        rows = read_line_info(function.program.line_info, big_endian=self.spec.endian == "big")
        return [
            replace(row, insn_off=_byte(function, row.insn_off))
            for row in rows
            if function.start <= row.insn_off < function.end
        ]

    def _core(self, function: Placed) -> list[CoreRelo]:
        return [
            CoreRelo(
                _byte(function, core.insn),
                core.type,
                self.types.builder.string(core.access),
                BY_NAME[core.kind].number,
            )
            for core in function.program.core
            if function.start <= core.insn < function.end
        ]

    def _symbols(self) -> None:
        """Sections that code refers to, functions, variables, the kernel's functions."""
        for function in self.functions:
            for reference in function.references:
                key = (reference.kind, reference.symbol)
                if reference.kind == "section" and key not in self.symbols:
                    self.symbols[key] = self.elf.symbol(
                        "", self.sections[reference.symbol], type=uapi.STT_SECTION
                    )
        for function in self.functions:
            self._name(function.symbol, "program")
            self.symbols["function", function.symbol] = self.elf.symbol(
                function.symbol, self.sections[function.section], value=function.at,
                size=len(function.code), type=uapi.STT_FUNC,
                bind=uapi.STB_LOCAL if function.hook < 0 else uapi.STB_GLOBAL,
            )  # fmt: skip
        for variable in self.types.variables:
            self._name(variable.name, "variable")
            kind = "map" if variable.section == forms.MAPS else "variable"
            self.symbols[kind, variable.name] = self.elf.symbol(
                variable.name, self.sections[variable.section], value=variable.offset,
                size=variable.size, type=uapi.STT_OBJECT,
                bind=uapi.STB_WEAK if variable.weak else uapi.STB_GLOBAL,
            )  # fmt: skip
        for name in self.types.kfuncs:
            self._name(name, "function of the kernel")
            self.symbols["kfunc", name] = self.elf.symbol(name, None, bind=uapi.STB_GLOBAL)

    def _name(self, name: str, what: str) -> None:
        if name in self.names:
            raise UsageError(
                f"a {self.names[name]} and a {what} are both called {name}",
                hint="an object file has one name for each: rename one",
            )
        self.names[name] = what

    def _symbol(self, reference: Reference) -> int:
        symbol = reference.symbol
        if reference.kind == "map":
            symbol = forms.map_symbol(symbol)
        return self.symbols[reference.kind, symbol]


def _byte(function: Placed, slot: int) -> int:
    """Where in its section a slot of the program stands."""
    return function.at + (slot - function.start) * 8
