"""A C header with the structs of an object's maps, so that C and Go programs can read its rings.

In: a `CollectionSpec` and the object's name. Out: the header's text: each struct once, and what the
maps, constants and counters of the object are.
"""

from __future__ import annotations

from probee.frame.text import one_line
from probee.objfile.forms import counter_name, map_symbol
from probee.spec.programs import PER_CPU
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType, least_record
from probee.tables.maps import by_number
from probee.uapi.bpf import BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_RINGBUF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.spec.programs import CollectionSpec, MapSpec
    from probee.spec.types import ValueType

_RINGS = {
    BPF_MAP_TYPE_RINGBUF: "ring buffer",
    BPF_MAP_TYPE_PERF_EVENT_ARRAY: "perf event array",
}
# Names that Python takes for a field and C does not.
_KEYWORDS = frozenset((
    "auto", "case", "char", "const", "default", "do", "double", "enum", "extern", "float", "goto",
    "inline", "int", "long", "register", "restrict", "short", "signed", "sizeof", "static",
    "struct", "switch", "typedef", "union", "unsigned", "void", "volatile",
))  # fmt: skip


def c_header(spec: CollectionSpec, name: str) -> str:
    """The text."""
    return _Header(spec).text(name)


class _Header:
    """One header. `names`: what each struct is called, those inside others before those.

    Two of one name are told apart as bpftool does it, by a number behind three underscores.
    """

    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self.names: dict[StructType, str] = {}
        for map_ in spec.maps:
            self.visit(map_.key_type)
            self.visit(map_.value_type)

    def visit(self, type_: ValueType | None) -> None:
        """Names the structs in a type."""
        if isinstance(type_, ArrayOf):
            self.visit(type_.element)
        if isinstance(type_, StructType) and type_ not in self.names:
            for field in type_.fields:
                self.visit(field.type)
            known = sum(struct.name == type_.name for struct in self.names)
            name = _c_name(type_.name)
            self.names[type_] = f"{name}___{known + 1}" if known else name

    def text(self, name: str) -> str:
        """All of it."""
        guard = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper() + "_BPF_H"
        guard = f"_{guard}" if guard[0].isdigit() else guard
        name = one_line(name)
        lines = [
            f"/* What the maps of {name}.bpf.o hold. Written by probee build --emit c-header. */",
            f"#ifndef {guard}", f"#define {guard}", "", "#include <linux/types.h>",
        ]  # fmt: skip
        for struct in self.names:
            lines += ["", *self.struct(struct)]
        lines += ["", "/*", *self.told(), " */", "", f"#endif /* {guard} */"]
        return "".join(f"{line}\n" for line in lines)

    def struct(self, struct: StructType) -> list[str]:
        """A definition, which the compiler holds against the size that is meant."""
        name = self.names[struct]
        lines = [f"struct {name} {{"]
        for field in struct.fields:
            note = ""
            if isinstance(field.type, Pointer):
                whose = "the kernel" if field.type.space == "kernel" else "the task"
                note = f" /* an address in {whose} */"
            lines.append(f"\t{self.declaration(field.type, _c_name(field.name))};{note}")
        size = f'_Static_assert(sizeof(struct {name}) == {struct.size}, "{name}");'
        return [*lines, "};", size]

    def declaration(self, type_: ValueType, name: str) -> str:
        """`char comm[16]`: a variable of this type in C."""
        match type_:
            case Int(boolean=True):
                return f"_Bool {name}"
            case Int():
                return f"__{type_.name} {name}"
            case CharArray():
                return f"char {name}[{type_.size}]"
            case ArrayOf():
                return self.declaration(type_.element, f"{name}[{type_.count}]")
            case Pointer():
                return f"__u64 {name}"
            case StructType():
                return f"struct {self.names[type_]} {name}"

    def told(self) -> Iterator[str]:
        """The lines of the last comment: maps, constants, counters."""
        spec = self.spec
        rings = [map_ for map_ in spec.maps if map_.type in _RINGS]
        others = [m for m in spec.maps if m.type not in _RINGS and not m.name.startswith(".")]
        for map_ in rings:
            yield from self.ring(map_)
        for map_ in others:
            yield f" * map {map_.name} ({_kind(map_)}): {self.held(map_)}"
        yield from self.variables(".rodata", "constants, to be set before the load (.rodata)")
        yield from self.variables(".data", "variables (.data)")
        yield from self.variables(PER_CPU, f"variables of each CPU (map {map_symbol(PER_CPU)})")
        for number, counter in enumerate(spec.counters):
            what = f"{counter.kind.replace('_', ' ')} {counter.subject}".rstrip()
            yield f" * counter __u64 {counter_name(counter, number)} (.bss): {what}"

    def ring(self, map_: MapSpec) -> Iterator[str]:
        """What a ring's records are."""
        record = map_.value_type
        if not isinstance(record, StructType):
            return
        yield f" * {_RINGS[map_.type]} {map_.name}: a record is a struct {self.names[record]}"
        if least_record(record) < record.size:
            last = record.fields[-1].name
            sizes = f"{least_record(record)} to {record.size} bytes"
            yield f" *   of {sizes}; what is cut off of {last} is 0"

    def variables(self, section: str, title: str) -> Iterator[str]:
        """Those of a section, if there are any."""
        rows = [v for v in self.spec.variables if v.section == section]
        if rows:
            words = (self.declaration(v.type, v.name) for v in rows)
            yield f" * {title}: " + ", ".join(words)

    def held(self, map_: MapSpec) -> str:
        """A map's key and value."""
        value = "" if map_.value_type is None else self.declaration(map_.value_type, "value")
        if map_.key_type is None:
            return value
        return f"{self.declaration(map_.key_type, 'key')} -> {value}"


def _c_name(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name


def _kind(map_: MapSpec) -> str:
    row = by_number(map_.type)
    return str(map_.type) if row is None else row.name
