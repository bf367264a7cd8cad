"""The rows of an explanation. What a kernel was asked is an `Asked`; what an object lacks is ''.

Fields are what docs/inspect.md documents: `--json` prints them by these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.frozen import Frozen

if TYPE_CHECKING:
    from probee.introspect.inspect.facts import Asked


class SectionRow(Frozen):
    """A section of the file. `programs`: those whose code it has.

    `kind`: `code`, `relocations`, `debugging` (DWARF), or `other`.
    """

    number: int
    name: str
    kind: str
    size: int
    about: str
    programs: tuple[str, ...] = ()


class FunctionRow(Frozen):
    """The program's own code, or a subprogram; `start` counts instruction slots."""

    name: str
    start: int
    instructions: int


class HelperRow(Frozen):
    """A helper that code calls. `gpl`: only programs under the GPL may. `since`: the first kernel.

    `licensed`: false where the license forbids it. `here`: whether programs of this type may.
    """

    name: str
    since: str
    gpl: bool
    licensed: bool
    here: Asked


class KfuncRow(Frozen):
    """A function of the kernel that code calls. `weak`: the code can do without."""

    name: str
    weak: bool
    here: Asked


class LineRow(Frozen):
    """A source file, and which of its lines the program has code of."""

    file: str
    first: int
    last: int


class CoreRow(Frozen):
    """A CO-RE record: instruction `slot` depends on how the kernel declares `type`.

    `kind` as libbpf names it; `asks` the same in words. `before`: what the compiler wrote.
    `state`: `found`, `missing`, `refused` (no loader would take the object), `not asked`.
    `after`: what the loader writes here, null where nothing. `type_id`: of the kernel's type, or 0;
    `module`: whose type that is, '' for the kernel's own.
    `effect`: what becomes of the instruction. `why`: what the kernel has not.
    """

    slot: int
    function: str
    instruction: str
    kind: str
    asks: str
    type: str
    path: str
    access: str
    before: int | None
    state: str
    after: int | None
    type_id: int
    module: str
    effect: str
    why: str


class ProgramRow(Frozen):
    """A program. `runs`: when. `target`: what its loader must name to attach it, or ''.

    `hook`: what its section names. `size`: bytes of all its code. `attach_point`: whether this
    kernel, or a file of this machine, has the hook. `loads`: whether the kernel takes a program
    that does nothing of this type and for this hook.
    """

    name: str
    section: str
    autoload: bool
    type: str
    attach_type: str
    hook: str
    runs: str
    target: str
    sleepable: bool
    since: str
    instructions: int
    size: int
    functions: tuple[FunctionRow, ...]
    sources: tuple[LineRow, ...]
    helpers: tuple[HelperRow, ...]
    kfuncs: tuple[KfuncRow, ...]
    maps: tuple[str, ...]
    variables: tuple[str, ...]
    symbols: tuple[str, ...]
    core: tuple[CoreRow, ...]
    attach_point: Asked
    loads: Asked


class TypeRow(Frozen):
    """A type in C: `declaration` in a line, `definition` the lines of a struct, union or enum."""

    declaration: str
    definition: tuple[str, ...]
    size: int


class VariableRow(Frozen):
    """A variable of a data section, as C declares it. `value`: its first value in C."""

    name: str
    declaration: str
    offset: int
    size: int
    value: str


class MapRow(Frozen):
    """A map. `key`, `value`: their types; of a size alone the declaration is ''.

    `flags` by name. `pinning`: `by name` or ''. `inner`: what a map of maps holds. `initial`: what
    stands in it at the start: (index or member, name). `variables` of a data section. `contents`:
    the first value of a struct_ops map in C.
    """

    name: str
    type: str
    about: str
    since: str
    key: TypeRow
    value: TypeRow
    entries: int
    flags: tuple[str, ...]
    extra: int
    numa_node: int
    pinning: str
    autocreate: bool
    inner: tuple[MapRow, ...]
    initial: tuple[tuple[str, str], ...]
    variables: tuple[VariableRow, ...]
    contents: str
    here: Asked


class ExternRow(Frozen):
    """Something that the kernel, or the loader, must have. `kind`: kconfig, ksym, kfunc.

    `value`: of kconfig, what it is set to here.
    """

    name: str
    kind: str
    declaration: str
    weak: bool
    here: Asked
    value: str


class ObjectReport(Frozen):
    """A file. `gpl`: whether its license lets it call helpers that are for the GPL alone.

    `kernel`: which one was asked, or ''. `loadable`: whether a kernel of this machine's byte order
    can take it. `types`: how many types its BTF has. `kernel_types`: whether the kernel tells its
    own, without which CO-RE, fentry and the like can neither be resolved nor loaded.
    `programs_in_file`, `maps_in_file`: how many there are, whichever of them are explained.
    """

    path: str
    size: int
    endian: str
    license: str
    gpl: bool
    version: int
    producers: tuple[str, ...]
    types: int
    kernel: str
    loadable: Asked
    kernel_types: Asked
    programs_in_file: int
    maps_in_file: int
    sections: tuple[SectionRow, ...]
    programs: tuple[ProgramRow, ...]
    maps: tuple[MapRow, ...]
    externs: tuple[ExternRow, ...]
