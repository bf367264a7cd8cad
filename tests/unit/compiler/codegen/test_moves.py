"""Parallel moves against what it means to move at once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from probee.compiler.codegen.machine import FRAME, NONE, Src, Symbol
from probee.compiler.codegen.moves import Move, is_memory, sequence

PLACES = [*range(10), *range(-8, -72, -8)]
EMERGENCY = {0: -200, 1: -208}
plain = st.sampled_from(PLACES).map(Src)
sources = st.one_of(
    plain,
    plain,
    st.builds(Src, st.sampled_from(PLACES), st.sampled_from([8, -16])),
    st.sampled_from([0, 5, 1 << 40, (1 << 64) - 3]).map(lambda value: Src(NONE, value)),
    st.just(Src(FRAME, -80)),
    st.just(Src(NONE, 4, Symbol("value", ".bss"))),
)


def value(src: Src, state: dict[int, object]) -> object:
    if src.base in (NONE, FRAME):
        return src
    held = state[src.base]
    return (held, src.off) if src.off else held


def is_one_instruction(dst: int, src: Src) -> bool:
    """Or two, for constants and addresses into registers; `emit` has no scratch register."""
    if not is_memory(dst):
        return src.off == 0 or src.base in (NONE, FRAME, dst)
    if src.base == NONE:
        return src.symbol is None and -(1 << 31) <= src.off - (src.off >> 63 << 64) < 1 << 31
    return 0 <= src.base < FRAME and src.off == 0


@given(
    st.dictionaries(st.sampled_from(PLACES), sources, max_size=12),
    st.none() | st.sets(st.integers(0, 9)),
)
def test_sequences_do_what_happens_at_once(moves: dict[int, Src], busy: set[int] | None) -> None:
    check(moves, busy)


def check(moves: dict[int, Src], busy: set[int] | None) -> None:
    before: dict[int, object] = {place: f"old {place}" for place in PLACES}
    wanted = before | {dst: value(src, before) for dst, src in moves.items()}
    state = dict(before)
    for dst, src in sequence(list(moves.items()), busy, EMERGENCY.__getitem__):
        assert is_one_instruction(dst, src), (dst, src)
        state[dst] = value(src, state)
    kept = set(moves) | {place for place in PLACES if is_memory(place)}
    kept |= set(range(10)) if busy is None else busy
    assert {p: state[p] for p in kept} == {p: wanted[p] for p in kept}


@pytest.mark.parametrize("width", range(2, 10))
def test_cycle_takes_one_move_more(width: int) -> None:
    moves = [(r, Src((r + 1) % width)) for r in range(width)]
    asked: list[int] = []

    def emergency(which: int) -> int:
        asked.append(which)
        return EMERGENCY[which]

    assert len(sequence(moves, set(range(width)), emergency)) == width + 1
    assert not asked
    assert len(sequence(moves, None, emergency)) == width + 1
    assert asked == [0]


def test_cycles_keep_what_is_added_on_the_way() -> None:
    for busy in (None, set(range(10))):
        check({1: Src(2, 8), 2: Src(1, -16)}, busy)
        check({1: Src(2, 8), 2: Src(3, -16), 3: Src(1, 24), 4: Src(1, 8)}, busy)
        check({-8: Src(-16, 8), -16: Src(3), 3: Src(-8, -16)}, busy)


def test_what_stays_is_not_moved() -> None:
    assert sequence([(3, Src(3)), (-8, Src(-8))], None, EMERGENCY.__getitem__) == []


def test_a_place_to_be_written_serves_as_scratch() -> None:
    moves: list[Move] = [(-8, Src(-16)), (5, Src(NONE, 1))]
    random.Random(1).shuffle(moves)
    out = sequence(moves, set(range(10)), EMERGENCY.__getitem__)
    assert out == [(5, Src(-16)), (-8, Src(5)), (5, Src(NONE, 1))]
