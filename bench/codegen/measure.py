"""What is measured of generated code, and how long the compiler takes to make it.

In: clang. Out: plain numbers for report.py.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codegen import sides
from probee.compiler.pipeline import compile_programs
from probee.host import bpf
from probee.lang.capture import capture
from probee.runtime.programs import program_info
from probee.spec.programs import CollectionSpec, ProgramSpec
from probee.spec.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.codegen.sides import Pair, Side

PER_ROUND = 2000  # runs of each program a round
EMPTY = bytes.fromhex("b7000000000000009500000000000000")  # r0 = 0; exit
HEAD = """\
from probee import Context, Hash, Struct, raw_tracepoint, u32, u64


class Count(Struct):
    n: u64


counts = Hash(u32, Count, max_entries=8)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u64:
    v0: u64 = ctx.a
    v1: u64 = ctx.b
    v2: u64 = v0 + 1
    v3: u64 = v1 + 2
"""
ARGUMENTS: dict[str, tuple[str, Any]] = {"a": ("u64", ()), "b": ("u64", ())}
NAMES = ("v0", "v1", "v2", "v3")
TIMES = 3  # compilations of each program; the fastest counts


def measured(clang: str, rounds: int, folder: str) -> dict[str, Any]:
    """All numbers of the section."""
    stats = bpf.enable_stats()
    try:
        empty: list[float] = []
        pairs = {name: _pair(sides.pair(name), clang, rounds, empty) for name in sides.NAMES}
    finally:
        os.close(stats)
    return {"pairs": pairs, "empty": empty, "compile": compile_times(folder)}


def _pair(pair: Pair, clang: str, rounds: int, empty: list[float]) -> dict[str, Any]:
    """Instructions, what the verifier processed, ns a run: ours and clang's of each."""
    made = {isa: pair.ours(isa) for isa in (3, 4)}
    others = {isa: pair.theirs(clang, isa, spec) for isa, spec in made.items()}
    counts = {
        f"v{isa}": (sides.instructions(spec), sides.instructions(others[isa]))
        for isa, spec in made.items()
    }
    ours, theirs = made[3], others[3]
    inputs = pair.inputs()
    with sides.Side(ours) as one, sides.Side(theirs) as other, sides.Side(_empty(ours)) as none:
        different = sides.differences(one, other, inputs, 20)
        if different:
            raise RuntimeError(f"{pair.name}: {different[0]}")
        times: tuple[list[float], list[float]] = [], []
        for number in range(rounds):
            turn = [(one, times[0]), (other, times[1])]
            empty.append(_run(none, inputs))
            for side, out in turn[:: 1 if number % 2 else -1]:
                out.append(_run(side, inputs))
        return {**counts, "verified": (one.verified, other.verified), "ns": times}


def _empty(spec: CollectionSpec) -> CollectionSpec:
    """A program that does nothing: what a run costs in any case."""
    given = spec.programs[0]
    program = ProgramSpec(given.name, given.type, 0, given.attach, EMPTY)
    return CollectionSpec(maps=(), programs=(program,))


def _run(side: Side, inputs: sides.Inputs) -> float:
    """Nanoseconds a run, by the kernel's own count."""
    before = program_info(side.program.fd)
    contexts = inputs.contexts
    for number in range(PER_ROUND):
        side.run(contexts[number % len(contexts)])
        if number % 100 == 99:
            side.state()  # rings must not fill
    after = program_info(side.program.fd)
    took = (after.run_time or 0) - (before.run_time or 0)
    return took / max((after.run_count or 0) - (before.run_count or 0), 1)


def compile_times(folder: str) -> dict[str, tuple[int, float]]:
    """Program → (instructions, milliseconds)."""
    found = {}
    for size, scale in (("small", 1), ("large", 8)):
        for name, (statements, make) in SHAPES.items():
            source = HEAD + make(statements * scale)
            found[f"{name}, {size}"] = _compile(Path(folder, f"{name}_{size}.py"), source)
    return found


def _compile(path: Path, source: str) -> tuple[int, float]:
    path.write_text(f"{source}    return v0 ^ v1 ^ v2 ^ v3\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    world = capture((module.program,))
    target, facts = Target("x86_64", 4), sides.Facts(ARGUMENTS)
    count = sides.instructions(compile_programs(world, target=target, facts=facts))
    taken = []
    for _ in range(TIMES):
        begin = time.process_time()
        compile_programs(world, target=target, facts=facts)
        taken.append(1000 * (time.process_time() - begin))
    return count, min(taken)


def straight(count: int) -> str:
    """Arithmetic, one statement behind another."""
    dice = random.Random(1)
    lines = []
    for _ in range(count):
        a, b, c = dice.sample(NAMES, 3)
        lines.append(f"    {a} = {b} {dice.choice('+-*^')} {c} + {dice.randrange(1000)}\n")
    return "".join(lines)


def branches(count: int) -> str:
    """Two ways that meet, again and again."""
    dice = random.Random(1)
    lines = []
    for _ in range(count):
        a, b, c = dice.sample(NAMES, 3)
        lines.append(
            f"    if {a} > {b}:\n        {c} = {a} + {dice.randrange(100)}\n"
            f"    else:\n        {b} ^= {dice.randrange(100)}\n"
        )
    return "".join(lines)


def lookups(count: int) -> str:
    """Entries of a map, counted or made."""
    return "".join(
        f"    c = counts.get({i})\n    if c is not None:\n        c.n += v0\n"
        f"    else:\n        counts[{i}] = Count(n=v1)\n"
        for i in range(count)
    )


SHAPES: dict[str, tuple[int, Callable[[int], str]]] = {
    "straight": (1000, straight),
    "branches": (250, branches),
    "lookups": (40, lookups),
}
