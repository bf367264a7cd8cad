"""The programs of an object, each with the subprograms that it calls behind it.

In: `Code` and `Ext` of an object. Out: a `ProgramSpec` for each function of a section that is not
`.text`. Subprograms follow in the order in which libbpf appends them (bpf_object__reloc_code in
libbpf.c): at each call of one that is not there yet, that one first with all that it calls. So the
kernel gives both the same tag.
"""

from __future__ import annotations

from struct import pack, pack_into

from probee.errors import FormatError, NotSupportedError
from probee.frozen import Frozen
from probee.objfile.read_tables import VALUE_SLOTS, map_of
from probee.spec.programs import Attach, CoreReloc, ProgramSpec, Reloc
from probee.tables import helpers, programs, sections
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf.read import Section
    from probee.objfile.read_code import Body, Code, Function
    from probee.objfile.read_ext import Ext
    from probee.spec.programs import MapSpec

_SLOT = 8
_MOST_SLOTS = 1_000_000  # of one program: BPF_COMPLEXITY_LIMIT_INSNS
_SPARE = 1 << 20  # slots of all programs together that any file may have, beside 8 a byte
# `Attach.kind` where it is not the first name of the section
_KINDS = {"raw_tracepoint": "raw_tp"}
_HELPERS = {row.id: row.name for row in helpers.all_helpers()}


class Programs:
    """Makes the specs; `tables`: the maps of their jump tables, by name.

    `budget`: how many slots they may still take together.
    """

    def __init__(self, code: Code, ext: Ext) -> None:
        self._code, self._ext = code, ext
        self._file = code.file
        self._budget = _SPARE + len(self._file.elf.data) * 8
        self._parts: dict[Function, _Part] = {}
        self.tables: dict[str, MapSpec] = {}
        self._numbers: dict[str, int] = {}  # by name, the last that was put behind it

    def all(self) -> list[ProgramSpec]:
        """In the order of sections, and of places within each."""
        entries = [
            (section, function)
            for section in self._file.code
            for function in self._code.of(section)
            if not function.local
        ]
        if len(entries) > 1 or (entries and self._file.text and self._called()):
            entries = [e for e in entries if e[0].index != self._file.text]
        return [self._program(section, function) for section, function in entries]

    def _called(self) -> bool:
        """Whether the only global function is one of several in `.text`."""
        return len(self._code.of(self._file.sections[self._file.text])) > 1

    def _part(self, function: Function) -> _Part:
        found = self._parts.get(function)
        if found is None:
            found = self._parts[function] = _Part(
                self._code.body(function),
                self._ext.type_of(function),
                self._ext.lines(function),
                self._ext.core(function),
            )
        return found

    def _linked(self, main: Function) -> list[tuple[int, Function, _Part]]:
        """The main function and its subprograms: (first slot, function, part)."""
        first = self._part(main)
        starts = {main: 0}
        found = [(0, main, first)]
        end = len(first.body.code) // _SLOT
        waiting = [iter(first.body.calls)]
        while waiting:
            call = next(waiting[-1], None)
            if call is None:
                waiting.pop()
            elif call[1] not in starts:
                part = self._part(call[1])
                starts[call[1]] = end
                found.append((end, call[1], part))
                end += len(part.body.code) // _SLOT
                waiting.append(iter(part.body.calls))
                if end > _MOST_SLOTS:
                    break
        self._budget -= end + sum(part.table_slots for _, _, part in found)
        if end > _MOST_SLOTS or self._budget < 0:
            raise FormatError(
                f"program {main.name} has {end} instructions with its subprograms; one may have"
                f" {_MOST_SLOTS}, and all together not many times what the file holds",
                offset=self._file.sections[main.section].offset + main.start,
            )
        return found

    def _program(self, section: Section, main: Function) -> ProgramSpec:
        linked = self._linked(main)
        starts = {function: start for start, function, _ in linked}
        order = self._file.order
        code = bytearray(b"".join([part.body.code for _, _, part in linked]))
        relocs: list[Reloc] = []
        core: list[CoreReloc] = []
        types: list[int] = []
        lines: list[int] = []
        numbers: dict[int, None] = {}
        for start, _, part in linked:
            for at, target, is_address in part.body.calls:
                slot = start + at
                pack_into(order + "i", code, slot * _SLOT + 4, starts[target] - slot - 1)
                if is_address:
                    pack_into(order + "i", code, slot * _SLOT + 12, 0)
            relocs += self._relocs(main, start, part)
            core += [
                CoreReloc(start + slot, kind, name, path, "", id, access)
                for slot, kind, name, path, id, access in part.core
            ]
            types += [start, part.type] if part.type else []
            for slot, file, text, place in part.lines:
                lines += (start + slot, file, text, place)
            numbers.update(dict.fromkeys(part.body.helpers))
        if len(types) != 2 * len(linked):
            types = lines = []  # the kernel takes them for all functions, or for none
        said = _said(section.name.removeprefix("?"))
        return ProgramSpec(
            main.name,
            said.type,
            said.attach_type,
            said.attach,
            bytes(code),
            tuple(relocs),
            pack(f"{order}{len(types)}I", *types),
            pack(f"{order}{len(lines)}I", *lines),
            tuple((function.name, start) for start, function, _ in linked),
            (),
            tuple(_HELPERS.get(n, f"helper {n}") for n in numbers),
            said.flags,
            tuple(core),
            section.name.removeprefix("?"),
            not section.name.startswith("?"),
        )

    def _relocs(self, main: Function, start: int, part: _Part) -> list[Reloc]:
        """Those of a part that starts at slot `start` of program `main`."""
        if not part.body.tables:
            return [
                Reloc(start + slot, kind, symbol, addend)
                for slot, kind, symbol, addend in part.body.relocs
            ]
        names = []
        for table in part.body.tables:
            name = self._free(table.name, main)
            self.tables[name] = map_of(table, name, start, self._file.order)
            names.append(name)
        return [
            Reloc(start + slot, "value", names[addend], 0)
            if kind == "table"
            else Reloc(start + slot, kind, symbol, addend)
            for slot, kind, symbol, addend in part.body.relocs
        ]

    def _free(self, name: str, main: Function) -> str:
        """A name that no table has. A second program with the same subprogram has its table at
        another place; and tables of several functions may be called alike, if they are local.
        """
        if name not in self.tables:
            return name
        name = free = f"{name}.{main.name}"
        while free in self.tables:
            number = self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}.{number}"
        return free


class _Said(Frozen):
    """What a section's name says of its programs, as in `ProgramSpec`."""

    type: int = 0
    attach_type: int = 0
    attach: tuple[Attach, ...] = ()
    flags: int = 0


class _Part:
    """What a function brings into each program that has it."""

    __slots__ = ("body", "core", "lines", "table_slots", "type")

    def __init__(
        self,
        body: Body,
        type_: int,
        lines: list[tuple[int, int, int, int]],
        core: list[tuple[int, str, str, str, int, str]],
    ) -> None:
        self.body, self.type, self.lines, self.core = body, type_, lines, core
        self.table_slots = sum(len(table.slots) for table in body.tables) * VALUE_SLOTS


def _said(section: str) -> _Said:
    """A name that says nothing gives type 0, as libbpf does: whoever loads it may know."""
    try:
        found = sections.by_section(section)
    except NotSupportedError:
        return _Said()
    row = found.row
    kind = _KINDS.get(row.names[0], row.names[0])
    target = found.hook.replace("/", ":", 1) if kind == "tracepoint" else found.hook
    flags = uapi.BPF_F_SLEEPABLE if found.sleepable else 0
    return _Said(
        programs.by_name(row.program_type).number,
        programs.attach_type(row.attach_type).number if row.attach_type else 0,
        (Attach(kind, target),) if found.hook else (),
        flags | (uapi.BPF_F_XDP_HAS_FRAGS if row.frags else 0),
    )
