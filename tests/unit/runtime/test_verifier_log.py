"""Verifier logs: where it stopped, what it knew, why, where values came from.

The logs are of this project's own programs, as Linux 6.18 refused them; those in the forms of 5.10
and 6.1 are written after those kernels' kernel/bpf/verifier.c.
"""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.asm import make as m
from probee.asm.encode import encode
from probee.runtime.verifier_log import read_log, states
from probee.runtime.verifier_story import by_slot, known_before, story
from probee.runtime.verifier_values import number, pointer, words
from probee.runtime.verifier_words import (
    ROWS,
    bytes_in,
    helper_in,
    kinds_in,
    made_in,
    register_in,
    row_of,
    stack_in,
)

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
CALLED = """\
2: (85) call pc+3
caller:
 R6=ctx() R10=fp0
callee:
 frame1: R1=5 R10=fp0
6: (bf) r0 = r1                       ; frame1: R0_w=5 R1=5
7: (79) r2 = *(u64 *)(r0 +0)
R0 invalid mem access 'scalar'
"""


@pytest.mark.parametrize(
    ("log", "slot", "says"),
    [
        (OOB, 7, "{this} beyond the end{bytes}"),
        (LEAK, 6, "{record} is neither submitted nor discarded on this way"),
        (OLD, 12, "{it} may be None here"),
        (TWO_PATHS, 8, "{it} was never set on this way through the program"),
        (CALLED, 7, "{it} is a number here and no pointer"),
        ("unreachable insn 2\n", -1, "there is code that nothing leads to"),
        # Linux 5.10 of an atomic_fetch_add, before it looks at any instruction
        ("BPF_STX uses reserved fields\n", -1, NEWER),
        ("At something new 4\n", -1, None),
        ("", -1, None),
    ],
)
def test_where_and_why(log: str, slot: int, says: str | None) -> None:
    walk = read_log(log + TAIL)
    assert walk.slot == slot
    assert (walk.processed, walk.limit) == (9, 1000000)
    row, complaint = row_of(walk.complaints)
    assert (row.says if row is not None else None) == says
    assert complaint in log


# Linux 5.10 at level 2: every way that was gone, each state in a line of its own before the next
LEVEL_2 = """\
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
0: (61) r5 = *(u32 *)(r1 +32)
1: R1=ctx(id=0,off=0,imm=0) R5_w=inv(id=0,umax_value=4294967295) R10=fp0
1: (35) if r5 >= 0x40 goto pc+2
 R1=ctx(id=0,off=0,imm=0) R5_w=inv(id=0,umax_value=63) R10=fp0
2: R1=ctx(id=0,off=0,imm=0) R5_w=inv(id=0,umax_value=63) R10=fp0
2: (bf) r3 = r5
3: R3_w=inv(id=0,umax_value=63) R5_w=inv(id=0,umax_value=63) R10=fp0
3: (95) exit

from 1 to 4: R1=ctx(id=0,off=0,imm=0) R5=inv(id=0,umin_value=64,umax_value=4294967295) R10=fp0
4: (79) r0 = *(u64 *)(r5 +0)
R5 invalid mem access 'inv'
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""


def test_a_way_that_was_gone_before_is_left_out() -> None:
    walk = read_log(LEVEL_2)
    assert [step.slot for step in walk.steps] == [-1, 0, 1, 4]
    assert words(known_before(walk, "R5")) == "64 to 4,294,967,295"
    code = by_slot(
        encode([m.ldx_mem(4, 5, 1, 32), m.jmp_imm("jge", 5, 64, 2), m.mov64_reg(3, 5), m.exit_(),
                m.ldx_mem(8, 0, 5, 0)]),
        "little",
    )  # fmt: skip
    assert [(link.slot, words(link.state)) for link in story(walk, code, 5)] == [
        (0, "0 to 4,294,967,295"),
        (1, "64 to 4,294,967,295"),
    ]


def test_what_is_known_belongs_to_its_function() -> None:
    walk = read_log(CALLED)
    assert [(step.slot, step.frame) for step in walk.steps] == [(2, 0), (2, 1), (6, 1), (7, 1)]
    assert known_before(walk, "R1") == "5"
    assert known_before(walk, "R6") == ""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("5", "5"),
        ("-1", "-1"),
        ("invP7", "7"),
        ("inv0", "0"),
        ("P3", "3"),
        ("0x800000000", "34,359,738,368"),
        ("scalar()", "any number"),
        ("inv(id=0)", "any number"),
        ("scalar(umax=255)", "0 to 255"),
        ("inv(id=0,umax_value=255,var_off=(0x0; 0xff))", "0 to 255"),
        (
            "scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))",
            "0 to 4,294,967,295",
        ),
        ("scalar(smin=smin32=-8,smax=smax32=7)", "-8 to 7"),
        ("scalar(smin=-8)", "-8 to 9,223,372,036,854,775,807"),
        ("scalar(umin=4,umax=9,var_off=(0x0; 0xf))", "4 to 9"),
        ("scalar(var_off=(0x8; 0x10))", "8 to 24"),
        ("map_value_or_null(id=1,map=m,ks=4,vs=8)", "an entry of a map, or None"),
        ("ctx()", "the context"),
        ("fp-8", "the stack"),
        ("alloc_mem_or_null(id=2)", "a record, or None"),
        ("something new", ""),
        ("scalar(umax=", ""),
    ],
)
def test_states_in_words(state: str, said: str) -> None:
    assert words(state) == said
    assert pointer(state) is (number(state) is None and bool(said))


def test_states_are_told_apart_by_blanks_outside_parentheses() -> None:
    text = "R1_w=scalar(var_off=(0x0; 0xff)) R10=fp0 fp-8_w=mmmm???? refs=2 cb R11x=1 R=2"
    assert states(text) == {"R1": "scalar(var_off=(0x0; 0xff))", "R10": "fp0", "fp-8": "mmmm????"}


STORY = """\
0: R1=ctx() R10=fp0
0: (61) r5 = *(u32 *)(r1 +32)         ; R1=ctx() R5=scalar(umax=0xffffffff)
1: (35) if r5 >= 0x40 goto pc+8       ; R5=scalar(umax=63)
2: (7b) *(u64 *)(r10 -8) = r5         ; R5=scalar(id=1,umax=63) R10=fp0 fp-8=scalar(id=1,umax=63)
3: (79) r3 = *(u64 *)(r10 -8)         ; R3=scalar(id=1,umax=63) R10=fp0
4: (0f) r3 += r4                      ; R3=scalar() R4=scalar()
5: (18) r2 = 0xffff888140cccf38       ; R2=map_value(map=slots,ks=4,vs=64)
7: (0f) r2 += r3                      ; R2=map_value(map=slots,ks=4,vs=64) R3=scalar()
8: (79) r5 = *(u64 *)(r2 +0)
R2 unbounded memory access, make sure to bounds check any such access
"""
STORY_CODE = encode([
    m.ldx_mem(4, 5, 1, 32), m.jmp_imm("jge", 5, 64, 8), m.stx_mem(8, 10, 5, -8),
    m.ldx_mem(8, 3, 10, -8), m.alu64_reg("add", 3, 4), m.ld_imm64(2, 0),
    m.alu64_reg("add", 2, 3), m.ldx_mem(8, 5, 2, 0),
])  # fmt: skip


def test_a_value_is_followed_through_the_stack_and_arithmetic_to_where_it_came_from() -> None:
    found = story(read_log(STORY), by_slot(STORY_CODE, "little"), 2)
    assert [(link.slot, link.register, words(link.state), link.compared) for link in found] == [
        (0, 5, "0 to 4,294,967,295", False),
        (1, 5, "0 to 63", True),
        (3, 3, "0 to 63", False),
        (4, 3, "any number", False),
    ]


def test_numbers_in_complaints() -> None:
    assert bytes_in("invalid access to map value, value_size=8 off=64 size=8") == (
        ": bytes 64 to 71 of 8"
    )
    assert (
        bytes_in("invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)") == ": bytes 0 to 0"
    )
    assert bytes_in("no numbers here") == ""
    assert register_in("R2 min value is negative") == 2
    assert register_in("invalid indirect read from stack R3 off -16+8 size 16") == 3
    assert register_in("Unreleased reference id=2") == -1
    assert helper_in("unknown func bpf_ktime_get_ns#5") == "bpf_ktime_get_ns"


def test_rows_are_reached_and_say_something() -> None:
    for row in ROWS:
        assert row_of((row.part,))[0] is row, f"{row.part!r} stands behind a row that takes it"
        assert row.says
        assert row.fix


@given(st.text(max_size=300), st.text(alphabet="R0123456789=(),:;_fp- \nscalrinvumx", max_size=400))
def test_any_text_is_read(log: str, likely: str) -> None:
    for text in (log, likely, f"5: (bf) r1 = r2 ; {likely}", OOB + likely, likely + STORY):
        walk = read_log(text)
        code = by_slot(STORY_CODE, "little")
        for register in range(11):
            story(walk, code, register)
            words(known_before(walk, f"R{register}"))
        for complaint in walk.complaints:
            for look in (bytes_in, register_in, helper_in, stack_in, made_in, kinds_in):
                look(complaint)
