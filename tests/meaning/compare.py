"""One program on the same inputs: by CPython, in the simulator, and in the kernel.

In: a source, inputs. Out: what the legs agreed on, or a Mismatch that says where they differ.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from probee.errors import NotSupportedError, SimError, VerifierError
from tests.meaning.expressions import ARGUMENTS, inputs
from tests.meaning.machine import Machine, load_module
from tests.meaning.model import Model, Trap
from tests.meaning.programs import Maker
from tests.meaning.simulated import CODE, FOLDED, SECTION, Simulated, compiled
from tests.older import lacking

RUNS = 6
NOTHING: Mapping[int, bytes] = MappingProxyType({})


class Mismatch(AssertionError):
    """`leg` (`sim`, `kernel`) and CPython do not agree on `what`: result, trap, a name, losses."""

    def __init__(self, leg: str, what: str, message: str) -> None:
        super().__init__(f"{leg}: {what}: {message}")
        self.leg, self.what = leg, what


class Leg(Protocol):
    """A way to run a program."""

    def run(self, inputs: Mapping[str, int]) -> tuple[int, Trap | None]: ...

    def state(self) -> dict[str, Any]: ...

    def refused(self) -> dict[str, int]: ...


class Agreed(NamedTuple):
    """What a program did in all its runs. `unsimulated`: why the simulator could not take part."""

    traps: int
    instructions: int
    executed: int
    unsimulated: str


@cache
def best_isa() -> int:
    """The newest instructions that this kernel takes; 4 where none can be asked."""
    from probee.host.features import Features

    return 3 if Features().ask("isa_v4") is False else 4


def check(
    source: str,
    rounds: Sequence[Mapping[str, int]],
    consts: Mapping[str, int],
    path: Path,
    *,
    isa: int = 0,
    kernel: bool = True,
    memory: Mapping[int, bytes] = NOTHING,
    kept: str = CODE,
) -> Agreed:
    """Compares results, traps with their lines, and what is in maps, rings and variables.

    `kept`: where else than in the code the constants stand when the simulator runs the program a
    second time; it is compiled with checks of the IR then.
    `memory`: text of this process by address, that programs read.
    `isa`: 1 to 4, or 0 for the newest that the kernel takes. Without `kernel` none is needed.
    Raises CompileError, VerifierError and SimError too.
    """
    names = load_module(path, source)
    isa = isa or (best_isa() if kernel else 4)
    if kept != CODE:
        spec = compiled(names, ARGUMENTS, consts, isa=isa, kept=kept, check=True)
        _compare(source, rounds, consts, spec, {}, memory)
    if not kernel:
        spec = compiled(names, ARGUMENTS, consts, isa=isa)
        return _compare(source, rounds, consts, spec, {}, memory)
    with ExitStack() as stack:
        try:
            machine = stack.enter_context(Machine(names, ARGUMENTS, consts, isa=isa))
        except (NotSupportedError, VerifierError) as error:
            spec = compiled(names, ARGUMENTS, consts, isa=isa)
            if not _for_want_of(lacking(spec), error):
                raise
            return _compare(source, rounds, consts, spec, {}, memory)
        legs: dict[str, Leg] = {"kernel": machine}
        return _compare(source, rounds, consts, machine.session.spec, legs, memory)


def _for_want_of(lack: str, error: NotSupportedError | VerifierError) -> bool:
    """Whether the kernel lacks what the program needs, and the refusal says just that."""
    if isinstance(error, NotSupportedError):
        return bool(lack) and f"type {lack}" in str(error)
    return lack == "atomic_fetch" and "does not know an instruction" in str(error)


def _compare(
    source: str,
    rounds: Sequence[Mapping[str, int]],
    consts: Mapping[str, int],
    spec: Any,
    legs: dict[str, Leg],
    memory: Mapping[int, bytes],
) -> Agreed:
    model, unsimulated, simulated = Model(source, ARGUMENTS, consts, memory), "", None
    try:
        simulated = Simulated(spec, ARGUMENTS, consts, memory)
        legs = {"sim": simulated, **legs}
    except NotSupportedError as error:
        unsimulated = error.what
    traps = 0
    for given in rounds:
        expected = model.run(given)
        wanted = model.state()
        traps += expected[1] is not None
        for name, leg in list(legs.items()):
            try:
                found = leg.run(given)
            except NotSupportedError as error:
                if leg is not simulated:
                    raise
                unsimulated = error.what
                del legs[name]
                continue
            except SimError as error:
                raise Mismatch(name, "run", f"{error}\n{source}\n{given}") from error
            _same(name, f"\n{source}\n{given}", expected, found, wanted, leg.state())
    for name, leg in legs.items():
        if leg.refused() != model.refused():
            raise Mismatch(name, "losses", f"{leg.refused()}, not {model.refused()}\n{source}")
    executed = simulated.executed if simulated else 0
    return Agreed(traps, sum(len(p.code) // 8 for p in spec.programs), executed, unsimulated)


def _same(
    leg: str,
    where: str,
    expected: tuple[int, Trap | None],
    found: tuple[int, Trap | None],
    wanted: Mapping[str, Any],
    state: Mapping[str, Any],
) -> None:
    """Mismatch unless a leg did what CPython did. It may have dropped what the code never uses."""
    if str(found[1]) != str(expected[1]):
        raise Mismatch(leg, "trap", f"{found[1]}, not {expected[1]}{where}")
    if found[0] != expected[0]:
        raise Mismatch(leg, "result", f"{found[0]}, not {expected[0]}{where}")
    for name in state:
        if name in wanted and state[name] != wanted[name]:
            raise Mismatch(leg, name, f"{state[name]}, not {wanted[name]}{where}")
    missing = [n for n in state if n not in wanted and leg == "kernel"]
    if missing:
        raise Mismatch(leg, missing[0], f"CPython has none{where}")


class Case(NamedTuple):
    """A random program: its source and what it is run with. `kept`: see `check`."""

    source: str
    rounds: tuple[Mapping[str, int], ...]
    consts: Mapping[str, int]
    kept: str = CODE


def case(seed: int) -> Case:
    """Random program number `seed`; half of them have a Const that is set at load."""
    rng = random.Random(seed)
    maker = Maker(seed)
    consts = {"mode": rng.randint(0, 2)} if rng.random() < 0.5 else {}
    if rng.random() < 0.5:
        consts["limit"] = maker.fitting(maker.kinds["limit"])
    rounds = tuple(inputs(rng) for _ in range(RUNS))
    kept = rng.choice((CODE, CODE, CODE, SECTION, FOLDED))
    return Case(maker.source(), rounds, consts, kept)


def level(seed: int, source: str, best: int) -> int:
    """The instructions to compile random program `seed` for: each level up to `best` in turn.

    Atomics that give the old value came with v3.
    """
    return min(best, max(1 + seed % best, 3 if "atomic_" in source else 1))


def check_random(seed: int, folder: Path, *, kernel: bool = True) -> Agreed:
    """Random program number `seed`, checked."""
    source, rounds, consts, kept = case(seed)
    path = folder / f"meaning_{seed}.py"
    isa = level(seed, source, best_isa() if kernel else 4)
    return check(source, rounds, consts, path, isa=isa, kernel=kernel, kept=kept)
