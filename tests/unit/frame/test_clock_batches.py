"""Times of a whole batch are those of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from probee.frame import clock as clocks
from probee.frame.clock import SECOND, EventClock
from probee.frame.columns import Column, bind
from probee.frame.formats import Csv, Format, Json, Table
from probee.lang.types import Chars, Struct, chars, u64

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR = 400 * 86_400 * SECOND
TIMES = st.one_of(
    st.integers(0, 3 * SECOND), st.integers(0, FAR), st.sampled_from([0, SECOND - 1, SECOND])
)


class Event(Struct):
    time: u64
    path: Chars = chars(8)


@pytest.fixture(autouse=True, scope="module")
def _steady_clock() -> Iterator[None]:
    """Both clocks stand still: their distance is asked for again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clocks, "clock_gettime_ns", lambda which: which * 10**17 + 123_456_789)
        yield


@given(st.lists(TIMES, min_size=1, max_size=20))
def test_batches(times: list[int]) -> None:
    clock = EventClock()
    assert clock.locals(times) == [clock.local(one) for one in times]
    assert clock.isos(times) == [clock.iso(one) for one in times]


@given(st.lists(st.lists(TIMES, min_size=1), max_size=3))
def test_formats_show_the_same(batches: list[list[int]]) -> None:
    clock = EventClock()
    plain = Column("time", "TIME", "time", 15, text=clock.local, value=clock.iso, memo=False)
    quick = Column(
        "time", "TIME", "time", 15, text=clock.local, value=clock.iso, memo=False,
        texts=clock.locals, values=clock.isos,
    )  # fmt: skip
    path = Column("path", "PATH", "path", memo=False)

    def formats(time: Column) -> list[Format]:
        both: Any = bind((time, path), Event), bind((path, time), Event)
        return [
            Table(both[0], follow=True, colour=False), Json(both[0]), Csv(both[0]), Json(both[1]),
            Csv(both[1]), Table(both[1], follow=False, colour=True),
        ]  # fmt: skip

    for one, other in zip(formats(plain), formats(quick), strict=True):
        assert one.header == other.header
        for times in batches:
            rows = [(time, b"a,b\0") for time in times]
            assert one.rows(rows) == other.rows(rows)
