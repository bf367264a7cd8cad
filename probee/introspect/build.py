"""Programs compiled for an object file that runs on any kernel, with no kernel at hand.

In: a file of Python, which is imported, that is executed; or a tool. Out: a `Source`, and from that
the `CollectionSpec` of its programs. The same source gives the same spec on every machine: a
source file is called as it is found from where modules are looked for, `my_tool.py` or
`probee/klib/tasks.py`.
"""

from __future__ import annotations

import os
import sys

from probee.errors import ProbeeError, UsageError
from probee.frozen import Frozen, replace
from probee.introspect.imported import imported
from probee.lang.programs import Program
from probee.lang.variables import Const
from probee.spec.types import CharArray, Int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probee.frame.tool import Tool
    from probee.spec.programs import CollectionSpec, VariableSpec
    from probee.spec.target import Target

# The kernels that a target's byte order names, as `--target` says them.
ORDERS = {"bpfel": "little", "bpfeb": "big", "bpf": sys.byteorder}


class Source(Frozen):
    """`name` is that of the object; `consts`: what its user may set, None for all there are."""

    name: str
    programs: tuple[Program, ...]
    consts: tuple[Const[object], ...] | None = None


class Stages:
    """The last form of each program's IR."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def enter(self, stage: str, program: str, text: str) -> None:
        """A stage's text, as the compiler hands it out."""
        if stage != "asm":
            self._texts[program] = text

    def text(self) -> str:
        """That of all programs."""
        return "\n".join(self._texts.values())


def object_bytes(spec: CollectionSpec, form: str = "object") -> bytes:
    """The object file, or with `btf` its types. Raises UsageError for what none can hold."""
    from probee.elf.read import ElfFile
    from probee.objfile.write import uninitialised, write

    lost = uninitialised(spec)
    if lost:
        raise ProbeeError(
            f"{', '.join(lost)}: a value of each CPU begins with 0 in an object file",
            hint="libbpf has no way to set it: declare PerCpuGlobal(T, 0), and add the rest where "
            "the values are read",
        )
    data = write(spec)
    if form == "object":
        return data
    types = ElfFile(data).section(".BTF")
    assert types is not None
    return bytes(types.data)


def text_of(spec: CollectionSpec) -> str:
    """The instructions of all programs."""
    from probee.introspect.assembly import assembly

    return "".join(f"{line}\n" for line in assembly(spec))


def header(spec: CollectionSpec, source: Source) -> str:
    """The C header of the object."""
    from probee.introspect.cheader import c_header

    return c_header(spec, source.name)


def from_tool(tool: Tool, machine: str) -> Source:
    """The programs of a tool. Raises UsageError where it has none for an object file."""
    if tool.object_plan is None:
        raise UsageError(f"{tool.name} has no programs for an object file")
    plan = tool.object_plan(machine)
    return Source(tool.name, plan.programs, plan.consts)


def from_file(path: str) -> Source:
    """The programs that a file defines. Raises ProbeeError where it has none or does not run."""
    name = os.path.basename(path).removesuffix(".py")
    module = imported(name, path)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, Program) and value.function.__module__ == module.__name__
    ]
    programs = tuple(dict.fromkeys(found))
    if not programs:
        raise ProbeeError(
            f"{path} defines no programs",
            hint="a program is a function of the module under @tracepoint or its kin",
        )
    return Source(name, programs)


def compiled(
    source: Source,
    target: Target,
    dump: Callable[[str, str, str], None] | None = None,
) -> CollectionSpec:
    """The spec for `target`. Raises ProbeeError."""
    from probee.compiler.pipeline import compile_programs
    from probee.compiler.portable import PortableFacts
    from probee.lang.capture import capture
    from probee.runtime.settings import license_of

    world = capture(source.programs)
    folded = {
        name: declaration.identity()[2]
        for name, declaration in world.declarations.items()
        if isinstance(declaration, Const) and not _settable(source, declaration)
    }
    return compile_programs(
        world,
        target=target,
        facts=PortableFacts(target.arch),
        frozen=folded,
        license_=license_of(source.programs),
        dump=dump,
        file_name=file_name,
    )


def _settable(source: Source, declaration: object) -> bool:
    return source.consts is None or any(declaration is const for const in source.consts)


def file_name(path: str) -> str:
    """`path` from the folder in which its module was looked for; else its last part."""
    roots = [os.path.abspath(root) for root in sys.path if not root.endswith(".zip")]
    inside = [root for root in roots if path.startswith(root.rstrip("/") + "/")]
    if not inside:
        return os.path.basename(path)
    return os.path.relpath(path, max(inside, key=len))


def with_consts(spec: CollectionSpec, consts: Mapping[str, str]) -> CollectionSpec:
    """The spec with other first values in `.rodata`, given as text. Raises UsageError."""
    from probee.runtime.prepare import section_contents

    variables = {v.name: v for v in spec.variables if v.section == ".rodata"}
    values = {}
    for name, text in consts.items():
        variable = variables.get(name)
        if variable is None:
            known = ", ".join(variables) or "none"
            raise UsageError(f"there is no constant {name} to set; there are: {known}")
        values[name] = _value(variable, text)
    contents = section_contents(spec, values)
    maps = (
        replace(map_, contents=bytes(contents[map_.name])) if map_.name == ".rodata" else map_
        for map_ in spec.maps
    )
    return replace(spec, maps=tuple(maps))


def _value(variable: VariableSpec, text: str) -> int | bytes:
    type_ = variable.type
    if isinstance(type_, CharArray):
        raw = text.encode("utf-8", "surrogateescape")
        if len(raw) >= type_.size:
            raise UsageError(f"{variable.name} holds at most {type_.size - 1} bytes")
        return raw.ljust(type_.size, b"\0")
    if isinstance(type_, Int) and type_.boolean and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"{text!r} is no number, which {variable.name} is") from None
