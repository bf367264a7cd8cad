"""Programs of an object, one row each.

In: the spec of an object, its types, and a kernel or none. Out: `ProgramRow`s.
"""

from __future__ import annotations

from struct import iter_unpack

from probee.errors import NotSupportedError
from probee.introspect.inspect.core import Core
from probee.introspect.inspect.facts import NOT_ASKED, Asked
from probee.introspect.inspect.hook import ask_hook, hook_of, type_name
from probee.introspect.inspect.report import (
    FunctionRow,
    HelperRow,
    KfuncRow,
    LineRow,
    ProgramRow,
)
from probee.introspect.inspect.spelling import beginning
from probee.objfile.read_datasecs import KCONFIG
from probee.tables import helpers as helper_table, hooks, programs as program_table, sections
from probee.tables.licenses import GPL_COMPATIBLE
from probee.uapi.bpf import BPF_F_SLEEPABLE, BPF_MAP_TYPE_INSN_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.btf.table import TypeTable
    from probee.introspect.inspect.facts import Kernel
    from probee.spec.programs import CollectionSpec, ProgramSpec, VariableSpec
    from probee.tables.sections import Section

_SLOT = 8
_UNKNOWN = Asked("unknown", "the section's name says no known program type")
_ATTACH = {row.number: row for row in program_table.ATTACH_TYPES}


class Programs:
    """What explains the programs of one object. `variables` lie in its data sections."""

    def __init__(
        self,
        spec: CollectionSpec,
        types: TypeTable | None,
        kernel: Kernel | None,
        variables: Iterable[VariableSpec],
    ) -> None:
        self._spec, self._types, self._kernel = spec, types, kernel
        other = kernel is not None and kernel.big_endian != (spec.endian == "big")
        self._asked = None if other else kernel
        self._core = Core(types, self._asked, spec.endian)
        self._gpl = spec.license in GPL_COMPATIBLE
        self._externs = {extern.name: extern for extern in spec.externs}
        places: dict[str, list[tuple[int, int, str]]] = {}
        for variable in variables:
            row = (variable.offset, variable.offset + variable.type.size, variable.name)
            places.setdefault(variable.section, []).append(row)
        for extern in spec.externs:
            if extern.kind == "kconfig":
                row = (extern.offset, extern.offset + extern.size, extern.name)
                places.setdefault(KCONFIG, []).append(row)
        self._places = places
        self._tables = {m.name for m in spec.maps if m.type == BPF_MAP_TYPE_INSN_ARRAY}

    def row(self, program: ProgramSpec) -> ProgramRow:
        """One program explained."""
        section = _section(program.section)
        kind = section.names[0] if section is not None else ""
        hook = hooks.by_section(kind) if kind else None
        target = hook_of(program)
        point, loads = _UNKNOWN, _UNKNOWN
        if self._asked is None:
            point = loads = NOT_ASKED
        elif hook is not None:
            point, loads = ask_hook(program, hook, self._asked)
        type_ = program_table.by_number(program.type)
        attach = _ATTACH.get(program.attach_type) if kind and program.attach_type else None
        return ProgramRow(
            name=program.name,
            section=program.section,
            autoload=program.autoload,
            type=type_name(program.type),
            attach_type=attach.name if attach is not None else "",
            hook=target,
            runs=hooks.runs_when(kind, target) if kind else "",
            target=hook.target if hook is not None else "",
            sleepable=bool(program.flags & BPF_F_SLEEPABLE),
            since=_since(
                type_.since if type_ else "",
                attach.since if attach and section and not section.optional else "",
            ),
            instructions=len(program.code) // _SLOT,
            size=len(program.code),
            functions=_functions(program),
            sources=self._sources(program),
            helpers=self._helpers(program),
            kfuncs=self._kfuncs(program),
            maps=_distinct(
                reloc.symbol
                for reloc in program.relocs
                if reloc.kind == "map" or reloc.symbol in self._tables
            ),
            variables=self._variables(program),
            symbols=_distinct(reloc.symbol for reloc in program.relocs if reloc.kind == "ksym"),
            core=self._core.rows(program),
            attach_point=point,
            loads=loads,
        )

    def _helpers(self, program: ProgramSpec) -> tuple[HelperRow, ...]:
        return tuple(self._helper(program, name) for name in program.helpers)

    def _helper(self, program: ProgramSpec, name: str) -> HelperRow:
        if not helper_table.exists(name):
            number = name.removeprefix("helper ")
            here = NOT_ASKED
            if self._asked is not None and program.type and number.isdigit():
                here = self._asked.helper(program.type, int(number))
            return HelperRow(name, "", False, True, here)
        helper = helper_table.by_name(name)
        here = NOT_ASKED
        if self._asked is not None and program.type:
            here = self._asked.helper(program.type, helper.id)
        licensed = self._gpl or not helper.gpl
        return HelperRow(f"bpf_{helper.name}", helper.since, helper.gpl, licensed, here)

    def _kfuncs(self, program: ProgramSpec) -> tuple[KfuncRow, ...]:
        from probee.introspect.inspect.externs import ask_extern

        rows = []
        for name in _distinct(reloc.symbol for reloc in program.relocs if reloc.kind == "kfunc"):
            extern = self._externs.get(name)
            here = NOT_ASKED
            if extern is not None and self._asked is not None:
                here = ask_extern(extern, self._types, self._asked)[0]
            rows.append(KfuncRow(name, extern is not None and extern.weak, here))
        return tuple(rows)

    def _variables(self, program: ProgramSpec) -> tuple[str, ...]:
        """The variables whose places code takes the address of; of no variable: the place."""
        names = []
        for reloc in program.relocs:
            if reloc.kind == "value" and reloc.symbol not in self._tables:
                names.append(self._variable(reloc.symbol, reloc.addend))
            elif reloc.kind == "const":
                names.append(reloc.symbol)
        return _distinct(names)

    def _variable(self, section: str, at: int) -> str:
        """The name of what stands there; of a text without one its place, and how it begins."""
        unnamed = f"{section}+{at}"
        for start, end, name in self._places.get(section, ()):
            if start <= at < end and name != unnamed:
                return name
        text = ""
        if section == ".rodata" or section.startswith(".rodata.str"):
            found = next((m.contents for m in self._spec.maps if m.name == section), b"")
            text = beginning(found[at:])
        return f"{unnamed} = {text}" if text else unnamed

    def _sources(self, program: ProgramSpec) -> tuple[LineRow, ...]:
        """By file, the first and the last line that instructions are of."""
        if self._types is None or len(program.line_info) % 16:
            return ()
        order = "<" if self._spec.endian == "little" else ">"
        found: dict[str, tuple[int, int]] = {}
        for _, file, _, place in iter_unpack(f"{order}4I", program.line_info):
            line = place >> 10
            if line:
                name = self._types.string(file)
                first, last = found.get(name, (line, line))
                found[name] = min(first, line), max(last, line)
        return tuple(LineRow(name, *lines) for name, lines in found.items())


def _section(name: str) -> Section | None:
    """The row that a section's name is of, None for one that says no program type."""
    try:
        return sections.by_section(name).row
    except NotSupportedError:
        return None


def _since(*versions: str) -> str:
    """The newest of some versions."""
    known = [version for version in versions if version]
    return max(known, key=lambda v: tuple(map(int, v.split("."))), default="")


def _functions(program: ProgramSpec) -> tuple[FunctionRow, ...]:
    ends = [start for _, start in program.functions[1:]] + [len(program.code) // _SLOT]
    return tuple(
        FunctionRow(name, start, end - start)
        for (name, start), end in zip(program.functions, ends, strict=False)
    )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
