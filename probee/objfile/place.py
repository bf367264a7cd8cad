"""The code of a spec as it stands in an object file: which function in which section, what refers.

In: a `CollectionSpec`. Out: a `Placed` for each function: its section, where it begins there, its
instructions with blanks where a loader writes, and a `Reference` for each blank. A program stands
in a section for each of its hooks; its subprograms stand in `.text`, equal ones once. A place that
follows the kernel's structs holds what the local types say, which libbpf compares.
"""

from __future__ import annotations

from itertools import pairwise

from probee.asm.decode import decode
from probee.asm.encode import encode
from probee.asm.opcodes import CALL_KFUNC, CALL_LOCAL, LD_IMM64, PSEUDO_FUNC, SLOT_BYTES
from probee.btf.ext import read_func_info, read_line_info
from probee.btf.reader import Btf
from probee.errors import UsageError
from probee.frozen import Frozen, replace
from probee.objfile import forms
from probee.objfile.local import local_value
from probee.uapi.elf import R_BPF_64_32, R_BPF_64_64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.spec.programs import CollectionSpec, CoreReloc, ProgramSpec, Reloc

_CALL = 0x85
_LDX = 0x01  # the class of loads


class Reference(Frozen):
    """Byte `offset` of a function refers to `symbol` of the kind `kind`.

    `kind`: `map`, `section` (of data, the instruction has the place in it), `function`, `kfunc`.
    """

    offset: int
    kind: str
    symbol: str
    type: int


class Placed(Frozen):
    """A function at byte `at` of `section`, where it is called `symbol`.

    Of `program` it is the slots from `start` to `end`; `hook` numbers the program's hooks, -1 for a
    subprogram.
    """

    section: str
    at: int
    symbol: str
    hook: int
    program: ProgramSpec
    start: int
    end: int
    code: bytes
    references: tuple[Reference, ...]


def placed(spec: CollectionSpec) -> list[Placed]:
    """All functions, programs in the spec's order and their subprograms behind them."""
    return _Placing(spec).run()


class _Placing:
    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self.types = Btf(spec.btf) if spec.btf else None
        self.ends: dict[str, int] = {}  # of the sections so far
        self.subprograms: dict[tuple[object, ...], str] = {}
        self.symbols: set[str] = set()
        self.result: list[Placed] = []

    def run(self) -> list[Placed]:
        for program in self.spec.programs:
            symbols = self._subprograms(program)
            end = min(symbols, default=len(program.code) // SLOT_BYTES)
            code, references = self._function(program, 0, end, symbols)
            if not program.attach:
                raise UsageError(f"{program.name} has no hook, so no section can name it")
            for number, hook in enumerate(program.attach):
                self._put(
                    forms.section_of(hook), self._unique(program, number), number, program,
                    0, end, code, references,
                )  # fmt: skip
        return self.result

    def _unique(self, program: ProgramSpec, number: int) -> str:
        symbol = forms.symbol_of(program.name, number, program.attach[number])
        while number and symbol in self.symbols:
            symbol += "_"
        if symbol in self.symbols:
            raise UsageError(
                f"two programs are called {symbol}", hint="an object file names each: rename one"
            )
        return symbol

    def _put(
        self,
        section: str,
        symbol: str,
        hook: int,
        program: ProgramSpec,
        start: int,
        end: int,
        code: bytes,
        references: tuple[Reference, ...],
    ) -> None:
        at = self.ends.get(section, 0)
        self.ends[section] = at + len(code)
        self.symbols.add(symbol)
        self.result.append(Placed(section, at, symbol, hook, program, start, end, code, references))

    def _subprograms(self, program: ProgramSpec) -> dict[int, str]:
        """Puts those of one program into `.text`, callees first: symbols by their first slots."""
        starts = [*program.functions[1:], ("", len(program.code) // SLOT_BYTES)]
        rows = {start: (name, end) for (name, start), (_, end) in pairwise(starts)}
        symbols: dict[int, str] = {}
        waiting = list(reversed(rows))
        under_way: set[int] = set()
        while waiting:
            start = waiting[-1]
            name, end = rows[start]
            called = {to for _, to, _ in self._calls(program, start, end)}
            missing = [to for to in called if to not in symbols]
            if start not in symbols and missing:
                if start in called or under_way.intersection(missing):
                    raise UsageError(f"{program.name} calls {name} within itself")
                under_way.add(start)
                waiting += missing
                continue
            waiting.pop()
            under_way.discard(start)
            if start not in symbols:
                symbols[start] = self._subprogram(program, name, start, end, symbols)
        return symbols

    def _subprogram(
        self, program: ProgramSpec, name: str, start: int, end: int, symbols: dict[int, str]
    ) -> str:
        """The symbol of one: that of an equal one which is there, or a new one."""
        code, references = self._function(program, start, end, symbols)
        key = (name, code, references, *self._beside(program, start, end))
        if key not in self.subprograms:
            symbol = name
            while symbol in self.symbols:
                symbol = f"{symbol}__{program.name}"
            self.subprograms[key] = symbol
            self._put(forms.TEXT, symbol, -1, program, start, end, code, references)
        return self.subprograms[key]

    def _beside(self, program: ProgramSpec, start: int, end: int) -> tuple[object, ...]:
        """What belongs to these slots and stands in no code: CO-RE, lines, the function's type."""
        big_endian = self.spec.endian == "big"
        lines = read_line_info(program.line_info, big_endian=big_endian)
        types = read_func_info(program.func_info, big_endian=big_endian)
        return (
            tuple(replace(c, insn=c.insn - start) for c in program.core if start <= c.insn < end),
            tuple(
                replace(row, insn_off=row.insn_off - start)
                for row in lines
                if start <= row.insn_off < end
            ),
            tuple(row.type for row in types if row.insn_off == start),
        )

    def _insns(self, program: ProgramSpec, start: int, end: int) -> dict[int, Insn]:
        """The instructions of some slots by their slots."""
        insns: dict[int, Insn] = {}
        for insn in decode(program.code[start * SLOT_BYTES : end * SLOT_BYTES], self.spec.endian):
            insns[start] = insn
            start += insn.slots
        return insns

    def _calls(self, program: ProgramSpec, start: int, end: int) -> list[tuple[int, int, bool]]:
        """(slot, first slot of the subprogram, whether it is called or its address taken)."""
        marked = {reloc.insn for reloc in program.relocs}
        found = []
        for slot, insn in self._insns(program, start, end).items():
            calls = insn.code == _CALL and insn.src == CALL_LOCAL
            takes = insn.code == LD_IMM64 and insn.src == PSEUDO_FUNC
            if slot not in marked and (calls or takes):
                found.append((slot, slot + insn.low + 1, calls))
        return found

    def _function(
        self, program: ProgramSpec, start: int, end: int, symbols: dict[int, str]
    ) -> tuple[bytes, tuple[Reference, ...]]:
        """The slots from `start` to `end` with blanks, and what refers there."""
        insns = self._insns(program, start, end)
        references: list[Reference] = []
        for reloc in program.relocs:
            if start <= reloc.insn < end:
                insns[reloc.insn], reference = self._relocated(program, insns, reloc)
                offset = (reloc.insn - start) * SLOT_BYTES
                references.append(replace(reference, offset=offset))
        for core in program.core:
            if start <= core.insn < end:
                insns[core.insn] = self._local(program, insns, core)
        for slot, to, calls in self._calls(program, start, end):
            kind = R_BPF_64_32 if calls else R_BPF_64_64
            offset = (slot - start) * SLOT_BYTES
            references.append(Reference(offset, "function", symbols[to], kind))
            insn = insns[slot]
            insns[slot] = replace(insn, imm=-1) if calls else replace(insn, src=0, imm=0)
        ordered = tuple(sorted(references, key=lambda reference: reference.offset))
        return encode(insns.values(), self.spec.endian), ordered

    def _relocated(
        self, program: ProgramSpec, insns: dict[int, Insn], reloc: Reloc
    ) -> tuple[Insn, Reference]:
        if reloc.kind == "const":
            raise UsageError(
                f"{program.name} has {reloc.symbol} in its code, where only probee can set it",
                hint="compile it with its constants in .rodata",
            )
        insn = insns.get(reloc.insn)
        wanted = _CALL if reloc.kind == "kfunc" else LD_IMM64
        if insn is None or insn.code != wanted:
            raise UsageError(f"{program.name}: slot {reloc.insn} takes no {reloc.kind}")
        match reloc.kind:
            case "map":
                found = Reference(0, "map", reloc.symbol, R_BPF_64_64)
                return replace(insn, src=0, imm=0), found
            case "value":
                found = Reference(0, "section", reloc.symbol, R_BPF_64_64)
                return replace(insn, src=0, imm=reloc.addend), found
            case "kfunc":
                assert insn.src == CALL_KFUNC
                found = Reference(0, "kfunc", reloc.symbol, R_BPF_64_32)
                return replace(insn, src=CALL_LOCAL, imm=-1), found
        raise UsageError(f"{program.name}: no object file holds a {reloc.kind} relocation")

    def _local(self, program: ProgramSpec, insns: dict[int, Insn], core: CoreReloc) -> Insn:
        insn = insns.get(core.insn)
        if insn is None or self.types is None:
            raise UsageError(f"{program.name}: slot {core.insn} follows no struct of the kernel")
        value = local_value(self.types, core)
        return replace(insn, off=value) if insn.code & 7 == _LDX else replace(insn, imm=value)
