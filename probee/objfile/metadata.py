"""What probee knows of its programs and C does not, as decl tags in the object's BTF.

In: a spec, piece by piece, with the declaration that each belongs to. Out: tags that begin with
`probee:1:`; `restore` reads them. Other loaders and the kernel pass over them, and kernels before
5.16 are given the types without them.

    on the license    btf TYPES BYTES CRC       how much of the BTF is the collection's own
                      maps NAME...              the order of the maps
                      struct N NAME SIZE ALIGN FIELD TYPE OFFSET...   structs, as words.py says
                      structs N...              those that the user side asks for
    on a map          map KEY VALUE ENTRIES     types; 0, or the entries where the object has others
                      percpu BYTES              of the map of per-CPU variables, in hexadecimal
                      variable N TYPE NAME OFFSET     a variable of each CPU
    on a variable     variable N TYPE           N: its place among all
                      counter N KIND SUBJECT PROGRAM FILE LINE TEXT
    on a function     program N KIND:TARGET...  its place and its hooks
                      context NAME OFFSET SIZE SIGNED
                      core SLOT KIND PATH WANTS       where the struct's row says otherwise
                      also NAME                 the same program at another of its hooks
    on a struct       core KIND ACCESS PATH WANTS     what code takes a member of the kernel's for
"""

from __future__ import annotations

from zlib import crc32

from probee.objfile import forms
from probee.objfile.words import Structs, quoted
from probee.spec.programs import PER_CPU

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.writer import BtfBuilder
    from probee.spec.programs import CollectionSpec, CounterSpec, MapSpec, ProgramSpec

PREFIX = "probee:1:"


def own_checksum(words: bytes, strings: bytes) -> int:
    """Of the types and strings that are the collection's own, by which they are known again."""
    return crc32(words + strings)


class Tags:
    """Adds the tags of one object; `own`: (types, bytes of strings, checksum) of the spec's BTF."""

    def __init__(
        self, builder: BtfBuilder, spec: CollectionSpec, own: tuple[int, int, int]
    ) -> None:
        self._builder, self._spec, self._own = builder, spec, own
        self._structs = Structs()
        self._told: dict[tuple[int, str, str], tuple[str, str]] = {}
        self._variables = {variable.name: n for n, variable in enumerate(spec.variables)}
        self._counters = {forms.counter_name(c, n): n for n, c in enumerate(spec.counters)}

    def _tag(self, target: int, *words: object) -> None:
        self._builder.decl_tag(PREFIX + " ".join(map(str, words)), target)

    def collection(self, license_: int) -> None:
        """What belongs to no single declaration; the last call, since it tells of all structs."""
        spec = self._spec
        if spec.btf:
            self._tag(license_, "btf", *self._own)
        self._tag(license_, "maps", *(quoted(map_.name) for map_ in spec.maps))
        numbers = [self._structs.number(struct) for struct in spec.structs]
        for row in self._structs.rows:
            self._tag(license_, "struct", row)
        self._tag(license_, "structs", *numbers)

    def variable(self, var: int, name: str) -> None:
        """Of a Const, a Global or a counter whose VAR is `var`."""
        number = self._variables.get(name)
        if number is not None:
            type_ = self._structs.word(self._spec.variables[number].type)
            self._tag(var, "variable", number, type_)
        elif name in self._counters:
            number = self._counters[name]
            self._counter(var, number, self._spec.counters[number])

    def _counter(self, var: int, number: int, counter: CounterSpec) -> None:
        words = map(quoted, (counter.kind, counter.subject, counter.program, counter.file))
        self._tag(var, "counter", number, *words, counter.line, quoted(counter.text))

    def map(self, var: int, map_: MapSpec) -> None:
        """Of a map whose VAR is `var`."""
        word = self._structs.word
        entries = 0 if forms.entries(map_) == map_.max_entries else map_.max_entries
        self._tag(var, "map", word(map_.key_type), word(map_.value_type), entries)
        if map_.name != PER_CPU:
            return
        self._tag(var, "percpu", map_.contents.hex())
        for number, variable in enumerate(self._spec.variables):
            if variable.section == PER_CPU:
                self._tag(
                    var, "variable", number, word(variable.type), quoted(variable.name),
                    variable.offset,
                )  # fmt: skip

    def program(self, func: int, program: ProgramSpec) -> None:
        """Of a program whose FUNC at its first hook is `func`."""
        number = self._spec.programs.index(program)
        hooks = (f"{quoted(hook.kind)}:{quoted(hook.target)}" for hook in program.attach)
        self._tag(func, "program", number, *hooks)
        for field in program.context:
            self._tag(
                func, "context", quoted(field.name), field.offset, field.size, int(field.signed)
            )
        for core in program.core:
            said = (core.path, core.wants)
            key = (core.type, core.kind, core.access)
            if key not in self._told:
                self._told[key] = said
                self._tag(core.type, "core", core.kind, core.access, *map(quoted, said))
            elif self._told[key] != said:
                self._tag(func, "core", core.insn, core.kind, *map(quoted, said))

    def also(self, func: int, program: ProgramSpec) -> None:
        """Of the FUNC of `program` at another of its hooks."""
        self._tag(func, "also", quoted(program.name))
