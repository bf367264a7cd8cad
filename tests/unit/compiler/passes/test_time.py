"""The work of passes and code generator grows in proportion to the program."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from probee.compiler.codegen import generate
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Function
from probee.compiler.passes.order import optimise
from probee.spec import Target
from tests.work import lines_run

if TYPE_CHECKING:
    from collections.abc import Callable


def straight(count: int) -> Function:
    """Loads, arithmetic and stores, one behind another."""
    random, build = Random(1), _begin("straight")
    pointer = build.slot("area", 256)
    build.emit("zero", pointer, size=256, align=8)
    values = [build.emit("load", build.function.params[0], size=8, offset=8 * i) for i in range(8)]
    for _ in range(count):
        at = 8 * random.randrange(32)
        if random.random() < 0.2:
            build.emit("store", pointer, random.choice(values), size=8, offset=at)
        elif random.random() < 0.2:
            values[random.randrange(8)] = build.emit("load", pointer, size=8, offset=at)
        else:
            kind = random.choice(("add", "sub", "mul", "xor"))
            new = build.emit(kind, random.choice(values), random.choice(values), size=8)
            values[random.randrange(8)] = build.emit("or", new, 1, size=8)
    total = values[0]
    for value in values[1:]:
        total = build.emit("xor", total, value, size=8)
    build.ret(total)
    return build.function


def conditions(count: int) -> Function:
    """Many tests that all lead to one end."""
    random, build = Random(1), _begin("conditions")
    value = build.emit("load", build.function.params[0], size=8)
    out = build.block()
    for _ in range(count // 3):
        on = build.block()
        build.branch("eq", value, random.randrange(1 << 20), out, on)
        build.start(on)
        value = build.emit("add", value, random.randrange(1 << 20), size=8)
    build.jump(out)
    build.start(out)
    build.ret(0)
    return build.function


def diamonds(count: int) -> Function:
    """Many times two ways that meet again."""
    random, build = Random(1), _begin("diamonds")
    build.declare("x", "int")
    build.write("x", build.emit("load", build.function.params[0], size=8))
    for i in range(count // 4):
        value = build.emit("load", build.function.params[0], size=8, offset=8 * (i % 64))
        then, done = build.block(), build.block()
        build.branch("ult", value, random.randrange(1 << 20), then, done)
        build.start(then)
        build.write("x", build.emit("mul", build.read("x"), 7, size=8))
        build.jump(done)
        build.start(done)
    build.ret(build.read("x"))
    return build.function


def _begin(name: str) -> Builder:
    function = Function(name)
    function.params.append(function.new_value("ptr", "ctx"))
    return Builder(function)


@pytest.mark.parametrize("make", [straight, conditions, diamonds])
def test_four_times_the_program_is_about_four_times_the_work(
    make: Callable[[int], Function],
) -> None:
    def work(count: int) -> tuple[float, float]:
        """Lines for each operation: given to the passes, left for the code generator."""
        function = make(count)
        given = sum(len(block.ops) for block in function.blocks)
        passes = lines_run(lambda: optimise(function))
        left = sum(len(block.ops) for block in function.blocks)
        return passes / given, lines_run(lambda: generate([function], Target(isa=3))) / left

    for small, large in zip(work(400), work(1600), strict=True):
        assert large < 1.75 * small  # squares would be 4 times
