"""Every operation and comparison with constants, of numbers in every form: as before the passes.

In: nothing. Each function computes one kind of operation with all constants, on either side, and is
run by the interpreter before and after the passes.
"""

from __future__ import annotations

import pytest

from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import CONDITIONS, Function, Operand
from probee.compiler.passes.arithmetic import compute
from probee.compiler.passes.comparisons import by_range
from probee.compiler.passes.order import optimise
from tests.ir_interpreter import Address, Interpreter, arithmetic
from tests.ir_random import BINARY

CONSTANTS = (0, 1, -1, 2, 3, -3, 8, -8, 127, 255, 256, (1 << 31) - 1, 1 << 31, -(1 << 31),
             (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63))  # fmt: skip
NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 200, 255, 256, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
           1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 8,
           (1 << 64) - 200)  # fmt: skip
FORMS = ("whole", "zext.1", "sext.1", "zext.4", "sext.4", "masked", "added", "shifted")
SHIFTS = ("shl", "lshr", "ashr")


def _formed(b: Builder, form: str, number: Operand) -> Operand:
    """The number as an operand whose bounds the passes know."""
    match form:
        case "whole":
            return number
        case "masked":
            return b.emit("and", number, 7, size=8)
        case "added":
            return b.emit("add", b.emit("zext", number, size=1), 250, size=8)
        case "shifted":
            return b.emit("lshr", number, 33, size=8)
    kind, size = form.split(".")
    return b.emit(kind, number, size=int(size))


def _function(form: str, kind: str, size: int, symbol: str | None) -> Function:
    function = Function("main")
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    b = Builder(function)
    number = b.emit("load", context, size=8, offset=0, result="int")
    places = iter(range(8, 8 + 24 * len(CONSTANTS), 8))
    for constant in CONSTANTS:
        for turned in (False, True):
            operand = _formed(b, form, number)
            known = constant & (8 * size - 1) if kind in SHIFTS and not turned else constant
            args = (known, operand) if turned else (operand, known)
            found = b.emit(kind, *args, size=size, symbol=symbol)
            b.emit("store", context, found, size=8, offset=next(places))
    b.ret(0)
    return function


def _results(function: Function) -> list[bytes]:
    found = []
    for number in NUMBERS:
        memory = bytearray(number.to_bytes(8, "little") + bytes(24 * len(CONSTANTS)))
        Interpreter([function], helpers={}, data={}).run(Address(memory, 0))
        found.append(bytes(memory))
    return found


@pytest.mark.parametrize("form", FORMS)
def test_operations(form: str) -> None:
    for kind in BINARY:
        for size in (4, 8):
            expected = _results(_function(form, kind, size, None))
            after = _function(form, kind, size, None)
            optimise(after)
            assert _results(after) == expected, (kind, size)


@pytest.mark.parametrize("form", FORMS)
def test_comparisons(form: str) -> None:
    for condition in CONDITIONS:
        for size in (4, 8):
            expected = _results(_function(form, "cmp", size, condition))
            after = _function(form, "cmp", size, condition)
            optimise(after)
            assert _results(after) == expected, (condition, size)


@pytest.mark.parametrize("kind", BINARY)
def test_of_two_constants(kind: str) -> None:
    """What folding computes, by arithmetic written down a second time."""
    for size in (4, 8):
        for a in CONSTANTS:
            for b in CONSTANTS:
                found = compute(kind, size, [a, b]) & (1 << 64) - 1
                assert found == arithmetic(kind, a, b, size), (size, a, b)


def test_what_bounds_decide() -> None:
    compared = {"eq": int.__eq__, "ne": int.__ne__, "ult": int.__lt__, "sle": int.__le__,
                "ule": int.__le__, "ugt": int.__gt__, "sgt": int.__gt__, "uge": int.__ge__,
                "slt": int.__lt__, "sge": int.__ge__}  # fmt: skip
    for condition, holds in compared.items():
        for bottom in range(4):
            for top in range(bottom, 4):
                for constant in range(5):
                    every = {holds(x, constant) for x in range(bottom, top + 1)}
                    said = by_range(condition, bottom, top, constant)
                    assert said == (every.pop() if len(every) == 1 else None)
