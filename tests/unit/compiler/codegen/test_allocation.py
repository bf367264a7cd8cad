"""The allocator, proved right by the checker; and the checker, which must see what is wrong."""

from __future__ import annotations

import pytest

from probee.asm.opcodes import R0
from probee.compiler.codegen.check import AllocationError, check
from probee.compiler.codegen.frame import place_slots
from probee.compiler.codegen.isel import select
from probee.compiler.codegen.machine import FRAME, NONE, VIRTUAL, MFunction, Src
from probee.compiler.codegen.moves import is_memory
from probee.compiler.codegen.regalloc import allocate
from probee.compiler.codegen.resolve import resolve
from probee.compiler.ir.ops import Function
from probee.spec import Target
from tests import codegen_random, ir_text


def allocated(function: Function, isa: int = 3) -> MFunction:
    slots, size = place_slots(function)
    machine = select(function, Target(isa=isa), slots, size)
    resolve(machine, allocate(machine))
    return machine


@pytest.mark.parametrize("seed", range(150))
def test_random_functions(seed: int) -> None:
    for isa in (1, 4):
        for function in codegen_random.program(seed, isa):
            machine = allocated(function, isa)
            check(machine)
            for block in machine.blocks:
                for op in block.ops:
                    assert max(op.d, op.a, op.b) < VIRTUAL


PRESSURE = """
func pressure(ctx %0)
b0:
  %1 = load.8 [%0]
  %2 = load.8 [%0+8]
  %3 = load.8 [%0+16]
  %4 = load.8 [%0+24]
  %5 = load.8 [%0+32]
  %6 = call ktime_get_ns
  branch.8 eq %6, 0 -> b1(%1, %2), b1(%3, %4)
b1(%7:int, %8:int):
  %9 = call map_lookup_elem %7, %8
  %10 = add.8 %9, %7
  %11 = add.8 %10, %8
  %12 = add.8 %11, %5
  store.8 [%0], %12
  ret %12
"""


def test_corruptions_are_seen() -> None:
    """Every operand, moved to another register, and every move, left out."""
    count = sum(len(block.ops) for block in allocated(ir_text.parse(PRESSURE)).blocks)
    check(allocated(ir_text.parse(PRESSURE)))
    seen = 0
    for index in range(count):
        for part in ("a", "b", "source", "none"):
            machine = allocated(ir_text.parse(PRESSURE))
            block, at = [(b, i) for b in machine.blocks for i in range(len(b.ops))][index]
            op = block.ops[at]
            if part == "none" and op.kind == "move":
                del block.ops[at]
            elif part in ("a", "b") and getattr(op, part) not in (NONE, FRAME):
                setattr(op, part, (getattr(op, part) + 1) % 10)
            elif part == "source" and op.kind == "move" and op.args[0].base != NONE:
                src = op.args[0]
                op.args = [Src(R0 + (src.base == R0) if is_memory(src.base) else src.base ^ 1)]
            else:
                continue
            seen += 1
            with pytest.raises(AllocationError):
                check(machine)
    assert seen > 20


def test_spilled_values_share_slots() -> None:
    """One after another, many values wait in memory, in few slots."""
    rows = ["func f(ctx %0)", "b0:"]
    number = 1
    for turn in range(8):
        values = range(number, number + 6)
        rows += [f"  %{v} = load.8 [%0+{8 * (v - number)}]" for v in values]
        rows.append("  call ktime_get_ns")
        rows += [f"  store.8 [%0+{8 * turn}], %{v}" for v in values]
        number += 6
    machine = allocated(ir_text.parse("\n".join([*rows, "  ret 0"])))
    check(machine)
    assert machine.frame <= 4 * 8
