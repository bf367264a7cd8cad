"""A refusal as it is printed: at its Python line, in the user's names where they are known."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from probee.btf.writer import BtfBuilder
from probee.errors import VerifierError
from probee.frozen import replace
from probee.runtime.verifier import HINT, explain, source_line
from probee.spec import ProgramSpec
from probee.spec.debug import DebugInfo, LoopInfo, Place, StackName, Step
from tests.unit.runtime.test_verifier_log import OOB, STORY, STORY_CODE, TAIL


def spec_with_lines(code: bytes = bytes(8)) -> tuple[ProgramSpec, bytes]:
    builder = BtfBuilder()
    file, first, second = (builder.string(s) for s in ("opens.py", "a = 1", "x = m.get(0)"))
    lines = struct.pack("<8I", 0, file, first, 30 << 10, 5, file, second, 31 << 10 | 7)
    return ProgramSpec("exit_openat", 5, 0, (), code, line_info=lines), builder.build()


def test_without_names_the_error_stands_at_the_line_of_the_line_info() -> None:
    spec, btf = spec_with_lines()
    error = explain(OOB + TAIL, spec, btf, "bpf(BPF_PROG_LOAD): EACCES")
    assert str(error).splitlines() == [
        (
            "opens.py:31:1: error[verifier]: the kernel refuses exit_openat:"
            " this lies beyond the end: bytes 64 to 71 of 8"
        ),
        "   31 | x = m.get(0)",
        "      | ^^^^^^^^^^^^",
        "   why: an access must stay inside its memory",
        "   fix: bound it where the kernel sees it: `if x < N:`, `min(x, N - 1)`, or `x & (N - 1)`",
        "   kernel: invalid access to map value, value_size=8 off=64 size=8",
        f"  {HINT}",
    ]
    assert error.log == OOB + TAIL


LINES = {
    2: "    n = ctx.flags",
    3: "    if n < 64:",
    4: "        k = n + ctx.mode",
    5: "        slots.values[k] += 1",
}


def at(line: int, words: str) -> Place:
    column = LINES[line].index(words)
    return Place("tool.py", line, column, column + len(words), LINES[line])


NAMES = DebugInfo(
    "exit_openat",
    STORY_CODE,
    (
        Step(0, at(2, "ctx.flags"), ((1, "ctx"),), ((5, "n"),)),
        Step(1, at(3, "n < 64"), ((5, "n"),)),
        Step(2, at(3, "n < 64")),
        Step(3, at(4, "n + ctx.mode"), ((5, "n"),), ((3, "k"),)),
        Step(5, at(5, "slots.values[k]"), (), ((2, "slots.values[k]"),)),
        Step(8, at(5, "slots.values[k]"), ((2, "slots.values[k]"),), ()),
    ),
    (),
    (LoopInfo(at(3, "n < 64"), 3),),
)


def test_with_names_it_tells_what_was_known_of_the_value_and_where_it_was_lost() -> None:
    spec, btf = spec_with_lines(STORY_CODE)
    error = explain(STORY + TAIL, spec, btf, "bpf(BPF_PROG_LOAD): EACCES", NAMES)
    assert str(error).splitlines() == [
        (
            "tool.py:5:9: error[verifier]: the kernel refuses exit_openat:"
            " `k` has no upper bound that the verifier sees"
        ),
        "   5 |         slots.values[k] += 1",
        "     |         ^^^^^^^^^^^^^^^",
        (
            "   why: an index or a length must stay inside its memory, whatever its value;"
            " `n` is 0 to 4,294,967,295 (line 2: `n = ctx.flags`);"
            " `n` is 0 to 63 behind `n < 64` (line 3);"
            " `k` is any number (line 4: `k = n + ctx.mode`): there the bound is lost"
        ),
        "   fix: bound it where the kernel sees it: `if k < N:`, `min(k, N - 1)`, or `k & (N - 1)`",
        "   kernel: R2 unbounded memory access, make sure to bounds check any such access",
        f"  {HINT}",
    ]
    assert error.diagnostic is not None
    assert (error.diagnostic.code, error.diagnostic.line) == ("verifier", 5)


@pytest.mark.parametrize(
    "complaint",
    [
        "invalid indirect read from stack R2 off -16+4 size 8",  # Linux 6
        "invalid indirect read from stack off -16+4 size 8",  # Linux 5.10
        "invalid read from stack R10 off=-12 size=4",
    ],
)
def test_memory_on_the_stack_is_told_by_its_name(complaint: str) -> None:
    spec, btf = spec_with_lines(STORY_CODE)
    stack = (StackName(0, -8, 8, "value"), StackName(0, -16, 8, "key"))
    log = f"8: (79) r5 = *(u64 *)(r2 +0)\n{complaint}\n"
    error = explain(log, spec, btf, "refused", replace(NAMES, stack=stack))
    assert "was never written: `key`" in str(error)


def test_names_of_other_code_are_not_used() -> None:
    spec, btf = spec_with_lines(STORY_CODE + bytes(8))
    assert "`k`" not in str(explain(STORY, spec, btf, "refused", NAMES))


def test_without_a_reason_the_failed_call_is_told() -> None:
    spec, _ = spec_with_lines()
    error = explain(TAIL, spec, b"", "bpf(BPF_PROG_LOAD): E2BIG")
    assert "exit_openat: bpf(BPF_PROG_LOAD): E2BIG" in str(error)


def test_without_a_line_there_is_no_place() -> None:
    error = explain("something new\n", ProgramSpec("p", 5, 0, (), b""), b"", "refused")
    assert str(error) == f"error[verifier]: the kernel refuses p: something new\n  {HINT}"


def test_lines_hold_until_the_next() -> None:
    spec, btf = spec_with_lines()
    assert source_line(spec, btf, 4) == ("opens.py", 30, "a = 1")
    assert source_line(spec, btf, 5) == ("opens.py", 31, "x = m.get(0)")
    assert source_line(spec, btf, -1) is None
    assert source_line(ProgramSpec("p", 5, 0, (), b""), btf, 3) is None


@given(
    st.one_of(st.text(max_size=300), st.sampled_from([OOB, STORY, STORY + TAIL])),
    st.binary(max_size=64),
    st.binary(max_size=64),
    st.one_of(st.binary(max_size=80), st.just(STORY_CODE)),
)
def test_any_log_line_info_btf_and_code_are_survived(
    log: str, lines: bytes, btf: bytes, code: bytes
) -> None:
    spec = ProgramSpec("p", 5, 0, (), code, line_info=lines)
    for debug in (None, NAMES, DebugInfo("p", code, NAMES.steps, (), NAMES.loops)):
        error = explain(log, spec, btf, "refused", debug)
        assert isinstance(error, VerifierError)
        assert "the kernel refuses p: " in str(error)
    _, good = spec_with_lines()
    source_line(spec, good[: len(btf)], 3)
