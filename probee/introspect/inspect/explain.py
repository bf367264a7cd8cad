"""An object file explained: read this first.

In: a file's bytes, and the kernel to ask, or None. Out: an `ObjectReport`.

    sections    what each section is for, who made the object      hook      is the hook there?
    programs    one row a program                                  core      CO-RE, resolved
    maps        one row a map, with variables                      externs   configuration, symbols
    spelling    types and values in C                              facts     what a kernel is asked
    running     this machine's kernel (userfile, config)           report    the rows themselves
"""

from __future__ import annotations

from probee.btf.reader import Btf
from probee.elf.read import ElfFile
from probee.errors import UsageError
from probee.introspect.inspect.externs import extern_row
from probee.introspect.inspect.facts import NOT_ASKED, YES, Asked
from probee.introspect.inspect.maps import map_row
from probee.introspect.inspect.programs import Programs
from probee.introspect.inspect.report import ObjectReport
from probee.introspect.inspect.sections import producers, section_rows, variables
from probee.objfile.read import read_plain
from probee.relocate.view import View
from probee.tables.licenses import GPL_COMPATIBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from probee.introspect.inspect.facts import Kernel
    from probee.spec.programs import CollectionSpec, ProgramSpec


def explain(
    path: str, data: bytes, kernel: Kernel | None, only: Collection[str] = ()
) -> ObjectReport:
    """The report on `data`, which stands at `path`.

    `only`: names of programs; no others are explained, and of maps those that they touch. Raises
    FormatError and NotSupportedError for what is no such object, UsageError for a name that no
    program has.
    """
    spec = read_plain(data)
    elf = ElfFile(data)
    types = Btf(spec.btf) if spec.btf else None
    view = View(types) if types is not None else None
    chosen = _chosen(spec, only)
    places = variables(elf, spec)
    rows = Programs(spec, types, kernel, places)
    programs = tuple(rows.row(program) for program in chosen)
    touched = {name for program in chosen for name in (r.symbol for r in program.relocs)}
    asked = None if _foreign(spec, kernel) else kernel
    return ObjectReport(
        path=path,
        size=len(data),
        endian=spec.endian,
        license=spec.license,
        gpl=spec.license in GPL_COMPATIBLE,
        version=spec.version,
        producers=producers(elf, spec),
        types=len(types) if types is not None else 0,
        kernel=kernel.name if kernel is not None else "",
        loadable=_loadable(spec, kernel),
        kernel_types=_kernel_types(kernel),
        programs_in_file=len(spec.programs),
        maps_in_file=len(spec.maps),
        sections=section_rows(elf, spec),
        programs=programs,
        maps=tuple(
            map_row(map_, view, places, asked)
            for map_ in spec.maps
            if not only or map_.name in touched
        ),
        externs=tuple(
            extern_row(extern, view, asked)
            for extern in spec.externs
            if not only or extern.name in touched
        ),
    )


def _chosen(spec: CollectionSpec, only: Collection[str]) -> list[ProgramSpec]:
    names = {program.name for program in spec.programs}
    for name in only:
        if name not in names:
            raise UsageError(
                f"there is no program {name!r} in it",
                hint=f"there are: {', '.join(sorted(names)) or 'none'}",
            )
    return [program for program in spec.programs if not only or program.name in only]


def _foreign(spec: CollectionSpec, kernel: Kernel | None) -> bool:
    return kernel is not None and kernel.big_endian != (spec.endian == "big")


def _loadable(spec: CollectionSpec, kernel: Kernel | None) -> Asked:
    if kernel is None:
        return NOT_ASKED
    if _foreign(spec, kernel):
        ours = "big" if kernel.big_endian else "little"
        return Asked("no", f"it is {spec.endian} endian, and this machine {ours} endian")
    return YES


def _kernel_types(kernel: Kernel | None) -> Asked:
    if kernel is None:
        return NOT_ASKED
    return YES if kernel.types is not None else Asked("no", kernel.no_types)
