"""Lists of CPUs."""

from __future__ import annotations

import pytest

from probee.errors import FormatError
from probee.host.cpus import numbers, online


def test_lists() -> None:
    assert numbers("0-3,8,10-11") == [0, 1, 2, 3, 8, 10, 11]
    assert numbers("0") == [0]
    assert numbers("") == []


@pytest.mark.parametrize("text", ["a", "3-1", "1,,2", "-1", "1-"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(FormatError):
        numbers(text)


def test_this_one_runs() -> None:
    assert online()
