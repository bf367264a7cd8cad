"""CO-RE records of a program, each with what it becomes on a kernel.

In: the types of an object and of a kernel, or none; programs. Out: `CoreRow`s.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.disasm import llvm_text
from probee.asm.opcodes import LD_IMM64, SLOT_BYTES
from probee.errors import FormatError
from probee.frozen import replace
from probee.introspect.inspect.report import CoreRow
from probee.relocate.resolve import Resolver
from probee.tables.core_records import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.introspect.inspect.facts import Kernel
    from probee.relocate.modules import ModuleTypes
    from probee.relocate.resolve import Outcome
    from probee.spec.programs import CoreReloc, ProgramSpec

_ASKS = {
    "byte_off": "where {} starts",
    "byte_sz": "how many bytes {} has",
    "field_exists": "whether there is {}",
    "signed": "whether {} has a sign",
    "lshift_u64": "how far {} is shifted up in 64 bits",
    "rshift_u64": "how far {} is shifted down in 64 bits",
    "local_type_id": "the number of {} among this object's types",
    "target_type_id": "the number of {} among the kernel's types",
    "type_exists": "whether there is {}",
    "type_size": "how many bytes {} has",
    "enumval_exists": "whether there is {}",
    "enumval_value": "the value of {}",
    "type_matches": "whether {} is as it is declared here",
}
_POISONED = "the instruction is made invalid"
_UNREAD = " (the types of some of its modules cannot be read)"
_WIDE = bytes((LD_IMM64,))
_LOADS = (0x01, 0x02, 0x03)  # LDX, ST, STX


class Core:
    """The records of one object. Without types of a kernel nothing is resolved."""

    __slots__ = ("_endian", "_kernel", "_known", "_resolver")

    def __init__(self, local: TypeTable | None, kernel: Kernel | None, endian: str) -> None:
        self._endian = endian
        types = kernel.types if kernel is not None else None
        self._kernel = kernel
        self._resolver: Resolver | None = None
        if local is not None:
            big = endian == "big"
            self._resolver = Resolver(local, types, big_endian=big, modules=self._modules)
        self._known: dict[tuple[int, int, str], Outcome] = {}

    def _modules(self) -> tuple[ModuleTypes, ...]:
        return self._kernel.module_types if self._kernel is not None else ()

    def rows(self, program: ProgramSpec) -> tuple[CoreRow, ...]:
        """One row a record, in the order of the object."""
        return tuple(self._row(program, reloc) for reloc in program.core)

    def _ask(self, reloc: CoreReloc) -> Outcome | None:
        kind = BY_NAME[reloc.kind]
        key = (kind.number, reloc.type, reloc.access)
        if self._resolver is not None and key not in self._known:
            self._known[key] = self._resolver.resolve(*key)
        return self._known.get(key)

    def _row(self, program: ProgramSpec, reloc: CoreReloc) -> CoreRow:
        row = _row(program, reloc, self._endian, self._ask(reloc))
        if row.state != "missing" or row.type_id or self._kernel is None:
            return row
        unread = {*self._kernel.modules} - {module.name for module in self._modules()}
        return replace(row, why=row.why + _UNREAD) if unread else row


def _row(program: ProgramSpec, reloc: CoreReloc, endian: str, outcome: Outcome | None) -> CoreRow:
    kind = BY_NAME[reloc.kind]
    opcode = program.code[reloc.insn * 8] if reloc.insn * 8 < len(program.code) else 0
    state, effect = _effect(outcome, opcode)
    return CoreRow(
        slot=reloc.insn,
        function=function_at(program, reloc.insn),
        instruction=_instruction(program, reloc.insn, endian),
        kind=kind.name,
        asks=_ASKS[kind.name].format(_subject(reloc)),
        type=reloc.struct,
        path=reloc.path,
        access=reloc.access,
        before=outcome.before.value if outcome and outcome.before else None,
        state=state,
        after=outcome.after.value if outcome and outcome.after and state == "found" else None,
        type_id=outcome.candidate if outcome else 0,
        module=outcome.module if outcome else "",
        effect=effect,
        why=outcome.why if outcome else "",
    )


def _subject(reloc: CoreReloc) -> str:
    if reloc.kind.startswith("enumval"):
        return f"{reloc.path} of {reloc.struct}"
    if not reloc.path or reloc.path.startswith("["):
        return reloc.struct + reloc.path
    return f"{reloc.struct}.{reloc.path}"


def _effect(outcome: Outcome | None, opcode: int) -> tuple[str, str]:
    """The state, and what becomes of the instruction."""
    if outcome is None or outcome.state == "not asked":
        return "not asked", ""
    if outcome.state == "refused":
        return "refused", "no loader takes the object"
    if outcome.poisons:
        return "missing", _POISONED
    assert outcome.after is not None
    number = signed(outcome.after.value)
    if outcome.state == "missing":
        return "missing", f"answered {number}"
    if opcode & 7 in _LOADS and not outcome.load_fits:
        assert outcome.before is not None
        words = f"it has {outcome.after.size} bytes there, not {outcome.before.size}"
        return "found", f"{words}: {_POISONED}"
    return "found", ""


def signed(value: int) -> int:
    """A u64 as a person reads it: small numbers below zero are those."""
    return value - (1 << 64) if value >= (1 << 64) - (1 << 32) else value


def function_at(program: ProgramSpec, slot: int) -> str:
    """The function that an instruction is of."""
    found = program.name
    for name, start in program.functions:
        if start <= slot:
            found = name
    return found


def _instruction(program: ProgramSpec, slot: int, endian: str) -> str:
    """As LLVM writes it; '' for what is no instruction."""
    at = slot * SLOT_BYTES
    end = at + SLOT_BYTES * (2 if program.code[at : at + 1] == _WIDE else 1)
    try:
        insns = decode(program.code[at:end], endian)
    except FormatError:
        return ""
    return llvm_text(insns[0]) if insns else ""
