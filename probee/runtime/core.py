"""The kernel's answers to what programs ask of its structs and functions.

In: a spec as it was compiled. Out: the same spec with the number of every `CoreReloc`, and of
every function of the kernel that is called. The answers are kept with the spec in the compile
cache, whose key has the kernel's identity in it, so a warm start opens no BTF.
"""

from __future__ import annotations

from probee.errors import RelocationError
from probee.frozen import replace
from probee.spec.programs import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.host.facts import RunningKernel
    from probee.spec.programs import CollectionSpec, CoreReloc, ProgramSpec

_QUESTIONS = ("field_exists", "type_exists")


def resolved(spec: CollectionSpec, kernel: RunningKernel) -> CollectionSpec:
    """The spec with every answer. Raises RelocationError for what the kernel does not have.

    In a program that asks whether something exists, it is left to the verifier whether what does
    not is ever reached.
    """
    btf = kernel.btf
    programs = tuple(
        replace(
            program,
            core=tuple(_answer(btf, spec, program, r) for r in program.core),
            relocs=tuple(
                replace(r, addend=kernel.kfunc_id(r.symbol)) if r.kind == "kfunc" else r
                for r in program.relocs
            ),
        )
        for program in spec.programs
    )
    return replace(spec, programs=programs)


def _answer(
    btf: TypeTable, spec: CollectionSpec, program: ProgramSpec, reloc: CoreReloc
) -> CoreReloc:
    from probee.relocate.match import Mismatch, value_of

    try:
        return replace(reloc, value=value_of(btf, reloc))
    except Mismatch as error:
        if any(other.kind in _QUESTIONS for other in program.core):
            return replace(reloc, value=ABSENT)
        raise refusal(spec, program, reloc, error.message) from None


def refusal(
    spec: CollectionSpec, program: ProgramSpec, reloc: CoreReloc, message: str
) -> RelocationError:
    """The error that names the line which reads what the kernel does not have."""
    return RelocationError(
        f"{program.name}{_place(spec, program, reloc.insn)}: {message}",
        hint="declare it as this kernel has it, and where kernels differ ask has_field() first",
    )


def check_reached(
    spec: CollectionSpec, program: ProgramSpec, log: str, kernel: RunningKernel
) -> None:
    """RelocationError if the verifier's log ends at something that the kernel does not have."""
    from probee.relocate.match import Mismatch, value_of
    from probee.relocate.patch import POISON

    call = f"call unknown#{POISON}"
    reached = {line.partition(":")[0].strip() for line in log.splitlines() if call in line}
    for reloc in program.core:
        if reloc.value == ABSENT and str(reloc.insn) in reached:
            try:
                value_of(kernel.btf, reloc)
            except Mismatch as error:
                raise refusal(spec, program, reloc, error.message) from None


def _place(spec: CollectionSpec, program: ProgramSpec, insn: int) -> str:
    """`, FILE:LINE` of an instruction, from the program's line table."""
    from probee.btf.ext import read_line_info
    from probee.btf.reader import Btf

    big_endian = spec.endian == "big"
    lines = read_line_info(program.line_info, big_endian=big_endian)
    rows = [line for line in lines if line.insn_off <= insn]
    if not rows:
        return ""
    row = rows[-1]
    return f", {Btf(spec.btf).string(row.file)}:{row.line}"
