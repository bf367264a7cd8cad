"""What an object of probee's says of itself, put back: the spec that it was written from.

In: an object as any reader has it, with probee's decl tags in its types. Out: the compiler's spec,
equal to the one before, if the object is what `write` made of it. In one that was linked with
others, or says nothing, all stays as it was read. Raises FormatError for metadata that is damaged
or does not fit what is in the object.
"""

from __future__ import annotations

from array import array

from probee.btf.encode import blob
from probee.btf.ext import read_func_info
from probee.btf.kinds import DECL_TAG
from probee.btf.reader import Btf
from probee.btf.types import DeclTag
from probee.errors import FormatError
from probee.frozen import replace
from probee.objfile import forms
from probee.objfile.metadata import PREFIX, own_checksum
from probee.objfile.normal import normal_code
from probee.objfile.words import Table, number, unquoted
from probee.spec.programs import (
    PER_CPU,
    Attach,
    CollectionSpec,
    ContextField,
    CounterSpec,
    MapSpec,
    ProgramSpec,
    VariableSpec,
)
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    from probee.spec.programs import CoreReloc, Reloc

    T = TypeVar("T")


def restore(spec: CollectionSpec) -> CollectionSpec:
    """`spec` as its metadata has it. `spec.btf` holds all types of the object."""
    if PREFIX.encode() not in spec.btf:
        return spec
    restoring = _Restoring(spec)
    return restoring.result() if restoring.whole() else spec


class _Restoring:
    """`rows`: words of the tags by (what they are on, their first word)."""

    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self.types = Btf(spec.btf)
        self.rows: dict[tuple[int, str], list[list[str]]] = {}
        self.all: dict[str, list[list[str]]] = {}
        for id in range(1, len(self.types) + 1):
            if self.types.kind(id) != DECL_TAG:
                continue
            tag = self.types.type(id)
            if isinstance(tag, DeclTag) and tag.value.startswith(PREFIX):
                kind, *words = tag.value.removeprefix(PREFIX).split(" ")
                self.rows.setdefault((tag.type, kind), []).append(words)
                self.all.setdefault(kind, []).append(words)
        self.functions = {_function(spec, program): program for program in spec.programs}
        self.structs = Table()
        for row in sorted(self.all.get("struct", ()), key=_number_of):
            self.structs.add(row)

    def whole(self) -> bool:
        """Whether the metadata is of all that is in the object, and no other's."""
        if any(len(self.all.get(kind, ())) != 1 for kind in ("btf", "maps", "structs")):
            return False
        maps = {forms.map_symbol(unquoted(word)) for word in self.all["maps"][0]}
        told = {id for id, kind in self.rows if kind in ("program", "also")}
        return maps == {map_.name for map_ in self.spec.maps} and told == set(self.functions)

    def result(self) -> CollectionSpec:
        """The compiler's spec."""
        names = [unquoted(word) for word in self.all["maps"][0]]
        found = {map_.name: map_ for map_ in self.spec.maps}
        maps = tuple(self.map(name, found[forms.map_symbol(name)]) for name in names)
        variables, counters = self.variables(found)
        return CollectionSpec(
            maps=maps,
            programs=self.programs(),
            variables=variables,
            counters=counters,
            structs=tuple(self.structs.row(word) for word in self.all["structs"][0] if word),
            btf=self.btf(),
            license=self.spec.license,
            endian=self.spec.endian,
        )

    def btf(self) -> bytes:
        """The types of the collection alone; all of them where a linker has put them in order."""
        count, size, check = (number(word) for word in _words(self.all["btf"][0], 3))
        sections, starts = self.types.sections, self.types.starts
        if not 0 < count <= len(self.types) or not 0 < size <= len(sections.strings):
            return self.spec.btf if count or size else b""
        words = array("I", sections.words[: starts[count + 1]])
        strings = bytes(sections.strings[:size])
        if own_checksum(words.tobytes(), strings) != check:
            return self.spec.btf
        return blob(words, strings, big_endian=self.types.big_endian)

    def one(self, id: int, kind: str) -> list[str] | None:
        """The words of the only tag of a kind on a type."""
        rows = self.rows.get((id, kind), [])
        if len(rows) > 1:
            raise _wrong(f"{self.types.name(id)} has {len(rows)} tags {kind}")
        return rows[0] if rows else None

    def map(self, name: str, found: MapSpec) -> MapSpec:
        """A map of the spec, from the object's and its tag."""
        if name in forms.DATA_SECTIONS:
            frozen = name == ".rodata"
            return MapSpec(
                name=name,
                type=uapi.BPF_MAP_TYPE_ARRAY,
                key_size=4,
                value_size=len(found.contents),
                max_entries=1,
                flags=uapi.BPF_F_RDONLY_PROG if frozen else uapi.BPF_F_MMAPABLE,
                value_btf=found.value_btf,
                contents=found.contents,
                frozen=frozen,
            )
        var = self.variable_of(found.name)
        key, value, entries = _words(self.one(var, "map"), 3)
        made = MapSpec(
            name=name,
            type=found.type,
            key_size=found.key_size,
            value_size=found.value_size,
            max_entries=number(entries) or found.max_entries,
            flags=found.flags,
            key_type=self.structs.type(key),
            value_type=self.structs.type(value),
            key_btf=found.key_btf,
            value_btf=found.value_btf,
            extra=found.extra,
        )
        # What a perf event array's records are says nothing of its values, which are descriptors.
        pairs = [(made.key_type, made.key_size), (made.value_type, made.value_size)]
        for type_, size in pairs[: 1 if made.type == uapi.BPF_MAP_TYPE_PERF_EVENT_ARRAY else 2]:
            if type_ is not None and size not in (0, type_.size):
                raise _wrong(f"map {name} has {size} bytes where a type of {type_.size} is said")
        if name == PER_CPU:
            (contents,) = _words(self.one(var, "percpu"), 1)
            return replace(made, contents=_bytes(contents, made.value_size))
        return made

    def variable_of(self, name: str) -> int:
        """The VAR of a map."""
        tagged = [id for id, kind in self.rows if kind == "map" and self.types.name(id) == name]
        if len(tagged) != 1:
            raise _wrong(f"map {name} has {len(tagged)} tags")
        return tagged[0]

    def variables(
        self, maps: dict[str, MapSpec]
    ) -> tuple[tuple[VariableSpec, ...], tuple[CounterSpec, ...]]:
        """Constants, globals and counters, in their order."""
        variables: list[tuple[int, VariableSpec]] = []
        counters: list[tuple[int, CounterSpec]] = []
        for found in self.spec.variables:
            row = self.one(found.btf, "variable")
            if row is not None:
                at, word = _words(row, 2)
                type_ = self.structs.demanded(word)
                if type_.size != found.type.size:
                    raise _wrong(f"{found.name} has {found.type.size} bytes, not {type_.size}")
                made = VariableSpec(found.name, found.section, found.offset, type_)
                variables.append((number(at), made))
            row = self.one(found.btf, "counter")
            if row is not None:
                at, kind, subject, program, file, line, text = _words(row, 7)
                said = unquoted(kind), unquoted(subject), found.section, found.offset
                where = unquoted(program), unquoted(file), number(line), unquoted(text)
                counter = CounterSpec(*said, *where)
                if forms.counter_name(counter, number(at)) != found.name:
                    raise _wrong(f"{found.name} is not counter {at} of kind {counter.kind}")
                counters.append((number(at), counter))
        if forms.PERCPU_MAP in maps:
            for row in self.rows.get((self.variable_of(forms.PERCPU_MAP), "variable"), ()):
                at, word, name, offset = _words(row, 4)
                type_ = self.structs.demanded(word)
                place = number(offset)
                if not 0 <= place <= maps[forms.PERCPU_MAP].value_size - type_.size:
                    raise _wrong(f"{unquoted(name)} lies outside of the variables of each CPU")
                variables.append((number(at), VariableSpec(unquoted(name), PER_CPU, place, type_)))
        return _ordered(variables), _ordered(counters)

    def programs(self) -> tuple[ProgramSpec, ...]:
        """The programs, each once whatever its hooks."""
        programs: list[tuple[int, ProgramSpec]] = []
        for id, found in self.functions.items():
            row = self.one(id, "program")
            if row is not None:
                at, *hooks = row or [""]
                attach = tuple(_hook(word) for word in hooks)
                programs.append((number(at), self.program(id, found, attach)))
        ordered = _ordered(programs)
        known = {program.name: program for program in ordered}
        for id, found in self.functions.items():
            row = self.one(id, "also")
            if row is not None:
                name = unquoted(_words(row, 1)[0])
                one = known.get(name)
                if one is None or self.plain(found) != (one.code, one.relocs):
                    raise _wrong(f"{found.name} is not the same program as {name}")
        return ordered

    def plain(self, found: ProgramSpec) -> tuple[bytes, tuple[Reloc, ...]]:
        """Code as the compiler has it, and relocations."""
        relocs = tuple(
            replace(r, symbol=PER_CPU) if r.symbol == forms.PERCPU_MAP else r for r in found.relocs
        )
        return normal_code(found, self.spec.endian), relocs

    def program(self, id: int, found: ProgramSpec, attach: tuple[Attach, ...]) -> ProgramSpec:
        """One program of the spec."""
        code, relocs = self.plain(found)
        fields = [_words(row, 4) for row in self.rows.get((id, "context"), ())]
        return ProgramSpec(
            name=found.name,
            type=found.type,
            attach_type=found.attach_type,
            attach=attach,
            code=code,
            relocs=relocs,
            func_info=found.func_info,
            line_info=found.line_info,
            functions=self.functions_of(found),
            context=tuple(
                ContextField(unquoted(name), number(at), number(size), sign == "1")
                for name, at, size, sign in fields
            ),
            helpers=found.helpers,
            flags=found.flags,
            core=self.core(id, found),
        )

    def functions_of(self, found: ProgramSpec) -> tuple[tuple[str, int], ...]:
        """By the names of their types: in `.text` no two functions have one symbol."""
        rows = read_func_info(found.func_info, big_endian=self.types.big_endian)
        if len(rows) != len(found.functions):
            return found.functions
        return tuple((self.types.name(row.type), row.insn_off) for row in rows)

    def core(self, id: int, found: ProgramSpec) -> tuple[CoreReloc, ...]:
        """CO-RE records in the compiler's words."""
        own = {}
        for row in self.rows.get((id, "core"), ()):
            slot, kind, path, wants = _words(row, 4)
            own[number(slot), kind] = (unquoted(path), unquoted(wants))
        told = []
        for core in found.core:
            said = own.get((core.insn, core.kind))
            for row in self.rows.get((core.type, "core"), ()) if said is None else ():
                kind, access, path, wants = _words(row, 4)
                if (kind, access) == (core.kind, core.access):
                    said = (unquoted(path), unquoted(wants))
            if said is not None:
                struct = self.types.name(core.type)
                told.append(replace(core, struct=struct, path=said[0], wants=said[1]))
            else:
                told.append(core)
        return tuple(told)


def _function(spec: CollectionSpec, program: ProgramSpec) -> int:
    """The FUNC of a program; 0 where its object says none."""
    rows = read_func_info(program.func_info, big_endian=spec.endian == "big")
    return rows[0].type if rows else 0


def _hook(word: str) -> Attach:
    kind, colon, target = word.partition(":")
    if not colon or kind not in forms.HOOKS:
        raise _wrong(f"{word!r} is no hook")
    return Attach(kind, unquoted(target))


def _ordered(rows: list[tuple[int, T]]) -> tuple[T, ...]:
    """In the order of their numbers, each of which from 0 on comes once."""
    numbers = sorted(at for at, _ in rows)
    for place, at in enumerate(numbers):
        if at != place:
            raise _wrong(
                "two things have one number" if at < place else f"nothing has the number {place}"
            )
    return tuple(row for _, row in sorted(rows, key=lambda row: row[0]))


def _words(row: Sequence[str] | None, count: int) -> Sequence[str]:
    if row is None or len(row) != count:
        raise _wrong(f"a tag of {0 if row is None else len(row)} words has {count}")
    return row


def _number_of(row: Sequence[str]) -> int:
    """What a row begins with."""
    return number(row[0] if row else "")


def _bytes(digits: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        raise _wrong(f"{digits[:20]!r} is not in hexadecimal") from None
    if len(data) != size:
        raise _wrong(f"the variables of each CPU have {size} bytes, not {len(data)}")
    return data


def _wrong(message: str) -> FormatError:
    return FormatError(f"probee's metadata: {message}")
