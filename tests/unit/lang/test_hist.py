"""Declarations of histograms."""

from __future__ import annotations

from typing import Any

import pytest

from probee.errors import UsageError
from probee.lang.hist import Hist
from probee.lang.types import u32


@pytest.mark.parametrize(
    "linear",
    [(0, 10), [0, 10, 1], (0, 10, 0), (5, 5, 1), (0, 2000, 1), (True, 4, 1), (0, 1 << 64, 1)],
)
def test_buckets_that_cannot_be(linear: Any) -> None:
    with pytest.raises(UsageError, match="linear="):
        Hist(linear=linear)


def test_it_is_added_to_by_kernel_programs_only() -> None:
    with pytest.raises(UsageError, match="kernel programs"):
        Hist().add(1)
    with pytest.raises(UsageError, match="kernel programs"):
        Hist(u32)[1].add(1)


def test_its_form_is_part_of_a_programs_identity() -> None:
    made: list[Hist[Any]] = [
        Hist(), Hist(u32), Hist(u32, max_entries=5), Hist(linear=(0, 9, 1)), Hist(linear=(0, 9, 2)),
    ]  # fmt: skip
    assert len({repr(one.identity()) for one in made}) == len(made)


@pytest.mark.parametrize(("linear", "slots"), [((0, 1, 1), 4), ((0, 6, 1), 8), ((0, 7, 1), 16)])
def test_slots_hold_what_no_bucket_takes(linear: Any, slots: int) -> None:
    value = Hist(linear=linear).value
    assert value is not None
    assert value.size == 8 * slots
