"""What all programs of one compilation share.

In: a `Capture`, the target, facts about the kernel, the consts that are folded. Out: sources, data
sections and counters, each laid out once, in the order they are first needed.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from probee.compiler.frontend.source import Source
from probee.compiler.frontend.subset import check
from probee.compiler.frontend.twins import Twins
from probee.lang.variables import Const, Variable
from probee.spec.programs import PER_CPU, CoreReloc, CounterSpec, VariableSpec
from probee.spec.types import Int
from probee.tables.licenses import GPL_COMPATIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from types import FunctionType
    from typing import Literal

    from probee.compiler.frontend.source import Parsed
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Loc
    from probee.errors import Diagnostic
    from probee.lang.capture import Capture
    from probee.spec.target import KernelFacts, Target
    from probee.spec.types import CharArray


class World:
    """The compilation. `frozen`: consts by name with the values that are folded into the code.

    `patched`: the other integer consts stand in the code too, for the loader to write in; else
    they live in .rodata.
    """

    def __init__(
        self,
        capture: Capture,
        target: Target,
        facts: KernelFacts,
        frozen: Mapping[str, int | bytes],
        license_: str,
        *,
        patched: bool = False,
    ) -> None:
        self.capture = capture
        self.target = target
        self.facts = facts
        self.frozen = frozen
        self.license = license_
        self.patched = patched
        self.file_name: Callable[[str], str] = str  # what a source file is called in the result
        self.variables: dict[str, VariableSpec] = {}
        self.contents: dict[str, bytearray] = {
            section: bytearray() for section in (".rodata", ".data", PER_CPU)
        }
        self.counters: dict[tuple[object, ...], CounterSpec] = {}
        self.twins = Twins()
        # By the symbol in the IR: an access to the kernel's structs, its place still open, and
        # each step of its path as (struct, member, what the member is taken for).
        self.accesses: dict[str, CoreReloc] = {}
        self.steps: dict[str, tuple[tuple[str, str, str], ...]] = {}
        self._read_only: dict[bytes, int] = {}
        self._broken: dict[FunctionType, list[Diagnostic]] = {}
        self.dead_calls: dict[tuple[Hashable, ...], TypedValue] = {}  # see dead.py
        self.context_reads = 0  # how often a field of a context was asked for
        self.refused: set[int] = set()  # ids of statements with syntax outside the language
        self._trees: dict[str, Parsed] = {}
        self._sources: dict[FunctionType, Source] = {}

    @property
    def gpl(self) -> bool:
        """Whether the kernel lets a program of this licence call what is for GPL programs alone."""
        return self.license in GPL_COMPATIBLE

    def source(self, function: FunctionType) -> Source:
        """The function's tree and text. Raises CompileError where there is none."""
        if function not in self._sources:
            self._sources[function] = Source(function, self._trees)
        return self._sources[function]

    def syntax_errors(self, function: FunctionType) -> list[Diagnostic]:
        """What of a function's syntax is outside the language."""
        if function not in self._broken:
            found = check(self.source(function))
            self._broken[function] = [diagnostic for diagnostic, _ in found]
            self.refused |= {id(statement) for _, statement in found}
        return self._broken[function]

    def number(self, raw: bytes) -> int:
        """Bytes as the number that a load of them gives."""
        return int.from_bytes(raw, "big" if self.target.endian == "big" else "little")

    def function(self, obj: object) -> FunctionType | None:
        """`obj`, if it is a plain function of the user's that the programs name."""
        return next((f for f in self.capture.functions if f is obj), None)

    def annotation(self, function: FunctionType, dotted: str) -> object:
        """What an annotation names, which may stand in no code: a type that the module can see."""
        found = self.capture.annotation(function, dotted)
        return getattr(builtins, dotted, None) if found is None else found

    def folded(self, variable: Variable[object]) -> bool:
        """Whether a const's value is known to the compiler."""
        return isinstance(variable, Const) and self.capture.name_of(variable) in self.frozen

    def variable(self, variable: Variable[object]) -> VariableSpec:
        """Where a Const or Global lives, placed at its first use."""
        name = self.capture.name_of(variable)
        if name not in self.variables:
            type_, value = variable.identity()[1:]
            if self.patched and isinstance(variable, Const) and isinstance(type_, Int):
                self.variables[name] = VariableSpec(name, ".code", 0, type_)
                return self.variables[name]
            contents = self.contents[variable.section]
            contents.extend(bytes(-len(contents) % max(type_.align, 8)))
            self.variables[name] = VariableSpec(name, variable.section, len(contents), type_)
            contents.extend(self._initial(type_, value))
        return self.variables[name]

    def read_only(self, raw: bytes) -> int:
        """The offset in .rodata of bytes that code refers to; equal ones stand there once."""
        if raw not in self._read_only:
            contents = self.contents[".rodata"]
            contents.extend(bytes(-len(contents) % 8))
            self._read_only[raw] = len(contents)
            contents.extend(raw)
        return self._read_only[raw]

    def zero(self) -> VariableSpec:
        """A u64 that is 0 for as long as the program lives, which the verifier does not know."""
        name = "_zero"
        while name in self.capture.declarations:
            name += "_"
        if name not in self.variables:
            contents = self.contents[".data"]
            contents.extend(bytes(-len(contents) % 8))
            self.variables[name] = VariableSpec(name, ".data", len(contents), Int("u64", 8, False))
            contents.extend(bytes(8))
        return self.variables[name]

    def place_of_zero(self) -> tuple[str, int]:
        """The section of `zero`, and its offset there."""
        zero = self.zero()
        return zero.section, zero.offset

    def counter(self, kind: str, subject: str, program: str = "", loc: Loc | None = None) -> int:
        """The offset in .bss of a counter; one of each kind, subject and place."""
        key = (kind, subject, program, loc and (loc.file, loc.line))
        if key not in self.counters:
            place = ("", 0, "")
            if loc:
                place = (self.file_name(loc.file), loc.line, loc.text.strip())
            offset = 8 * len(self.counters)
            self.counters[key] = CounterSpec(kind, subject, ".bss", offset, program, *place)
        return self.counters[key].offset

    def _initial(self, type_: Int | CharArray, value: int | bytes) -> bytes:
        """A variable's value as it stands in memory."""
        if isinstance(value, bytes):
            return value.ljust(type_.size, b"\0")
        order: Literal["big", "little"] = "big" if self.target.endian == "big" else "little"
        return (value & ((1 << (8 * type_.size)) - 1)).to_bytes(type_.size, order)
