"""From generated code back to the user's words, for the explanation of a refusal.

In: a program's `Code` with its trace, and the IR that it was made of. Out: a `DebugInfo`. A value
is called by the local that it was assigned to, else by the expression that computes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.machine import NONE
from probee.compiler.ir.ops import NOWHERE
from probee.frozen import replace
from probee.spec.debug import DebugInfo, LoopInfo, Place, StackName, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.compiler.codegen import Code
    from probee.compiler.codegen.machine import MFunction, MOp
    from probee.compiler.ir.ops import Function, Loc, Value


def debug_info(name: str, code: Code, functions: Sequence[Function]) -> DebugInfo:
    """What stands behind each slot of the program `name`."""
    names: dict[Value, str] = {}
    for function in functions:
        names |= _names(function)
    starts = dict(code.functions)
    steps: list[Step] = []
    for slot, op, machine in code.trace:
        if op.loc != NOWHERE and op.loc.line:
            reads = tuple(_named(_reads(op), machine, names))
            writes = tuple(_named([(op.d, op.names[0])], machine, names))
            if op.kind == "result" and steps:  # the call before has left it in r0
                made = tuple((0, name) for _, name in writes)
                steps[-1] = replace(steps[-1], writes=made)
            steps.append(Step(slot, place_of(op.loc), reads, writes))
    machines = {id(machine): machine for _, _, machine in code.trace}
    stack = [
        StackName(starts[machine.name], offset, slot.size, _plain(slot.name))
        for machine in machines.values()
        for slot, offset in machine.slots.items()
    ]
    loops = [LoopInfo(place_of(at), rounds) for f in functions for at, rounds in f.loops]
    return DebugInfo(name, code.code, tuple(steps), tuple(stack), tuple(loops))


def place_of(loc: Loc) -> Place:
    """`loc` in characters, where `ast` counts bytes."""
    data = loc.text.encode()
    column = len(data[: loc.column].decode(errors="replace"))
    end = len(loc.text) if loc.end < 0 else len(data[: loc.end].decode(errors="replace"))
    return Place(loc.file, loc.line, column, end, loc.text)


def _names(function: Function) -> dict[Value, str]:
    names: dict[Value, str] = {}
    maps: dict[object, str] = {}
    for block in function.blocks:
        for op in block.ops:
            if op.result is None or op.loc.end < 0 or op.loc == function.loc:
                continue
            words = place_of(op.loc).words
            if op.kind == "mapaddr":
                maps[op.result] = words = str(op.symbol)
            elif op.symbol == "map_lookup_elem" and op.args[0] in maps:
                # the place of a look-up is its key
                table = maps[op.args[0]]
                words = words if words.startswith(table) else f"{table}[{words}]"
            names[op.result] = words
    for block in function.blocks:
        names |= {param: param.hint for param in block.params if param.hint}
    names |= {param: param.hint for param in function.params if param.hint}
    return {**names, **function.names}


def _reads(op: MOp) -> list[tuple[int, int]]:
    """(machine register, virtual register) of what the operation reads."""
    _, a, b = op.names
    passed = []
    if op.kind == "call":
        passed = [(n, src.base) for n, src in enumerate(op.args, 1) if not src.off]
    elif op.kind == "ret" and op.args:
        passed = [(0, op.args[0].base)]
    return [(op.a, a), (op.b, b), *passed]


def _named(
    pairs: Sequence[tuple[int, int]], machine: MFunction, names: dict[Value, str]
) -> Iterator[tuple[int, str]]:
    for register, virtual in pairs:
        value = machine.values.get(virtual)
        name = "" if value is None else names.get(value, "")
        if name and NONE < register < 10:
            yield register, name


def _plain(name: str) -> str:
    """A stack slot is called after what it is for, with a number that nobody wants to see."""
    return name.rstrip("0123456789")
