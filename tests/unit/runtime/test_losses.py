"""Losses: which counters become rows, and what a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from probee.errors import FormatError
from probee.runtime.losses import Loss, counted, skipped
from probee.spec import CounterSpec


class FakeSection:
    def __init__(self, *counts: int) -> None:
        self.data = b"".join(count.to_bytes(8, "little") for count in counts)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


class FakeProgram:
    """A program of which the kernel says this."""

    name = "exit_open"

    def __init__(self, misses: int | None) -> None:
        self.recursion_misses = misses

    def info(self) -> FakeProgram:
        return self


FULL = CounterSpec("ring_full", "opens", ".bss", 0)
REFUSED = CounterSpec("map_update", "start", ".bss", 8, "enter", "o.py", 5, "start[k] = v")


def test_only_what_is_not_zero() -> None:
    sections: Any = {".bss": FakeSection(0, (1 << 64) - 1)}
    (loss,) = counted([FULL, REFUSED], sections)
    assert loss == Loss("map_update", "start", (1 << 64) - 1, "enter", "o.py", 5, "start[k] = v")


def test_a_counter_in_a_section_that_is_not_there() -> None:
    with pytest.raises(FormatError, match=r"\.bss, which is not loaded"):
        counted([FULL], {})


@pytest.mark.parametrize(
    ("misses", "loss"),
    [(None, None), (0, None), (7, Loss("recursion", "exit_open", 7, "exit_open"))],
)
def test_skipped_runs(misses: int | None, loss: Loss | None) -> None:
    program: Any = FakeProgram(misses)
    assert skipped(program) == loss


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (Loss("ring_full", "opens", 1200), "1,200 records lost: ring buffer opens was full"),
        (
            Loss("map_update", "start", 2, "enter", "o.py", 5, "start[k] = v"),
            "2 times the kernel refused to write map start (o.py:5: start[k] = v)",
        ),
        (Loss("trap", "KeyError", 3, "exit_open"), "3 times exit_open stopped by KeyError"),
        (
            Loss("recursion", "exit_open", 4),
            "4 times exit_open was skipped: a program ran on that CPU already",
        ),
        (Loss("other", "x", 1), "1 times other x"),
    ],
)
def test_what_a_person_reads(loss: Loss, text: str) -> None:
    assert str(loss) == text
