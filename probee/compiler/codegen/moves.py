"""Moves that happen at once, put into an order in which they may happen one by one.

In: (destination, source) pairs in which every source is read before any destination is written.
Out: the same as a sequence, cycles broken over a scratch register, or, where none is free, over
an emergency slot of the stack. From memory to memory goes over a register likewise.

A place is a register, 0 to 10, or a stack slot by its negative offset from r10, a multiple of 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.codegen.machine import FRAME, NONE, Src

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


Move = tuple[int, Src]


def is_memory(place: int) -> bool:
    """Whether `place` is a stack slot."""
    return place <= -8


def sequence(
    moves: Collection[Move], busy: set[int] | None, emergency: Callable[[int], int]
) -> list[Move]:
    """`busy`: registers that something else needs behind the moves; None: nobody knows.

    `emergency` gives the offset of emergency slot 0 or 1, and is asked only if there is no other
    way: 0 for a value of a cycle, 1 for that of a register borrowed.
    """
    pending = [(dst, src) for dst, src in moves if src != Src(dst)]
    if busy is not None:
        busy = busy.union(dst for dst, _ in moves)
    out: list[Move] = []
    later = [move for move in pending if not _reads(move[1])]
    pending = [move for move in pending if _reads(move[1])]
    while pending:
        needed = [src.base for _, src in pending]
        ready = next((m for m in pending if needed.count(m[0]) == (m[1].base == m[0])), None)
        if ready is not None:
            pending.remove(ready)
            _one(out, ready, _scratch(busy, pending + later, ready), emergency)
            continue
        # Only cycles are left: one of their values steps aside.
        src = pending[0][1]
        aside = _scratch(busy, pending + later, None)
        if aside == NONE:
            aside = emergency(0)
        _one(out, (aside, Src(src.base)), NONE, emergency)
        pending = [
            (d, Src(aside, s.off, s.symbol) if s.base == src.base else s) for d, s in pending
        ]
    for index, move in enumerate(later):
        _one(out, move, _scratch(busy, later[index + 1 :], move), emergency)
    return out


def _reads(src: Src) -> bool:
    """Whether it reads a place that moves may write."""
    return src.base not in (NONE, FRAME)


def _scratch(busy: set[int] | None, pending: list[Move], ready: Move | None) -> int:
    """A register that nothing needs now, NONE if there is none for certain."""
    taken = {src.base for _, src in pending}
    if ready is not None:
        taken.add(ready[1].base)
    # What is written by a move still to come is free until then.
    for dst, _ in pending:
        if 0 <= dst < FRAME and dst not in taken:
            return dst
    if busy is None:
        return NONE
    done = busy | taken
    return next((register for register in range(10) if register not in done), NONE)


def _one(out: list[Move], move: Move, scratch: int, emergency: Callable[[int], int]) -> None:
    """One move, in steps that are single instructions but for constants and addresses."""
    dst, src = move
    if not is_memory(dst):
        if src.off and src.base not in (NONE, FRAME, dst):
            out.append((dst, Src(src.base)))
            src = Src(dst, src.off)
        out.append((dst, src))
        return
    simple = src.off == 0 and 0 <= src.base <= FRAME
    if simple or (src.base == NONE and src.symbol is None and small(src.off)):
        out.append((dst, src))
        return
    borrowed = scratch == NONE
    if borrowed:
        scratch = 0 if src.base != 0 else 1
        out.append((emergency(1), Src(scratch)))
    _one(out, (scratch, src), NONE, emergency)
    out.append((dst, Src(scratch)))
    if borrowed:
        out.append((scratch, Src(emergency(1))))


def small(value: int) -> bool:
    """Whether the 64-bit `value` is what a 32-bit immediate extends to."""
    return value < 1 << 31 or value >= (1 << 64) - (1 << 31)
