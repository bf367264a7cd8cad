"""Random IR functions that the verifier accepts, to be run in the kernel and by the interpreter.

In: a seed. Out: a list of functions for `generate`: a program over a context of `CONTEXT` bytes
(numbers in the first `INPUTS` words, results in the rest), stack slots, the data section `DATA`,
and subprograms over numbers. Loops end after a few turns.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from probee.compiler.ir.ops import Function, Loc
from tests.codegen_statements import AREA, DATA, INTERESTING, Maker, Shape
from tests.ir_interpreter import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.ir_interpreter import Helper, Word

INPUTS, OUTPUTS = 8, 24
CONTEXT = 8 * (INPUTS + OUTPUTS)


def _probe_read_kernel(to: Word, size: Word, of: Word) -> Word:
    assert isinstance(to, Address)
    assert isinstance(size, int)
    assert isinstance(of, Address)
    to.memory[to.offset : to.offset + size] = of.memory[of.offset : of.offset + size]
    return 0


def _map_lookup_elem(data: Word, key: Word) -> Word:
    assert isinstance(key, Address)
    return 0 if any(key.memory[key.offset : key.offset + 4]) else data


HELPERS: dict[str, Helper] = {
    "get_smp_processor_id": lambda: 0,
    "probe_read_kernel": _probe_read_kernel,
    "map_lookup_elem": _map_lookup_elem,
}


def subprogram(rng: random.Random, isa: int, name: str, callees: Sequence[Function]) -> Function:
    function = Function(name, main=False, loc=Loc("random.py", 1, 0))
    function.params += [function.new_value("int", f"a{i}") for i in range(rng.randrange(6))]
    maker = Maker(rng, Shape(rng, isa), function, callees)
    maker.left = min(maker.left, 10)
    for index, variable in enumerate(maker.names):
        known = index < len(function.params)
        maker.b.write(variable, function.params[index] if known else maker.number())
    maker.finish()
    maker.b.ret(maker.variable())
    return function


def program(seed: int, isa: int = 4) -> list[Function]:
    """The functions of random program number `seed`, the main one first."""
    rng = random.Random(seed)
    shape = Shape(rng, isa)
    subprograms: list[Function] = []
    if shape.calls and rng.random() < 0.6:
        for index in range(rng.randrange(1, 3)):
            subprograms.append(subprogram(rng, isa, f"sub{index}", subprograms[:1]))
    function = Function("main", loc=Loc("random.py", 1, 0))
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    maker = Maker(rng, shape, function, subprograms)
    b = maker.b
    for index, name in enumerate(maker.names):
        size = rng.choice((8, 8, 8, 4, 2, 1))
        offset = 8 * (index % INPUTS)
        b.write(name, b.emit("load", context, size=size, offset=offset, result="int"))
    for index in range(rng.randrange(3)):
        slot = b.slot(f"s{index}", AREA)
        b.emit("zero", slot, size=AREA, align=8)
        maker.areas.append(lambda slot=slot: slot)  # type: ignore[misc]
    for offset in (0, AREA):
        if rng.random() < 0.5:
            maker.areas.append(lambda at=offset: b.emit("dataaddr", symbol=DATA, offset=at))  # type: ignore[misc]
    maker.finish()
    for index, name in enumerate(maker.names):
        b.emit("store", context, b.read(name), size=8, offset=8 * (INPUTS + index))
    b.ret(maker.variable())
    return [function, *subprograms]


def contexts(seed: int, count: int) -> list[bytes]:
    """Contexts to run program number `seed` with."""
    rng = random.Random(~seed)
    out = []
    for _ in range(count):
        numbers = [
            rng.choice((rng.choice(INTERESTING), rng.getrandbits(64))) & (1 << 64) - 1
            for _ in range(INPUTS)
        ]
        out.append(b"".join(n.to_bytes(8, "little") for n in numbers) + bytes(8 * OUTPUTS))
    return out
