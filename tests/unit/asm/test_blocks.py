"""Basic blocks: each instruction is in one, and edges are the jumps."""

from __future__ import annotations

import random

import pytest

from probee.asm import make, opcodes as op
from probee.asm.blocks import FALSE, JUMP, NEXT, TRUE, Block, Edge, blocks, called, jump_target
from probee.asm.insn import Insn, slot_starts
from probee.errors import FormatError

EXIT = make.exit_()
GOTO, FAR_GOTO, MAY_GOTO = op.JMP | op.JA, op.JMP32 | op.JA, op.JMP | op.JCOND
IF = op.JMP | op.K | 0x10


def edges(rows: tuple[Block, ...]) -> dict[int, tuple[Edge, ...]]:
    return {row.start: row.edges for row in rows}


def test_conditions_jumps_and_what_falls_through() -> None:
    code = [
        Insn(op.LD_IMM64, 1, 0, 0, 7),  # 0
        Insn(IF, 1, 0, 2, 5),  # 2: to 5
        make.exit_(),  # 3
        Insn(GOTO, off=1),  # 4: to 6, entered by nobody
        Insn(MAY_GOTO, off=-2),  # 5: to 4
        Insn(FAR_GOTO, imm=0),  # 6: to 7
        EXIT,  # 7
    ]
    rows = blocks(code)
    assert [row.start for row in rows] == [0, 3, 4, 5, 6, 7]
    assert edges(rows) == {
        0: (Edge(5, TRUE), Edge(3, FALSE)),
        3: (),
        4: (Edge(6, JUMP),),
        5: (Edge(4, TRUE), Edge(6, FALSE)),
        6: (Edge(7, JUMP),),
        7: (),
    }
    code[4] = Insn(op.JMP | op.CALL, 0, op.CALL_HELPER, 0, 1)
    assert edges(blocks(code))[4] == (Edge(6, JUMP),)
    assert edges(blocks(code))[5] == (Edge(6, NEXT),)


def test_functions_have_blocks_of_their_own() -> None:
    code = [
        Insn(op.LD_IMM64, 2, op.PSEUDO_FUNC, 0, 4),  # 0: slot 5
        Insn(op.JMP | op.CALL, 0, op.CALL_LOCAL, 0, 1),  # 2: slot 4
        EXIT,  # 3
        EXIT,  # 4
        EXIT,  # 5
    ]
    rows = blocks(code, (0, 4, 5))
    assert [(row.start, row.function, row.calls) for row in rows] == [
        (0, 0, (5, 4)), (4, 4, ()), (5, 5, ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "functions", "said"),
    [
        ([], (0,), "where no instruction"),
        ([EXIT], (0, 1), "begins at slot 1"),
        ([Insn(GOTO, off=1), EXIT], (0,), "leads to slot 2"),
        ([Insn(GOTO, off=-2), EXIT], (0,), "leads to slot -1"),
        ([Insn(GOTO, off=0), EXIT], (0, 1), "leads to slot 1"),
        ([Insn(IF, 0, 0, 1), Insn(op.LD_IMM64), EXIT], (0,), "leads to slot 2"),
        ([Insn(IF, 0, 0, -1)], (0,), "goes on behind it"),
        ([make.mov64_imm(0, 1)], (0,), "goes on behind it"),
        ([make.mov64_imm(0, 1), EXIT], (0, 1), "goes on behind it"),
    ],
)
def test_what_is_no_program(code: list[Insn], functions: tuple[int, ...], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        blocks(code, functions)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    random_ = random.Random(seed)
    count = random_.randrange(2, 60)
    code = [make.mov64_imm(0, 1) for _ in range(count - 1)] + [EXIT]
    for at in range(count - 1):
        if random_.random() < 0.4:
            to = random_.randrange(count)
            kind = random_.choice((GOTO, IF, MAY_GOTO, FAR_GOTO))
            if kind == FAR_GOTO:
                code[at] = Insn(kind, imm=to - at - 1)
            else:
                code[at] = Insn(kind, off=to - at - 1)
    rows = blocks(code)
    inside = [slot for row in rows for slot, _ in row.insns]
    assert inside == slot_starts(code)[:-1]
    begins = {row.start for row in rows}
    for row in rows:
        assert row.insns[0][0] == row.start
        assert {edge.to for edge in row.edges} <= begins
        for slot, insn in row.insns[:-1]:
            assert jump_target(insn, slot) is None
            assert insn != EXIT
            assert slot + insn.slots not in begins
        slot, last = row.insns[-1]
        target = jump_target(last, slot)
        expected = set() if last == EXIT else {slot + last.slots}
        if target is not None:
            unconditional = last.code in (GOTO, FAR_GOTO)
            expected = {target} if unconditional else {target, slot + last.slots}
        assert {edge.to for edge in row.edges} == expected
        assert called(last, slot) is None


def test_a_jump_through_a_table_leads_to_each_of_its_entries() -> None:
    code = [make.gotox(1), EXIT, make.ja(-2), EXIT]
    assert edges(blocks(code, (0,), {0: [1, 3]})) == {
        0: (Edge(1, JUMP), Edge(3, JUMP)),
        1: (),
        2: (Edge(1, JUMP),),
        3: (),
    }
    with pytest.raises(FormatError, match="no known table"):
        blocks(code)
    with pytest.raises(FormatError, match="slot 0 leads to slot 4"):
        blocks(code, (0,), {0: [1, 4]})


def test_many_jumps_through_tables_are_no_graph() -> None:
    """An interpreter's are, of which each operation jumps to the next."""
    operation = [*[make.mov64_imm(0, 1)] * 7, make.gotox(1)]
    places = range(0, 256 * 8, 8)
    rows = blocks(operation * 256, (0,), {0: places})
    assert [len(row.edges) for row in rows] == [256] * 256
    with pytest.raises(FormatError, match="slot 64 have more than 64 targets"):
        blocks([make.gotox(1)] * 9999 + [EXIT], (0,), {0: range(10_000)})
