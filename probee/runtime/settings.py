"""What a Session is given, as the kernel side calls it: constants, sizes of maps, the license.

In: declarations with what the caller wants of them. Out: values by the names that the programs'
capture gave the declarations, each one checked; UsageError says which is wrong.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.maps import Array, MapDeclaration, parse_size
from probee.lang.variables import Const, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    from probee.lang.names import Names
    from probee.lang.programs import Program

    M = TypeVar("M", bound=MapDeclaration)  # a dict's keys are of one type, no less and no more

DEFAULT_LICENSE = "Dual MIT/GPL"
LONGEST_LICENSE = 127  # bytes: bpf_prog_load() of kernel/bpf/syscall.c copies it into char[128]
_LICENSE_HINT = 'LICENSE = "GPL", or the name of another'


def named_consts(world: Names, consts: Mapping[Const[Any], object]) -> dict[str, int | bytes]:
    """Values by name, each one that its constant can hold."""
    named = {}
    for declaration, value in consts.items():
        if not isinstance(declaration, Const):
            raise UsageError(f"consts: {declaration!r} is not a Const")
        name = world.name_of(declaration)
        type_ = declaration.identity()[1]
        try:
            fits = checked(type_, value)
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}") from None
        named[name] = fits.ljust(type_.size, b"\0") if isinstance(fits, bytes) else fits
    return named


def named_sizes(world: Names, map_sizes: Mapping[M, int | str]) -> dict[str, int]:
    """`max_entries` by name: bytes for a ring, elements for others."""
    named = {}
    for declaration, size in map_sizes.items():
        if not isinstance(declaration, MapDeclaration):
            raise UsageError(f"map_sizes: {declaration!r} is not a map")
        name = world.name_of(declaration)
        if declaration.one:
            raise UsageError(f"{name} is one {type(declaration).__name__}, which has no entries")
        if declaration.in_bytes:
            named[name] = parse_size(size)
        elif type(size) is int and 0 < size < 1 << 32:
            named[name] = size
        else:
            raise UsageError(f"{name}: {size!r} entries; a map has 1 to 2^32-1 of them")
        if isinstance(declaration, Array) and named[name] < declaration.max_entries:
            raise UsageError(
                f"{name}: {size!r} entries of {declaration.max_entries}",
                hint="programs are compiled for the size that was declared: declare it smaller",
            )
    return named


def license_of(programs: tuple[Program, ...]) -> str:
    """The `LICENSE` of the module that the programs are defined in. UsageError if it is none."""
    found = [program.function.__globals__.get("LICENSE", DEFAULT_LICENSE) for program in programs]
    license = found[0]
    if any(other != license for other in found):
        raise UsageError(
            "the programs of a Session are loaded under one license",
            hint='set LICENSE = "..." to the same text in their modules, or Session(license=...)',
        )
    return checked_license(license)


def checked_license(license: object) -> str:
    """`license`, which is a text that the kernel takes whole. Raises UsageError."""
    if not isinstance(license, str):
        raise UsageError(f"LICENSE is a text, not {license!r}", hint=_LICENSE_HINT)
    if not license or "\0" in license or any("\ud800" <= c <= "\udfff" for c in license):
        raise UsageError(f"LICENSE = {license!r} names no license", hint=_LICENSE_HINT)
    size = len(license.encode())
    if size > LONGEST_LICENSE:
        raise UsageError(
            f"LICENSE has {size} bytes: the kernel would cut it after {LONGEST_LICENSE}",
            hint=_LICENSE_HINT,
        )
    return license
