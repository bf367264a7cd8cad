"""What is printed when the verifier refuses: whole, by Linux's own words about real programs.

The compiler's programs are not refused by themselves, so they are broken behind it: a check or a
call is taken out of the code, facts about the kernel are lies, or the IR is made by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee import Context, Session, raw_tracepoint
from probee.asm import make as m
from probee.asm.decode import decode
from probee.asm.encode import encode
from probee.compiler.btfgen import BtfGenerator
from probee.compiler.codegen import generate
from probee.compiler.debug import debug_info
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Function, Loc
from probee.compiler.pipeline import compile_programs
from probee.errors import VerifierError
from probee.frozen import replace
from probee.host.facts import RunningKernel
from probee.runtime.loader import load
from probee.runtime.verifier import HINT
from probee.spec import CollectionSpec, MapSpec, ProgramSpec
from probee.spec.target import RawArgument, Target
from probee.uapi import bpf as uapi
from tests.error_pages import PAGES, PRELUDE
from tests.frontend_cases import captured, declared, names_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.asm.insn import Insn
    from probee.compiler.ir.ops import Value
    from probee.spec.debug import DebugInfo

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("no_new_descriptors")]

HEAD = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
NOTHING = m.ja(0)
SUBMIT, KTIME = 132, 5


def said(body: str, change: Callable[[list[Insn]], None], license_: str = "GPL") -> list[str]:
    """The lines of the refusal of a program whose code was changed; the names are known."""
    given = names_of(f"from probee import ktime_get_ns\n{PRELUDE}", "declarations.py")
    names = names_of(HEAD + body, **given)
    world = captured(names)
    found: dict[str, DebugInfo] = {}
    with RunningKernel() as kernel:
        spec = compile_programs(
            world, target=Target(isa=3), facts=kernel, frozen=declared(world), debug=found
        )
        insns = decode(spec.programs[0].code)
        change(insns)
        code = encode(insns)
        debug = replace(found["program"], code=code)
        broken = replace(spec, programs=(replace(spec.programs[0], code=code),), license=license_)
        return refused(broken, debug, kernel)


def refused(
    spec: CollectionSpec, debug: DebugInfo | None, kernel: RunningKernel | None = None
) -> list[str]:
    """The lines of a refusal, in the words of Linux 6 where an older one says it otherwise."""
    with pytest.raises(VerifierError) as caught:
        load(spec, kernel=kernel, debug=lambda _: debug)
    error = caught.value
    assert error.log
    assert error.diagnostic is not None
    lines = str(error).splitlines()
    assert lines[-1] == f"  {HINT}"
    return [line.replace("'inv'", "'scalar'") for line in lines[:-1]]


def without_condition(insns: list[Insn]) -> None:
    """The first conditional jump is never taken."""
    at = next(i for i, insn in enumerate(insns) if insn.code & 7 in (5, 6) and insn.off)
    insns[at] = NOTHING


def instead_of(helper: int, insn: Insn) -> Callable[[list[Insn]], None]:
    """Puts `insn` in place of every call of a helper."""

    def change(insns: list[Insn]) -> None:
        for at, old in enumerate(insns):
            if (old.code, old.src, old.imm) == (0x85, 0, helper):
                insns[at] = insn

    return change


def test_what_may_be_none_is_told_by_its_name_and_where_it_comes_from() -> None:
    body = "    p = seen.get(3)\n    if p is not None:\n        total.value += p.x\n"
    assert said(body, without_condition) == [
        "program.py:5:24: error[verifier]: the kernel refuses program: `p` may be None here",
        "   5 |         total.value += p.x",
        "     |                        ^^^",
        (
            "   why: no check on this way shows that it is not;"
            " it comes from line 3, `p = seen.get(3)`: an entry of a map, or None"
        ),
        "   fix: check it first: `if p is not None:`",
        "   kernel: R0 invalid mem access 'map_value_or_null'",
    ]


def test_a_record_that_is_kept_is_told_with_its_reserve() -> None:
    body = (
        "    e = events.reserve()\n    if e is None:\n        return\n    e.n = 1\n    e.submit()\n"
    )
    lines = said(body, instead_of(SUBMIT, m.mov64_imm(0, 0)))
    assert lines[0] == (
        "program.py:7:5: error[verifier]: the kernel refuses program:"
        " `e` is neither submitted nor discarded on this way"
    )
    assert lines[3:5] == [
        (
            "   why: what is reserved in a ring goes back to the kernel on every way;"
            " it comes from line 3, `e = events.reserve()`"
        ),
        "   fix: submit() or discard() it before this end",
    ]


TIMED = "    total.value = ktime_get_ns()\n"


@pytest.mark.parametrize(
    ("number", "license_", "says", "fix"),
    [
        (
            26,
            "GPL",
            "programs of this type may not call bpf_skb_load_bytes",
            "run it on a newer kernel, or do without",
        ),
        (
            7000,
            "GPL",
            "this kernel does not have this helper",
            "run it on a newer kernel, or do without",
        ),
        (
            6,
            "Proprietary",
            "this helper is for programs under the GPL only",
            'say so in the module if it is true: LICENSE = "GPL"',
        ),
    ],
)
def test_helpers_that_are_not_for_this_program(
    number: int, license_: str, says: str, fix: str
) -> None:
    lines = said(TIMED, instead_of(KTIME, m.call_helper(number)), license_)
    assert lines[0] == f"program.py:3:19: error[verifier]: the kernel refuses program: {says}"
    assert lines[1:3] == [f"   3 | {TIMED.rstrip()}", "     |                   ^^^^^^^^^^^^^^"]
    assert lines[4] == f"   fix: {fix}"


class Lies:
    """Facts of this kernel, but for a raw tracepoint with more arguments than any has."""

    def __init__(self, kernel: RunningKernel) -> None:
        self.tracepoint, self.kfunc = kernel.tracepoint, kernel.kfunc
        self.helper = kernel.helper
        self.saved_registers = kernel.saved_registers

    def raw_tracepoint(self, _: str) -> tuple[RawArgument, ...]:
        return tuple(RawArgument(f"a{n}", "int", 8, signed=False) for n in range(16))


@raw_tracepoint("sys_enter")
def beyond(ctx: Context) -> None:
    far = ctx.a15
    if far == 1:
        return


def test_a_session_knows_the_names_by_itself() -> None:
    with RunningKernel() as kernel, pytest.raises(VerifierError) as caught:
        Session(beyond, facts=Lies(kernel)).load()
    first, text, carets, *rest = str(caught.value).splitlines()
    line = beyond.function.__code__.co_firstlineno + 2
    assert first == (
        f"{__file__}:{line}:11: error[verifier]: the kernel refuses beyond:"
        " the context has nothing that may be read or written here: bytes 120 to 127"
    )
    assert (text, carets) == (
        f"   {line} |     far = ctx.a15",
        f"   {' ' * len(str(line))} |           ^^^^^^^",
    )
    assert rest[2] == "   kernel: invalid bpf_context access off=120 size=8"


# Programs whose IR is made by hand, as if it came from these lines.
LINES = (
    "def program(ctx):",
    "    n = ctx.flags",
    "    if n < 64:",
    "        k = n + ctx.mode",
    "        slots.values[k] = 1",
    "    for i in range(900_000):",
    "        s = (s ^ 0x555555) * 3",
)


def at(line: int, words: str) -> Loc:
    text = LINES[line - 1]
    column = text.index(words)
    return Loc("tool.py", line, column, text, column + len(words))


def by_hand(build: Callable[[Builder, Value], None]) -> tuple[CollectionSpec, DebugInfo]:
    """A program on a tracepoint, and its names."""
    function = Function("program", loc=at(1, LINES[0]))
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    build(Builder(function), context)
    code = generate([function], Target(isa=3))
    btf = BtfGenerator()
    program = ProgramSpec(
        "program",
        uapi.BPF_PROG_TYPE_TRACEPOINT,
        0,
        (),
        code.code,
        code.relocs,
        btf.func_info("program", code.functions),
        btf.line_info(code.lines),
    )
    slots = MapSpec("slots", uapi.BPF_MAP_TYPE_ARRAY, 4, 64, 1)
    return CollectionSpec((slots,), (program,), btf=btf.build()), debug_info(
        "program", code, [function]
    )


def lost_bound(b: Builder, ctx: Value) -> None:
    """`n` is bounded, and `k`, which is made of it, is not."""
    b.declare("n", "int", "n")
    b.declare("k", "int", "k")
    b.loc = at(2, "ctx.flags")
    n = b.emit("load", ctx, size=4, offset=32)
    b.write("n", n)
    b.loc = at(3, "n < 64")
    yes, no = b.block(), b.block()
    b.branch("ult", n, 64, yes, no)
    b.start(yes)
    b.loc = at(4, "ctx.mode")
    mode = b.emit("load", ctx, size=4, offset=40)
    b.loc = at(4, "n + ctx.mode")
    k = b.emit("add", n, mode, size=8)
    b.write("k", k)
    b.loc = at(5, "slots.values[k]")
    place = b.emit("add", b.emit("dataaddr", symbol="slots"), k, result="ptr", size=8)
    b.emit("store", place, 1, size=8)
    b.jump(no)
    b.start(no)
    b.ret(0)


def test_a_bound_that_was_lost_is_told_with_the_line_that_lost_it() -> None:
    lines = refused(*by_hand(lost_bound))
    assert lines[:3] == [
        (
            "tool.py:5:9: error[verifier]: the kernel refuses program:"
            " `k` has no upper bound that the verifier sees"
        ),
        "   5 |         slots.values[k] = 1",
        "     |         ^^^^^^^^^^^^^^^",
    ]
    assert lines[4:] == [
        "   fix: bound it where the kernel sees it: `if k < N:`, `min(k, N - 1)`, or `k & (N - 1)`",
        "   kernel: R4 unbounded memory access, make sure to bounds check any such access",
    ]
    if "`k` is" in lines[3]:  # Linux 5.18 and later tell what they know behind each instruction
        assert "\n".join(lines) + "\n" in PAGES["verifier"]
        assert lines[3] == (
            "   why: an index or a length must stay inside its memory, whatever its value;"
            " `n` is 0 to 4,294,967,295 (line 2: `n = ctx.flags`);"
            " `n` is 0 to 63 behind `n < 64` (line 3);"
            " `k` is 0 to 4,294,967,358 (line 4: `k = n + ctx.mode`): there the bound is lost"
        )


def too_large(b: Builder, ctx: Value) -> None:
    """A loop of far more rounds than the verifier goes through."""
    for name in "is":
        b.declare(name, "int", name)
    b.loc = at(2, "ctx.flags")
    b.write("s", b.emit("load", ctx, size=4, offset=32))
    b.write("i", 0)
    b.loc = at(6, "for i in range(900_000):")
    b.function.loops.append((b.loc, 900_000))
    head, body, done = b.block(), b.block(), b.block()
    b.jump(head)
    b.start(head, sealed=False)
    b.branch("ult", b.read("i"), 900_000, body, done)
    b.start(body)
    b.loc = at(7, "(s ^ 0x555555) * 3")
    for _ in range(3):
        b.write("s", b.emit("mul", b.emit("xor", b.read("s"), 0x555555, size=8), 3, size=8))
    b.write("i", b.emit("add", b.read("i"), 1, size=8))
    b.jump(head)
    b.seal(head)
    b.start(done)
    b.ret(b.read("s"))


def test_a_program_that_is_too_large_names_the_loop_and_fetches_no_walk() -> None:
    spec, debug = by_hand(too_large)
    with pytest.raises(VerifierError) as caught:
        load(spec, debug=lambda _: debug)
    assert len(caught.value.log) < 2000
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        (
            "tool.py:6:5: error[verifier]: the kernel refuses program:"
            " checking it takes too many steps"
        ),
        "   6 |     for i in range(900_000):",
        "     |     ^^^^^^^^^^^^^^^^^^^^^^^^",
    ]
    assert lines[3].endswith(
        "(1,000,001 steps so far); the loop at line 6 has up to 900,000 rounds of 8 instructions"
    )
