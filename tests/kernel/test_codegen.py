"""Generated code against a reference interpreter: random IR, run by the kernel."""

from __future__ import annotations

import pytest

from probee.compiler.codegen import generate
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Function
from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from probee.spec import Target
from tests import bpf_run, codegen_random, ir_text
from tests.codegen_statements import AREA, DATA, INTERESTING
from tests.ir_interpreter import Address, Interpreter

pytestmark = pytest.mark.kernel

CONTENTS = bytes(range(7, 7 + 2 * AREA))


def check(functions: list[Function], isa: int, contexts: list[bytes], data: bytes) -> None:
    """Runs both ways in each context, compares result, context and data section."""
    for function in functions:
        verify(function)
    text = "\n".join(print_function(function) for function in functions)
    code = generate(functions, Target(isa=isa))
    try:
        program = bpf_run.Program(code, {DATA: data})
    except bpf_run.Refused as error:
        pytest.fail(f"isa {isa}\n{text}\n{error}", pytrace=False)
    with program:
        for context in contexts:
            memory, section = bytearray(context), bytearray(data)
            wanted = Interpreter(
                functions, helpers=codegen_random.HELPERS, data={DATA: section}
            ).run(Address(memory, 0))
            program.maps[DATA].contents = data
            result, after = program.run(context)
            found = (result, bpf_run.words(after), program.maps[DATA].contents)
            expected = (wanted & 0xFFFFFFFF, bpf_run.words(bytes(memory)), bytes(section))
            assert found == expected, f"isa {isa}\n{text}"


def check_seed(seed: int, isa: int) -> None:
    """One random program."""
    functions = codegen_random.program(seed, isa)
    check(functions, isa, codegen_random.contexts(seed, 4), CONTENTS)


@pytest.mark.parametrize("isa", [1, 2, 3, 4])
@pytest.mark.parametrize("chunk", range(5))
def test_random_programs(isa: int, chunk: int) -> None:
    for seed in range(20 * chunk, 20 * chunk + 20):
        check_seed(seed, isa)


def test_found_by_chance_before() -> None:
    """Seeds that once found a mistake of the generator, each with its ISA level."""
    for seed, isa in ((6340, 1), (6340, 4), (6533, 1), (6710, 3)):
        check_seed(seed, isa)


@pytest.mark.parametrize("isa", [1, 3, 4])
@pytest.mark.parametrize("size", [4, 8])
def test_division_of_extremes(isa: int, size: int) -> None:
    """By zero, by -1, of the smallest number; the divisor in a register and in the instruction."""
    numbers = (0, 1, -1, 7, -7, 1 << 31, -(1 << 31), 1 << 63, (1 << 63) - 1, 0xFFFFFFFF)
    for constant in (None, *numbers):
        function = Function("main")
        context = function.new_value("ptr", "ctx")
        function.params.append(context)
        b = Builder(function)
        a = b.emit("load", context, size=8, offset=0, result="int")
        divisor = b.emit("load", context, size=8, offset=8, result="int")
        for index, kind in enumerate(("udiv", "umod", "sdiv", "smod")):
            value = b.emit(kind, a, divisor if constant is None else constant, size=size)
            b.emit("store", context, value, size=8, offset=16 + 8 * index)
        b.ret(0)
        contexts = [
            b"".join((n & (1 << 64) - 1).to_bytes(8, "little") for n in (x, y)) + bytes(32)
            for x in numbers
            for y in (numbers if constant is None else (1,))
        ]
        check([function], isa, contexts, CONTENTS)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_number_read_with_and_without_its_sign(size: int) -> None:
    """One load serves both; only where nobody wants it without may it extend the sign."""
    function = Function("main")
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    b = Builder(function)
    plain = b.emit("load", context, size=size, offset=0, result="int")
    with_sign = b.emit("sext", plain, size=size)
    b.emit("store", context, with_sign, size=8, offset=8)
    b.emit("store", context, plain, size=8, offset=16)
    b.ret(0)
    contexts = [n.to_bytes(8, "little") + bytes(16) for n in (1, 1 << 8 * size - 1, (1 << 64) - 1)]
    for isa in (3, 4):
        check([function], isa, contexts, CONTENTS)


@pytest.mark.parametrize("values", [11, 25, 40])
def test_many_values_across_calls(values: int) -> None:
    """Far more than registers, read back in another order, some of them in a loop with calls."""
    function = Function("main")
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    b = Builder(function)
    held = [b.emit("load", context, size=8, offset=8 * i, result="int") for i in range(values)]
    b.emit("call", symbol="get_smp_processor_id", result="int")
    for name in ("i", "sum"):
        b.declare(name, "int", name)
        b.write(name, 0)
    head, body, done = b.block(), b.block(), b.block()
    b.jump(head)
    b.start(head, sealed=False)
    b.branch("ult", b.read("i"), 3, body, done)
    b.start(body)
    for value in held[::3]:
        b.write("sum", b.emit("add", b.read("sum"), value, size=8, result="int"))
        b.emit("call", symbol="get_smp_processor_id", result="int")
    b.write("i", b.emit("add", b.read("i"), 1, size=8, result="int"))
    b.jump(head)
    b.seal(head)
    b.start(done)
    for index, value in enumerate(held):
        mixed = b.emit("xor", value, held[index * 7 % values], size=8, result="int")
        b.emit("store", context, mixed, size=8, offset=8 * (values + index))
    b.ret(b.read("sum"))
    numbers = [(0x0123456789ABCDEF * (n + 1)) & (1 << 64) - 1 for n in range(values)]
    start = b"".join(n.to_bytes(8, "little") for n in numbers) + bytes(8 * values)
    check([function], 3, [start], CONTENTS)


def rotation(width: int) -> Function:
    """A loop whose `width` parameters trade places in every turn, over calls and without."""
    function = Function("main")
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    b = Builder(function)
    names = [f"v{i}" for i in range(width)]
    for index, name in enumerate(names):
        b.declare(name, "int", name)
        b.write(name, b.emit("load", context, size=8, offset=8 * index, result="int"))
    b.declare("i", "int", "i")
    b.write("i", 0)
    head, body, done = b.block(), b.block(), b.block()
    b.jump(head)
    b.start(head, sealed=False)
    b.branch("ult", b.read("i"), 5, body, done)
    b.start(body)
    if width % 2:
        b.emit("call", symbol="get_smp_processor_id", result="int")
    values = [b.read(name) for name in names]
    for index, name in enumerate(names):
        b.write(name, values[(index + 1) % width] if index != 1 else values[0])
    b.write("i", b.emit("add", b.read("i"), 1, size=8, result="int"))
    b.jump(head)
    b.seal(head)
    b.start(done)
    for index, name in enumerate(names):
        b.emit("store", context, b.read(name), size=8, offset=8 * index)
    b.ret(0)
    return function


@pytest.mark.parametrize("width", [2, 3, 4, 7, 10, 11, 15, 20])
def test_parameters_that_trade_places(width: int) -> None:
    start = b"".join((1 << 60 | n).to_bytes(8, "little") for n in range(width))
    check([rotation(width)], 3, [start], CONTENTS)


AREAS = """
func main(ctx %0)
  $room: 400 bytes, align 8
b0:
  %1:ptr = slot $room
  %2:ptr = dataaddr data+0
  zero.400 [%1], align 8
  {first}, align {align}
  copy.{half} [%2{offset:+}], [%1{offset:+}], align {align}
  copy.{half} [%1+200], [%2{offset:+}], align {align}
  copy.{half} [%2+200], [%1+200], align {align}
  copy.{half} [%0+8], [%1+200], align {align}
  ret 0
"""


@pytest.mark.parametrize("align", [1, 2, 4, 8])
@pytest.mark.parametrize("half", [1, 7, 64, 65, 129, 190])
def test_areas_in_loops_and_unrolled(align: int, half: int) -> None:
    size, start = 400 - align, bytes(i * 7 % 251 for i in range(400))
    for first in (
        "copy.{size} [%1{at}], [%0]",
        "copy.{size} [%1{at}], [%2]",
        "zero.{size} [%2{at}]",
    ):
        line = first.format(size=size, at=f"{align:+}")
        text = AREAS.format(first=line, align=align, offset=align, half=half)
        check([ir_text.parse(text)], 3, [start], start[::-1])


def test_comparisons_of_extremes() -> None:
    """Every condition, branched on and as a value, with constants on either side."""
    for isa in (1, 2, 3):
        for size in (4, 8):
            for constant in (INTERESTING[0], 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, -1, 1 << 63):
                for cut in (False, True):
                    function = conditions(size, constant, cut=cut)
                    check([function], isa, codegen_random.contexts(size, 6), CONTENTS)


def conditions(size: int, constant: int, *, cut: bool) -> Function:
    """`cut`: of numbers whose upper halves are cleared, which the code need not do."""
    function = Function("main")
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    b = Builder(function)
    a = b.emit("load", context, size=8, offset=0, result="int")
    c = b.emit("load", context, size=8, offset=8, result="int")
    if cut:
        a, c = b.emit("zext", a, size=4), b.emit("zext", c, size=4)
    b.declare("bits", "int", "bits")
    b.write("bits", 0)
    names = ("eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge", "set")
    for name in names:
        for left, right in ((a, c), (a, constant), (constant, a)):
            value = b.emit("cmp", left, right, symbol=name, size=size)
            doubled = b.emit("shl", b.read("bits"), 1, size=8)
            b.write("bits", b.emit("or", doubled, value, size=8))
            then, join = b.block(), b.block()
            b.branch(name, left, right, then, join, size=size)
            b.start(then)
            b.write("bits", b.emit("xor", b.read("bits"), 1 << 33, size=8))
            b.jump(join)
            b.start(join)
    b.emit("store", context, b.read("bits"), size=8, offset=64)
    b.ret(0)
    return function
