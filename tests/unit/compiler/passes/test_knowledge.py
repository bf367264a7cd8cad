"""What passes know of numbers, branches and helpers, held against plain computation."""

from __future__ import annotations

from random import Random

import pytest

from probee.compiler.ir.ops import CONDITIONS, OPS, Op, Value
from probee.compiler.ir.printer import print_function
from probee.compiler.passes import effects, threading
from probee.compiler.passes.arithmetic import INVERSE, MIRROR, UNCOMPUTED, compute, holds, signed
from probee.compiler.passes.facts import Facts
from probee.compiler.passes.intervals import of_operation
from tests.ir_interpreter import arithmetic, condition
from tests.ir_random import BINARY, NUMBERS, generate
from tests.ir_text import parse

MASK64 = (1 << 64) - 1


def number(random: Random) -> int:
    if random.random() < 0.7:
        return random.choice(NUMBERS) + random.choice((0, 0, 1, -1))
    return random.getrandbits(64) - (1 << 63)


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("size", [4, 8])
def test_computing(kind: str, size: int) -> None:
    random = Random(f"{kind}{size}")
    for _ in range(300):
        a, b = number(random), number(random)
        assert compute(kind, size, [a, b]) == signed(arithmetic(kind, a, b, size))


def test_what_has_no_effect_is_computed_or_known_not_to_be() -> None:
    for kind, row in OPS.items():
        if row.pure and row.args > 0 and kind not in UNCOMPUTED:
            size = row.sizes[-1] if row.sizes else 8
            assert -(1 << 63) <= compute(kind, size, [1] * row.args, "eq") < 1 << 63


def test_ways_with_a_pointer_that_is_none() -> None:
    """Its member's address is no constant, and decides nothing."""
    function = parse(
        "func f(ctx %0)\nb0:\n  %1 = load.4 [%0+8]\n  %2:ptr = call get_current_task\n"
        "  branch.8 eq %1, 0 -> b1, b2\nb1:\n  jump -> b3(0)\nb2:\n  jump -> b3(%2)\n"
        "b3(%3:ptr):\n  %4:ptr = add.8 %3, 8\n  branch.8 eq %3, 0 -> b4, b5\n"
        "b4:\n  ret 0\nb5:\n  %5 = load.8 [%4]\n  ret %5\n"
    )
    (member,) = [op for block in function.blocks for op in block.ops if op.kind == "add"]
    member.kind, member.size, member.symbol = "kaddr", 0, "stack"
    del member.args[1]
    assert threading.run(function)
    assert [op.kind for block in function.blocks for op in block.ops].count("kaddr") == 2


def test_conditions() -> None:
    random = Random(1)
    for _ in range(3000):
        a, b, size = number(random), number(random), random.choice((4, 8))
        name = random.choice(CONDITIONS)
        truth = condition(name, a & MASK64, b & MASK64, size)
        assert holds(name, a, b, size) == truth
        assert holds(MIRROR[name], b, a, size) == truth
        if name in INVERSE:
            assert holds(INVERSE[name], a, b, size) != truth


@pytest.mark.parametrize("seed", range(20))
def test_facts_never_contradict_the_values(seed: int) -> None:
    """Told only what holds of two numbers, facts decide nothing that does not."""
    random = Random(seed)
    decided = 0
    for _ in range(300):
        a, b = Value(0, "int"), Value(1, "int")
        concrete = {a: number(random), b: number(random)}
        facts = Facts()
        for asked in range(8):
            x = random.choice((a, b))
            y = random.choice((a, b, number(random), concrete[x], concrete[x] + 1))
            size, name = random.choice((4, 8, 8)), random.choice(CONDITIONS)
            truth = holds(name, concrete[x], concrete[y] if isinstance(y, Value) else y, size)
            found = facts.decide(name, x, y, size)
            assert found in (None, truth), (name, concrete, x, y, size)
            decided += found is not None
            if asked < 5:
                facts.learn(name, x, y, size, truth)
    assert decided > 200


def test_facts_are_forgotten() -> None:
    facts, a = Facts(), Value(0, "int")
    facts.learn("ult", a, 9, 8, True)
    mark = facts.mark()
    facts.learn("eq", a, 3, 8, True)
    assert facts.decide("ne", a, 3, 8) is False
    facts.back_to(mark)
    assert facts.decide("ne", a, 3, 8) is None
    assert facts.decide("ult", a, 10, 8) is True


@pytest.mark.parametrize("kind", [*BINARY, "neg", "zext", "sext", "bswap"])
def test_bounds_hold_what_is_computed(kind: str) -> None:
    random = Random(kind)
    row = OPS[kind]
    for _ in range(600):
        size = random.choice(row.sizes)
        op = Op(kind, [0] * row.args, Value(0, "int"), size=size)
        bounds, values = [], []
        for _ in range(row.args):
            near = random.random() < 0.7
            low = signed(number(random))
            high = (
                low
                if random.random() < 0.2
                else signed(low + random.getrandbits(6 if near else 40))
            )
            low, high = min(low, high), max(low, high)
            bounds.append((low, high))
            values.append(random.randint(low, high))
        bottom, top = of_operation(op, bounds)
        assert bottom <= compute(kind, size, values) <= top, (size, bounds, values)


def test_rows_about_helpers() -> None:
    """Every helper named in a set exists; those that fill memory are told where and how much."""
    for name in effects.WITHOUT_EFFECT | effects.ONLY_FILLING | effects.CONTEXT_KEPT:
        assert name in effects.ARGUMENTS, name
    for name in effects.ONLY_FILLING:
        kinds = [kind for kind, _ in effects.ARGUMENTS[name]]
        written = kinds.index("mem_write")
        assert kinds[written + 1].startswith("mem_size"), name
    for name in effects.STABLE:
        assert not any("write" in kind for kind, _ in effects.ARGUMENTS[name]), name


@pytest.mark.parametrize("seed", range(40))
def test_ir_as_text_reads_back(seed: int) -> None:
    text = print_function(generate(seed))
    assert print_function(parse(text)) == text
