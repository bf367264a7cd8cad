"""Basic blocks: runs of instructions that are entered at the first and left at the last.

In: the instructions of a program, where its functions begin, and what their jump tables hold. Out:
`Block` rows in order; every instruction is in exactly one. Raises FormatError where a jump leads
out of its function, into the middle of an instruction or through a table that is not known, where
jumps through tables have too many targets, or where a function has no end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from probee.asm import opcodes as op
from probee.asm.insn import slot_starts
from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from probee.asm.insn import Insn

# How an edge is taken: a condition that holds, or does not; `goto`; or nothing stands in between.
TRUE, FALSE, JUMP, NEXT = "true", "false", "jump", "next"
GOTOX = op.JMP | op.X | op.JA
# Each jump through a table leads to all that its function's tables name: with many of both, a small
# file would ask for a graph that no memory holds. So many edges an instruction are allowed.
_MOST_TARGETS = 64


class Edge(Frozen):
    """To the block that begins at slot `to`; `how` is TRUE, FALSE, JUMP or NEXT."""

    to: int
    how: str


class Block(Frozen):
    """`insns`: (slot, instruction). `function`: the slot where its function begins.

    `calls`: slots where the functions begin that it calls or hands on as callbacks.
    """

    start: int
    function: int
    insns: tuple[tuple[int, Insn], ...]
    edges: tuple[Edge, ...]
    calls: tuple[int, ...] = ()


def blocks(
    insns: Sequence[Insn],
    functions: Iterable[int] = (0,),
    tables: Mapping[int, Sequence[int]] | None = None,
) -> tuple[Block, ...]:
    """The blocks of a program whose functions begin at these slots. Calls do not end a block.

    `tables`: by the start of a function, where its jumps through tables may lead.
    """
    starts = slot_starts(insns)
    places = dict(zip(starts, insns, strict=False))
    begins = sorted({0, *functions})
    if not insns or begins[-1] not in places:
        raise FormatError(f"a function begins at slot {begins[-1]}, where no instruction does")
    ends = [*begins[1:], starts[-1]]
    leaders = {*begins}
    left = _MOST_TARGETS * len(insns)
    for slot, insn in places.items():
        following = slot + insn.slots
        if _leaves(insn):
            leaders.add(following)
        at = bisect_right(begins, slot) - 1
        targets = _targets(insn, slot, (tables or {}).get(begins[at], ()))
        left -= len(targets) if insn.code == GOTOX else 0
        if left < 0:
            raise FormatError(
                f"the jumps through tables up to slot {slot} have more than {_MOST_TARGETS} targets"
                " for each instruction of the program",
                offset=slot * op.SLOT_BYTES,
            )
        for target in targets:
            if not begins[at] <= target < ends[at] or target not in places:
                raise FormatError(
                    f"the jump at slot {slot} leads to slot {target}, where its function has no "
                    "instruction",
                    offset=slot * op.SLOT_BYTES,
                )
            leaders.add(target)
    leaders.discard(starts[-1])
    order = sorted(leaders)
    return tuple(
        _block(
            places, start, end, begins[bisect_right(begins, start) - 1], ends, begins, tables or {}
        )
        for start, end in zip(order, [*order[1:], starts[-1]], strict=True)
    )


def jump_target(insn: Insn, slot: int) -> int | None:
    """The slot to which an instruction jumps, or may jump; None where it never does, or where a
    register says it.
    """
    kind = insn.code & 0xF0
    if insn.code & 7 not in (op.JMP, op.JMP32) or kind in (op.CALL, op.EXIT):
        return None
    if insn.code == GOTOX:
        return None
    far = insn.code == op.JMP32 | op.JA
    return slot + 1 + (insn.imm if far else insn.off)


def called(insn: Insn, slot: int) -> int | None:
    """The slot of the function that it calls, or takes the address of."""
    if insn.code == op.JMP | op.CALL and insn.src == op.CALL_LOCAL:
        return slot + 1 + insn.imm
    if insn.code == op.LD_IMM64 and insn.src == op.PSEUDO_FUNC:
        return slot + 1 + insn.low
    return None


def _targets(insn: Insn, slot: int, table: Sequence[int]) -> Sequence[int]:
    """Where an instruction jumps, or may jump; `table` is of its function."""
    if insn.code == GOTOX:
        if not table:
            raise FormatError(
                f"the jump at slot {slot} leads where a register says, through no known table",
                offset=slot * op.SLOT_BYTES,
            )
        return table
    target = jump_target(insn, slot)
    return () if target is None else (target,)


def _leaves(insn: Insn) -> bool:
    """Whether what follows begins a block."""
    return jump_target(insn, 0) is not None or insn.code in (op.JMP | op.EXIT, GOTOX)


def _block(
    places: dict[int, Insn],
    start: int,
    end: int,
    function: int,
    ends: list[int],
    begins: list[int],
    tables: Mapping[int, Sequence[int]],
) -> Block:
    inside = tuple((slot, places[slot]) for slot in range(start, end) if slot in places)
    slot, last = inside[-1]
    edges = _edges(last, slot, tables.get(function, ()))
    if any(edge.to >= ends[bisect_left(begins, function)] for edge in edges):
        raise FormatError(
            f"the function at slot {function} ends with an instruction that goes on behind it",
            offset=slot * op.SLOT_BYTES,
        )
    found = (called(insn, at) for at, insn in inside)
    calls = tuple(dict.fromkeys(to for to in found if to is not None))
    return Block(start, function, inside, edges, calls)


def _edges(last: Insn, slot: int, table: Sequence[int]) -> tuple[Edge, ...]:
    following = slot + last.slots
    target = jump_target(last, slot)
    if last.code == op.JMP | op.EXIT:
        return ()
    if last.code == GOTOX:
        return tuple(Edge(to, JUMP) for to in table)
    if target is None:
        return (Edge(following, NEXT),)
    if last.code in (op.JMP | op.JA, op.JMP32 | op.JA):
        return (Edge(target, JUMP),)
    return Edge(target, TRUE), Edge(following, FALSE)
