"""The compiled program, run by `probee.sim`: no kernel is touched.

In: the source of a program, what to compile it for. Out: a `Simulated` with the same `run` and
`state` as a `Model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from probee.compiler.pipeline import compile_programs
from probee.lang.capture import capture
from probee.lang.programs import Program
from probee.lang.variables import Const
from probee.sim import Machine, World
from probee.sim.views import ArrayView, HashView, QueueView, RingView, VariableView
from probee.spec.target import Target
from tests.meaning.facts import Facts
from tests.meaning.model import Trap
from tests.meaning.texts import COMM

if TYPE_CHECKING:
    from probee.spec.programs import CollectionSpec

CODE, SECTION, FOLDED = "code", "section", "folded"


def compiled(
    names: Mapping[str, Any],
    arguments: Mapping[str, str],
    consts: Mapping[str, int],
    *,
    isa: int,
    kept: str = CODE,
    check: bool = False,
) -> CollectionSpec:
    """The program `program` of a module. `kept` says where the values of `consts` stand: in the
    code, where the loader writes them; in a data section; or folded into it, as all others are.

    Raises CompileError, and what the IR's verifier finds after a pass if `check`.
    """
    program = names["program"]
    assert isinstance(program, Program)
    captured = capture((program,))
    folded = {
        name: declaration.identity()[2]
        for name, declaration in captured.declarations.items()
        if isinstance(declaration, Const) and name not in consts
    }
    if kept == FOLDED:
        folded |= {n: v for n, v in consts.items() if n in captured.declarations}
    return compile_programs(
        captured,
        target=Target(isa=isa),
        facts=Facts(arguments),
        frozen=folded,
        patched=kept == CODE,
        check=check,
    )


class Simulated:
    """The program `program` of `spec`."""

    def __init__(
        self,
        spec: CollectionSpec,
        arguments: Mapping[str, str],
        consts: Mapping[str, int],
        memory: Mapping[int, bytes],
    ) -> None:
        self.arguments = arguments
        used = {v.name for v in spec.variables}
        given = {name: value for name, value in consts.items() if name in used}
        self.machine = Machine(spec, consts=given, world=World(comm=COMM, user=memory))
        self._traps: dict[tuple[str, int], int] = {}
        self._records: dict[str, list[Any]] = {}
        self.executed = 0

    def run(self, inputs: Mapping[str, int]) -> tuple[int, Trap | None]:
        outcome = self.machine.run("program", [inputs[name] for name in self.arguments])
        self.executed += outcome.instructions
        trap = None
        for loss in self.machine.losses():
            key = loss.subject, loss.line
            if loss.kind == "trap" and loss.count > self._traps.get(key, 0):
                assert trap is None, f"{loss} beside {trap}"
                assert loss.count == self._traps.get(key, 0) + 1, f"counted too often: {loss}"
                self._traps[key] = loss.count
                trap = Trap(*key)
        return outcome.result, trap

    def refused(self) -> dict[str, int]:
        losses = [loss for loss in self.machine.losses() if loss.kind != "trap"]
        assert {loss.kind for loss in losses} <= {"map_update"}, losses
        return {loss.subject: loss.count for loss in losses}

    def state(self) -> dict[str, Any]:
        """Every map, ring and variable that the code still refers to, as data."""
        found: dict[str, Any] = {"(printed)": list(self.machine.printed)}
        spec = self.machine.spec
        names = [m.name for m in spec.maps if not m.name.startswith(".")]
        for name in names + [v.name for v in spec.variables if v.section == ".data"]:
            match self.machine[name]:
                case HashView() as table:
                    found[name] = {plain(k): _first(table, v) for k, v in table.items()}
                case ArrayView() as array:
                    found[name] = [_first(array, v) for v in array]
                case QueueView() as queue if not queue.unordered:
                    oldest = queue.values()[:: -1 if queue.last_first else 1]
                    found[name] = [plain(v) for v in oldest]
                case RingView() as ring:
                    records = self._records.setdefault(name, [])
                    records += [plain(r) for r in ring.drain()]
                    found[name] = list(records)
                case VariableView() as variable:
                    found[name] = int(variable.value)
        return found


def _first(view: HashView | ArrayView, value: Any) -> Any:
    """Of per-CPU values that of the first CPU: there is no other one."""
    return plain(value[0] if view.per_cpu else value)


def plain(value: Any) -> Any:
    if isinstance(value, int):
        return int(value)
    return value if isinstance(value, str) else tuple(plain(v) for v in value)
