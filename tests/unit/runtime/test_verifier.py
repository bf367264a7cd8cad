"""Verifier logs: where it stopped, why, in which words, at which Python line.

The logs are of this project's own programs, as Linux 6.18 refused them; the two in the form of 5.10
are written after its kernel/bpf/verifier.c.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from probee.btf.writer import BtfBuilder
from probee.runtime.verifier import explain, plain_words, read_log, source_line
from probee.spec import ProgramSpec

NEWER = "this kernel does not know an instruction that the program uses"
TAIL = "processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0\n"
OOB = """\
0: R1=ctx() R10=fp0
; x = m.get(0) @ opens.py:31
0: (18) r1 = 0xffff8881168efe00       ; R1=map_ptr(map=m,ks=4,vs=8)
2: (62) *(u32 *)(r10 -4) = 0          ; R10=fp0 fp-8=0000????
5: (85) call bpf_map_lookup_elem#1    ; R0=map_value(map=m,ks=4,vs=8)
6: (15) if r0 == 0x0 goto pc+1        ; R0=map_value(map=m,ks=4,vs=8)
7: (79) r1 = *(u64 *)(r0 +64)
invalid access to map value, value_size=8 off=64 size=8
R0 min value is outside of the allowed memory range
"""
LEAK = """\
4: (85) call bpf_ringbuf_reserve#131          ; R0=ringbuf_mem_or_null(id=2) refs=2
5: (b7) r0 = 0                        ; R0=0 refs=2
6: (95) exit
Unreleased reference id=2 alloc_insn=4
BPF_EXIT instruction in main prog would lead to reference leak
"""
# Linux 5.10: states on lines of their own, `inv` for scalars, a path taken up again.
OLD = """\
func#0 @0
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; if args.flags:
12: (61) r2 = *(u32 *)(r1 +0)
R1_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0
R1 invalid mem access 'map_value_or_null'
"""
TWO_PATHS = """\
3: (15) if r0 == 0x0 goto pc+4
 R0_w=inv0 R10=fp0
9: (95) exit

from 3 to 8: R0=inv(id=0) R6=ctx(id=0,off=0,imm=0) R10=fp0
8: (bf) r0 = r3
R3 !read_ok
"""


@pytest.mark.parametrize(
    ("log", "insn", "words"),
    [
        (OOB, 7, "an index may be beyond the end of a map's value"),
        (LEAK, 6, "a reserved record is neither submitted nor discarded on some path"),
        (OLD, 12, "something that may be None is used without a check"),
        (TWO_PATHS, 8, "a value is used that was never set on this path through the program"),
        ("unreachable insn 2\n", -1, "there is code that nothing leads to"),
        # Linux 5.10 of an atomic_fetch_add, before it looks at any instruction
        ("BPF_STX uses reserved fields\n", -1, NEWER),
        ("At something new 4\n", -1, "At something new 4"),
        ("", -1, ""),
    ],
)
def test_where_and_why(log: str, insn: int, words: str) -> None:
    found = read_log(log + TAIL)
    assert found.insn == insn
    assert plain_words(found.complaints)[0] == words


def spec_with_lines() -> tuple[ProgramSpec, bytes]:
    builder = BtfBuilder()
    file, first, second = (builder.string(s) for s in ("opens.py", "a = 1", "x = m.get(0)"))
    lines = struct.pack("<8I", 0, file, first, 30 << 10, 5, file, second, 31 << 10 | 7)
    return ProgramSpec("exit_openat", 5, 0, (), bytes(8), line_info=lines), builder.build()


def test_the_error_stands_at_the_python_line_and_stays_short() -> None:
    spec, btf = spec_with_lines()
    error = explain(OOB + TAIL, spec, btf, "bpf(BPF_PROG_LOAD): EACCES")
    assert str(error).splitlines() == [
        (
            "opens.py:31: error[verifier]: the kernel refuses exit_openat:"
            " an index may be beyond the end of a map's value"
        ),
        "   31 | x = m.get(0)",
        "   kernel: invalid access to map value, value_size=8 off=64 size=8",
        "  --verifier-log shows the verifier's own log",
    ]
    assert error.log == OOB + TAIL


def test_without_a_reason_the_failed_call_is_told() -> None:
    spec, _ = spec_with_lines()
    assert "exit_openat: bpf(BPF_PROG_LOAD): E2BIG" in str(
        explain(TAIL, spec, b"", "bpf(BPF_PROG_LOAD): E2BIG")
    )


def test_lines_hold_until_the_next() -> None:
    spec, btf = spec_with_lines()
    assert source_line(spec, btf, 4) == ("opens.py", 30, "a = 1")
    assert source_line(spec, btf, 5) == ("opens.py", 31, "x = m.get(0)")
    assert source_line(spec, btf, -1) is None
    assert source_line(ProgramSpec("p", 5, 0, (), b""), btf, 3) is None


@given(st.text(max_size=300), st.binary(max_size=64), st.binary(max_size=64))
def test_any_log_line_info_and_btf_are_survived(log: str, lines: bytes, btf: bytes) -> None:
    spec = ProgramSpec("p", 5, 0, (), b"", line_info=lines)
    explain(log, spec, btf, "refused")
    _, good = spec_with_lines()
    source_line(spec, good[: len(btf)], 3)
