"""Proves an allocation right: on every path each operand is where the code looks for it.

In: a function after `resolve`. Out: nothing, or `AllocationError` that names the operation.

Walks all paths with, for each register and stack slot, the set of virtual registers (or constants,
or addresses) that it holds for certain; ways that meet keep what they agree on. Tests run it after
every allocation; the emitter's own steps are what the kernel tests look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.machine import FRAME, NONE, VIRTUAL, Src
from probee.compiler.codegen.moves import is_memory
from probee.errors import ProbeeError

if TYPE_CHECKING:
    from typing import TypeAlias

    from probee.compiler.codegen.machine import MBlock, MEdge, MFunction, MOp

    Name: TypeAlias = "int | Src"
    State: TypeAlias = "dict[int, frozenset[Name]]"

DESTROYED = range(6)
EMPTY: frozenset[Name] = frozenset()


class AllocationError(ProbeeError):
    """The allocator made a mistake. Always a bug of probee."""


def check(function: MFunction) -> None:
    """Raises AllocationError unless every operand of `function` is what selection meant."""
    Checker(function).run()


class Checker:
    """What is known where each block begins; None: no way leads there yet."""

    def __init__(self, function: MFunction) -> None:
        self.function = function
        self.known: dict[MBlock, State | None] = dict.fromkeys(function.blocks)

    def run(self) -> None:
        """Finds what is known everywhere, then looks at every operand."""
        first = self.function.blocks[0]
        self.known[first] = {}
        todo = [first]
        while todo:
            block = todo.pop()
            state = dict(self.known[block] or {})
            for op in block.ops:
                self.step(op, state, strict=False)
            for edge in block.edges:
                if self._flow(edge, state):
                    todo.append(edge.block)
        for block in self.function.blocks:
            known = self.known[block]
            if known is not None:
                state = dict(known)
                for op in block.ops:
                    self.step(op, state, strict=True)
                self._check_edges(block, state)

    def name(self, src: Src) -> Name:
        """What a virtual source is called: itself, or what it can be made anew from."""
        made = self.function.remat.get(src.base)
        if made is not None:
            return Src(made.base, made.off + src.off, made.symbol)
        return src if src.off or src.base < VIRTUAL else src.base

    # edges

    def _flow(self, edge: MEdge, state: State) -> bool:
        """Joins what is known along `edge`; whether the block behind it learned something."""
        state = dict(state)
        held = {param: self._holders(src, state) for param, src in _passed(edge)}
        for param in held:
            _forget_name(state, param)
        for param, places in held.items():
            for place in places:
                state[place] = state.get(place, EMPTY) | {param}
        before = self.known[edge.block]
        if before is None:
            self.known[edge.block] = state
            return True
        after = {place: names & state[place] for place, names in before.items() if place in state}
        after = {place: names for place, names in after.items() if names}
        self.known[edge.block] = after
        return after != before

    def _holders(self, src: Src, state: State) -> list[int]:
        name = self.name(src)
        return [place for place, names in state.items() if name in names]

    def _check_edges(self, block: MBlock, state: State) -> None:
        for edge in block.edges:
            for param, src in _passed(edge):
                used = any(param in names for names in (self.known[edge.block] or {}).values())
                if used and not self._holders(src, state):
                    raise AllocationError(f"{self.function.name}: nothing holds {src} on an edge")

    # operations

    def step(self, op: MOp, state: State, *, strict: bool) -> None:
        """Carries out one operation; `strict`: after a look at what it reads."""
        if strict:
            self._check(op, state)
        if op.kind == "move":
            state[op.d] = self._moved(op.args[0], state)
        elif op.kind == "entry":
            for register, src in enumerate(op.args, 1):
                if src.base != NONE:
                    state[register] = frozenset({src.base})
        elif op.kind == "call":
            for register in DESTROYED:
                state.pop(register, None)
        elif op.d != NONE:
            _forget_name(state, op.names[0])
            state[op.d] = frozenset({self.name(Src(op.names[0]))})

    def _moved(self, src: Src, state: State) -> frozenset[Name]:
        if src.base in (NONE, FRAME):
            return frozenset({src})
        return frozenset(_plus(name, src.off) for name in state.get(src.base, EMPTY))

    def _check(self, op: MOp, state: State) -> None:
        where = f"{self.function.name}: {op.kind} of line {op.loc.line}"
        if op.kind == "move":
            if op.args[0].base not in (NONE, FRAME) and not state.get(op.args[0].base):
                raise AllocationError(f"{where}: moves nothing known from {op.args[0]}")
            if is_memory(op.d) and op.d < -self.function.frame:
                raise AllocationError(f"{where}: a slot outside of the frame")
            return
        if op.kind in ("call", "ret"):
            for register, src in enumerate(op.args, op.kind == "call"):
                if self.name(src) not in state.get(register, EMPTY):
                    raise AllocationError(f"{where}: r{register} is not {src}")
            return
        for place, vreg in zip((op.a, op.b), op.names[1:], strict=True):
            if vreg < VIRTUAL:
                continue
            if not 0 <= place < FRAME or self.name(Src(vreg)) not in state.get(place, EMPTY):
                raise AllocationError(f"{where}: place {place} does not hold v{vreg}")
        if op.names[0] != NONE and not 0 <= op.d < FRAME:
            raise AllocationError(f"{where}: writes to place {op.d}")
        if op.late and op.d in _late_places(op):
            raise AllocationError(f"{where}: r{op.d} is read after it is written")


def _late_places(op: MOp) -> tuple[int, ...]:
    return {"set": (op.a, op.b), "atomic": (op.a,)}.get(op.kind, (op.b,))


def _passed(edge: MEdge) -> list[tuple[int, Src]]:
    return list(zip(edge.block.params, edge.args, strict=True)) if edge.args else []


def _plus(name: Name, offset: int) -> Name:
    if not offset:
        return name
    if isinstance(name, Src):
        return Src(name.base, name.off + offset, name.symbol)
    return Src(name, offset)


def _forget_name(state: State, vreg: int) -> None:
    """`vreg` is written: whatever was called so is so no longer, as in a loop's next turn."""
    for place, names in list(state.items()):
        stale = {n for n in names if n == vreg or (isinstance(n, Src) and n.base == vreg)}
        if stale:
            state[place] = names - stale
