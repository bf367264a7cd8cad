"""What `Code` says beside its instructions, and what is refused."""

from __future__ import annotations

import pytest

from probee.asm.decode import decode
from probee.asm.isa import check_level
from probee.asm.opcodes import JMP, JMP32
from probee.compiler.codegen import generate
from probee.compiler.codegen.emit import Emitter
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import NOWHERE, Function, Loc
from probee.errors import CompileError, NotSupportedError
from probee.spec import Reloc, Target
from tests import codegen_random, ir_text
from tests.work import lines_run


def program(body: str, head: str = "func f(ctx %0)\n") -> Function:
    return ir_text.parse(f"{head}b0:\n{body}\n")


@pytest.mark.parametrize("isa", [1, 2, 3, 4])
def test_only_instructions_of_the_level(isa: int) -> None:
    for seed in range(60):
        code = generate(codegen_random.program(seed, isa), Target(isa=isa))
        check_level(code.insns, isa)


@pytest.mark.parametrize("endian", ["little", "big"])
def test_bytes_are_the_instructions(endian: str) -> None:
    code = generate(codegen_random.program(4), Target(isa=4, endian=endian))
    assert tuple(decode(code.code, endian)) == code.insns


def test_swaps_follow_the_byte_order() -> None:
    function = program("  %1 = load.8 [%0]\n  %2 = bswap.4 %1\n  ret %2")
    codes = [generate([function], Target(endian=e)).insns[1].code for e in ("little", "big")]
    assert codes == [0xDC, 0xD4]


def test_relocs_count_slots() -> None:
    function = program(
        "  %1:ptr = dataaddr .data+8\n  %2 = load.8 [%1]\n  %3 = load.8 [%1+16]\n"
        "  %4:ptr = mapaddr table\n  %5:ptr = call map_lookup_elem %4, %2\n"
        "  %6 = add.8 %2, %3\n  ret %6"
    )
    code = generate([function], Target())
    first, second = code.relocs
    assert (first.kind, first.symbol, first.addend) == ("value", ".data", 8)
    assert second == Reloc(second.insn, "map", "table")
    for reloc in code.relocs:
        assert code.code[8 * reloc.insn] == 0x18
    assert code.helpers == ("map_lookup_elem",)


def test_lines_and_functions() -> None:
    sub = Function("sub", main=False, loc=Loc("x.py", 1, 0))
    b = Builder(sub)
    b.loc = Loc("x.py", 2, 4)
    b.emit("call", symbol="ktime_get_ns", result="int")
    b.ret(3)
    main = Function("main", loc=Loc("x.py", 10, 0))
    main.params.append(main.new_value("ptr", "ctx"))
    b = Builder(main)
    b.loc = Loc("x.py", 11, 4)
    value = b.emit("callfn", symbol="sub", result="int")
    b.loc = Loc("x.py", 11, 20)
    value = b.emit("add", value, 1, size=8, result="int")
    b.loc = Loc("x.py", 12, 4)
    b.ret(value)
    code = generate([main, sub], Target())
    (_, start) = code.functions[1]
    assert code.functions == (("main", 0), ("sub", start))
    assert [(slot, loc.line) for slot, loc in code.lines] == [(0, 11), (2, 12), (start, 2)]
    slots = [slot for slot, _ in code.lines]
    assert slots == sorted(set(slots))


def test_first_slot_has_a_line_even_where_the_ir_has_none() -> None:
    function = program("  ret 0")
    function.loc = Loc("x.py", 7, 0)
    function.blocks[0].ops[0].loc = NOWHERE
    assert generate([function], Target()).lines == ((0, function.loc),)


def test_functions_that_nothing_calls_are_left_out() -> None:
    main, unused = program("  ret 0"), program("  ret 1", "func g()\n")
    assert generate([main, unused], Target()).functions == (("f", 0),)


def test_too_much_stack_names_the_biggest() -> None:
    function = Function("f", loc=Loc("x.py", 3, 0, "def f():"))
    b = Builder(function)
    for name, size in (("small", 8), ("huge", 400), ("big", 120)):
        b.emit("store", b.slot(name, size), 1, size=8)
    b.ret(0)
    with pytest.raises(CompileError, match=r"528 bytes.*\n.*\n.*\n.*huge \(400 bytes\), big"):
        generate([function], Target())
    function.slots[-1].size = 104
    assert generate([function], Target()).stack == 512


def test_stack_of_a_chain_of_calls() -> None:
    functions = []
    for index in range(3):
        function = Function(f"f{index}", main=not index, loc=Loc("x.py", 1, 0))
        b = Builder(function)
        b.emit("store", b.slot("area", 152), 1, size=8)
        if index < 2:
            b.emit("callfn", symbol=f"f{index + 1}", result="int")
        b.ret(0)
        functions.append(function)
    assert generate(functions, Target()).stack == 480
    functions[1].slots[0].size = 168
    functions[2].slots[0].size = 168
    with pytest.raises(CompileError, match="f0 > f1 > f2 needs 544 bytes"):
        generate(functions, Target())


def test_what_a_level_lacks() -> None:
    function = program("  %1:ptr = dataaddr .bss+0\n  %2 = atomic.8 xchg [%1], 1\n  ret %2")
    generate([function], Target(isa=3))
    with pytest.raises(NotSupportedError, match="xchg on ISA v2"):
        generate([function], Target(isa=2))
    with pytest.raises(NotSupportedError, match="bpf_no_such_helper"):
        generate([program("  %1 = call no_such_helper\n  ret %1")], Target())


def far(condition: str) -> Function:
    """A branch over 40,000 stores."""
    return program(
        f"  %1 = load.8 [%0]\n  branch.8 {condition} %1, 5 -> b2, b1\nb1:\n"
        + "  store.8 [%0], 7\n" * 40_000
        + "  jump -> b2\nb2:\n  ret %1"
    )


@pytest.mark.parametrize(("condition", "hops"), [("ugt", 1), ("set", 2)])
def test_long_jumps(condition: str, hops: int) -> None:
    code = generate([far(condition)], Target(isa=4))
    branch = code.insns[1]
    assert (branch.code & 7, branch.off) == (JMP, 1)
    jump = code.insns[1 + hops]
    assert (jump.code, jump.imm) == (JMP32, len(code.insns) - 1 - (2 + hops))
    with pytest.raises(NotSupportedError, match="a jump over 40000 instructions"):
        generate([far(condition)], Target(isa=3))


def test_input_is_not_changed() -> None:
    from probee.compiler.ir.printer import print_function

    for seed in range(20):
        functions = codegen_random.program(seed)
        before = [print_function(function) for function in functions]
        generate(functions, Target(isa=4))
        assert [print_function(function) for function in functions] == before


def test_the_same_every_time() -> None:
    for seed in range(20):
        codes = {generate(codegen_random.program(seed), Target(isa=4)).code for _ in range(2)}
        assert len(codes) == 1


@pytest.mark.parametrize("live", [4, 40])
def test_work_grows_with_length(live: int) -> None:
    """Four times the program, about four times the work: nothing is quadratic."""

    def work(length: int) -> int:
        function = Function("f")
        context = function.new_value("ptr", "ctx")
        function.params.append(context)
        b = Builder(function)
        held = [b.emit("load", context, size=8, offset=8 * i, result="int") for i in range(live)]
        for index in range(length):
            a, c = held[index * 7 % live], held[index * 13 % live]
            held[index * 5 % live] = b.emit("add", a, c, size=8, result="int")
            if index % 50 == 0:
                b.emit("call", symbol="ktime_get_ns", result="int")
        b.ret(held[0])
        return lines_run(lambda: generate([function], Target(isa=4)))

    assert work(2000) < 7 * work(500)


def test_emitter_has_every_kind() -> None:
    kinds = {"alu", "mov", "ld64", "ldx", "st", "stx", "atomic", "set", "call", "result", "move"}
    assert all(hasattr(Emitter, kind) for kind in kinds)
