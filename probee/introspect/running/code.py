"""What a loaded program's code says it does: instructions in, calls and uses of maps out.

In: the instructions as the verifier left them. Out: `Uses`. Registers are followed in the order of
the code, not along its branches: it tells what code there is, not what is run. Calls that the
kernel has replaced by instructions of its own (looking up an array, the number of the CPU) are not
calls any more.
"""

from __future__ import annotations

from probee.asm import opcodes as op
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from probee.asm.insn import Insn

    # what a register points to: "context", "variables" or "element" of a map, "map" itself
    Points: TypeAlias = tuple[str, int, int]

_CONTEXT = ("context", 0, 0)
_MOV = op.ALU64 | op.X | op.MOV
_ADD = op.ALU64 | op.K
_CALL, _EXIT = op.JMP | op.CALL, op.JMP | op.EXIT
_BYTES = {size.code: size.bytes for size in op.SIZES}
# what a call does to the map in its first register, by the end of its name
_VERBS = (
    ("lookup_elem", "looks up"), ("lookup_percpu_elem", "looks up"), ("update_elem", "updates"),
    ("delete_elem", "deletes from"), ("push_elem", "adds to"), ("pop_elem", "takes from"),
    ("peek_elem", "looks into"), ("ringbuf_output", "sends through"),
    ("ringbuf_reserve", "sends through"), ("ringbuf_query", "asks about"),
    ("ringbuf_reserve_dynptr", "sends through"), ("get_stackid", "records stacks in"),
    ("for_each_map_elem", "walks"), ("redirect_map", "redirects by"),
    ("storage_get", "looks up"), ("storage_delete", "deletes from"),
)  # fmt: skip
# the same for a map in the second register
_SECOND = {"perf_event_output": "sends through", "get_stackid": "records stacks in",
           "tail_call": "goes on in a program of"}  # fmt: skip


class Uses(Frozen):
    """`calls`: names of helpers, `functions`: of kernel functions (kfuncs), in their order.

    `maps`: for the id of each map what is done to it. `variables`: (map, offset, size, whether
    written) of memory in maps of one value. `context`: (offset, size) of what it reads there.
    `unnamed`: calls whose names nobody may know.
    """

    calls: tuple[str, ...]
    functions: tuple[str, ...]
    maps: dict[int, tuple[str, ...]]
    variables: tuple[tuple[int, int, int, bool], ...]
    context: tuple[tuple[int, int], ...]
    unnamed: int


class Reader:
    """Goes through one program. `name` gives the name of what a call's immediate means."""

    def __init__(self, name: Callable[[Insn], str]) -> None:
        self._name = name
        self._points: dict[int, Points] = {1: _CONTEXT}
        self._calls: dict[str, None] = {}
        self._functions: dict[str, None] = {}
        self._maps: dict[int, dict[str, None]] = {}
        self._variables: dict[tuple[int, int, int, bool], None] = {}
        self._context: dict[tuple[int, int], None] = {}
        self._unnamed = 0

    def read(self, insns: Iterable[Insn]) -> Uses:
        """What the instructions do."""
        for insn in insns:
            self._step(insn)
        return Uses(
            tuple(self._calls), tuple(self._functions),
            {id: tuple(uses) for id, uses in self._maps.items()},
            tuple(sorted(self._variables)), tuple(sorted(self._context)),
            self._unnamed,
        )  # fmt: skip

    def _step(self, insn: Insn) -> None:
        kind = insn.code & 7
        points = self._points
        if insn.code == op.LD_IMM64:
            self._immediate(insn)
        elif kind == op.LDX:
            self._access(points.get(insn.src), insn, written=False)
            points.pop(insn.dst, None)
        elif kind in (op.ST, op.STX):
            self._access(points.get(insn.dst), insn, written=True)
        elif insn.code == _MOV and not insn.off:
            if insn.src in points:
                points[insn.dst] = points[insn.src]
            else:
                points.pop(insn.dst, None)
        elif insn.code == _ADD and insn.dst in points:
            what, id, offset = points[insn.dst]
            if what == "map":  # the kernel's own way to the values of an array
                self._use(id, "looks up")
                points[insn.dst] = "element", id, 0
            else:
                points[insn.dst] = what, id, offset + insn.imm
        elif kind in (op.ALU32, op.ALU64):
            points.pop(insn.dst, None)
        elif insn.code == _CALL:
            self._call(insn)
        elif insn.code == _EXIT:  # what follows is reached from elsewhere
            points.clear()

    def _immediate(self, insn: Insn) -> None:
        self._points.pop(insn.dst, None)
        id = insn.imm & 0xFFFF_FFFF
        if insn.src == op.PSEUDO_MAP_FD:
            self._maps.setdefault(id, {})
            self._points[insn.dst] = "map", id, 0
        elif insn.src == op.PSEUDO_MAP_VALUE:
            self._maps.setdefault(id, {})
            self._points[insn.dst] = "variables", id, insn.high & 0xFFFF_FFFF

    def _access(self, points: Points | None, insn: Insn, *, written: bool) -> None:
        if points is None:
            return
        what, id, offset = points
        size = _BYTES[insn.code & 0x18]
        if what == "variables":
            self._variables[id, offset + insn.off, size, written] = None
            self._use(id, "writes" if written else "reads")
        elif what == "element":
            self._use(id, "writes values of" if written else "reads values of")
        elif what == "context" and not written:
            self._context[offset + insn.off, size] = None

    def _use(self, id: int, verb: str) -> None:
        self._maps.setdefault(id, {})[verb] = None

    def _call(self, insn: Insn) -> None:
        points = self._points
        first, second = points.get(1), points.get(2)
        for register in range(6):
            points.pop(register, None)
        if insn.src == op.CALL_LOCAL:
            return
        name = self._name(insn)
        if not name:
            self._unnamed += 1
            return
        (self._functions if insn.src == op.CALL_KFUNC else self._calls)[name] = None
        for which, verb in ((first, _verb(name)), (second, _SECOND.get(name, ""))):
            if which is not None and which[0] == "map" and verb:
                self._use(which[1], verb)
                if verb == "looks up":
                    points[0] = "element", which[1], 0


def _verb(name: str) -> str:
    return next((verb for end, verb in _VERBS if name.endswith(end)), "")


def plain(symbol: str) -> str:
    """The helper behind a function of the kernel: `map_lookup_elem` for `__htab_map_lookup_elem`.

    The verifier calls a map's own functions in place of the helper that goes to them.
    """
    name = symbol.lstrip("_").removeprefix("bpf_")
    for end, _ in _VERBS[:7]:
        if name.endswith(f"map_{end}"):
            return f"map_{end}"
    return name
