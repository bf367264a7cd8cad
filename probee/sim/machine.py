"""A machine that runs compiled programs without a kernel.

In: a CollectionSpec, values of its constants, a World; the context of each run. Out: results,
what maps, rings and variables hold, what was lost, what was printed. See docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import byteorder

from probee.asm.opcodes import CALL_KFUNC
from probee.errors import NotSupportedError, SimError, UsageError
from probee.frozen import Frozen
from probee.sim import kfuncs
from probee.sim.cpu import Cpu
from probee.sim.helpers import Helpers
from probee.sim.lines import lines_of
from probee.sim.linking import linked
from probee.sim.maps import ArrayMap, HashMap, SectionMap, SimMap, TrieMap
from probee.sim.memory import Memory
from probee.sim.state import State
from probee.sim.streams import BloomMap, PerfMap, QueueMap, RingMap, StackMap
from probee.sim.values import encode
from probee.sim.views import ArrayView, HashView, QueueView, RingView, VariableView
from probee.sim.world import World
from probee.tables.maps import by_number
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from probee.asm.insn import Insn
    from probee.sim.steps import Registers
    from probee.spec.programs import CollectionSpec, MapSpec, ProgramSpec

LIMIT = 1_000_000  # instructions of one run
# Their contexts are plain bytes; of all others the kernel makes something on the way in.
PROGRAM_TYPES = {
    uapi.BPF_PROG_TYPE_KPROBE: "kprobe",
    uapi.BPF_PROG_TYPE_TRACEPOINT: "tracepoint",
    uapi.BPF_PROG_TYPE_PERF_EVENT: "perf_event",
    uapi.BPF_PROG_TYPE_RAW_TRACEPOINT: "raw_tracepoint",
    uapi.BPF_PROG_TYPE_TRACING: "tracing",
    uapi.BPF_PROG_TYPE_SYSCALL: "syscall",
}


class Outcome(Frozen):
    """A run's end. `result`: the low 32 bits of r0, as BPF_PROG_TEST_RUN gives it; `instructions`:
    how many were executed; `context`: its bytes afterwards.
    """

    result: int
    instructions: int
    context: bytes


class Loss(Frozen):
    """`count` times something was lost since the machine was made; fields as of Session.losses."""

    kind: str
    subject: str
    count: int
    program: str = ""
    file: str = ""
    line: int = 0
    text: str = ""


class Machine:
    """Maps and programs of `spec`, ready to run. `machine["name"]` is a map, ring or variable.

    `consts`: values of the constants by name. `strict_stack`: reading bytes of the stack that were
    never written is an error; otherwise they are zeroes, while a kernel gives what stood there.
    """

    def __init__(
        self,
        spec: CollectionSpec,
        *,
        consts: Mapping[str, Any] | None = None,
        world: World | None = None,
        strict_stack: bool = True,
    ) -> None:
        if spec.endian != byteorder:
            raise NotSupportedError(f"simulating {spec.endian}-endian code on this machine")
        self.spec, self.world = spec, world or World()
        self._memory = Memory(self.world.kernel)
        self._state = State(self._memory, self.world)
        self._helpers = Helpers()
        self._strict = strict_stack
        given = dict(consts or {})
        variables = {v.name: v for v in spec.variables}
        for name in given.keys() - variables.keys():
            raise UsageError(f"the programs have no constant {name!r}")
        raw = {n: encode(variables[n].type, v, 0, n) for n, v in given.items()}
        self._consts = {name: int(v) for name, v in given.items() if isinstance(v, int)}
        self._maps: dict[str, SimMap] = {}
        for map_ in spec.maps:
            contents = bytearray(map_.contents)
            for name, data in raw.items():
                if variables[name].section == map_.name:
                    at = variables[name].offset
                    contents[at : at + len(data)] = data
            made = self._made(map_, bytes(contents))
            self._maps[map_.name] = self._state.maps[made.address] = made
        self._cpus: dict[str, Cpu] = {}

    def _made(self, spec: MapSpec, contents: bytes) -> SimMap:
        if contents:
            return SectionMap(spec, self._memory, contents)
        row = by_number(spec.type)
        kind, cpus = row.name if row else str(spec.type), self.world.cpus
        match kind:
            case "hash" | "lru_hash" | "percpu_hash" | "lru_percpu_hash":
                per_cpu, lru = "percpu" in kind, "lru" in kind
                return HashMap(spec, self._memory, cpus, per_cpu=per_cpu, lru=lru)
            case "array" | "percpu_array":
                return ArrayMap(spec, self._memory, cpus, per_cpu="percpu" in kind)
            case "lpm_trie":
                return TrieMap(spec, self._memory, cpus)
            case "ringbuf":
                return RingMap(spec, self._memory, cpus)
            case "perf_event_array":
                return PerfMap(spec, self._memory, cpus)
            case "queue" | "stack":
                return QueueMap(spec, self._memory, cpus, last=kind == "stack")
            case "stack_trace":
                return StackMap(spec, self._memory, cpus)
            case "bloom_filter":
                return BloomMap(spec, self._memory, cpus)
            case _:
                raise NotSupportedError(f"the simulator has no maps of type {kind} ({spec.name})")

    def run(
        self,
        program: str,
        context: bytes | Sequence[int] | Mapping[str, int] = b"",
        *,
        limit: int = LIMIT,
    ) -> Outcome:
        """Runs a program once. The context: its bytes; or 64-bit words, as of a raw tracepoint; or
        fields by name, as of a tracepoint (those that the program reads; others are zeroes).

        Raises SimError where the program does what the kernel would not let it do, or leaves a ring
        record reserved, or runs for more than `limit` instructions; NotSupportedError for what the
        simulator does not have.
        """
        spec = self._program(program)
        data = _context(spec, context)
        writable = PROGRAM_TYPES[spec.type] == "syscall"
        region = self._memory.add("the context", data, writable=writable)
        cpu = self._state.cpu = self._cpu(spec)
        self._state.iterators.clear()  # a run that failed may have left one
        result = cpu.start(region.base, limit)
        self._check_given_back(program)
        outcome = Outcome(result & 0xFFFFFFFF, cpu.executed, bytes(region.data))
        self._memory.sweep(region)
        return outcome

    def _program(self, name: str) -> ProgramSpec:
        spec = next((p for p in self.spec.programs if p.name == name), None)
        if spec is None:
            names = ", ".join(p.name for p in self.spec.programs)
            raise UsageError(f"there is no program {name!r}; there are: {names}")
        if spec.type not in PROGRAM_TYPES:
            raise NotSupportedError(f"simulating programs of type {spec.type} ({name})")
        return spec

    def _cpu(self, spec: ProgramSpec) -> Cpu:
        cpu = self._cpus.get(spec.name)
        if cpu is None:
            code = linked(spec, self._maps, self._consts)
            lines = lines_of(spec.line_info, self.spec.btf, self.spec.endian)
            cpu = self._cpus[spec.name] = Cpu(
                spec.name, code, self._memory, self._call, lines,
                names=self._helpers.names, strict_stack=self._strict,
            )  # fmt: skip
        return cpu

    def _call(self, insn: Insn, registers: Registers) -> int:
        if insn.src == CALL_KFUNC:
            return kfuncs.call(self._state, insn.imm, registers)
        return self._helpers.call(self._state, insn.imm, registers)

    def _check_given_back(self, program: str) -> None:
        if self._state.iterators:
            raise SimError(
                f"{program} ends with an iterator that it did not destroy",
                program=program, slot=0, insn="exit",
            )  # fmt: skip
        for map_ in self._maps.values():
            if isinstance(map_, RingMap) and map_.pending:
                raise SimError(
                    f"{program} ends with a record of {map_.spec.name} still reserved",
                    program=program, slot=0, insn="exit",
                )  # fmt: skip

    def __getitem__(self, name: str) -> Any:
        """The map, ring or variable of that name."""
        for variable in self.spec.variables:
            section = self._maps.get(variable.section)
            if variable.name == name and isinstance(section, SectionMap):
                return VariableView(variable, section.region)
        map_ = self._maps.get(name)
        match map_:
            case RingMap() | PerfMap():
                return RingView(map_)
            case QueueMap() | BloomMap():
                return QueueView(map_)
            case ArrayMap():
                return ArrayView(map_, self.world, per_cpu=_per_cpu(map_))
            case SimMap():
                return HashView(map_, self.world, per_cpu=_per_cpu(map_))
            case None:
                names = ", ".join([*self._maps, *(v.name for v in self.spec.variables)])
                raise UsageError(f"the programs use no {name!r}; they use: {names}")

    def losses(self) -> list[Loss]:
        """What programs could not do, one row for each counter that is not zero."""
        found = []
        for counter in self.spec.counters:
            section = self._maps[counter.section]
            assert isinstance(section, SectionMap)
            raw = section.region.data[counter.offset : counter.offset + 8]
            if count := int.from_bytes(raw, byteorder):
                found.append(
                    Loss(
                        counter.kind, counter.subject, count, counter.program,
                        counter.file, counter.line, counter.text,
                    )
                )  # fmt: skip
        return found

    @property
    def printed(self) -> list[str]:
        """What programs printed, a line for each call."""
        return self._state.printed


def _per_cpu(map_: SimMap) -> bool:
    row = by_number(map_.spec.type)
    return row is not None and row.per_cpu


def _context(spec: ProgramSpec, context: bytes | Sequence[int] | Mapping[str, int]) -> bytearray:
    if isinstance(context, (bytes, bytearray)):
        return bytearray(context)
    if not isinstance(context, Mapping):
        return bytearray(b"".join((n & (1 << 64) - 1).to_bytes(8, byteorder) for n in context))
    fields = {field.name: field for field in spec.context}
    data = bytearray(max((f.offset + f.size for f in spec.context), default=0))
    for name, value in context.items():
        field = fields.get(name)
        if field is None:
            raise UsageError(f"{spec.name} reads no field {name!r}; it reads: {', '.join(fields)}")
        raw = (value & (1 << 8 * field.size) - 1).to_bytes(field.size, byteorder)
        data[field.offset : field.offset + field.size] = raw
    return data
