"""The long run, kept short: all opens of its load are rows or reported as lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.soak import __main__ as soak

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.kernel


def test_rows_and_losses_are_all_opens(oracle: Callable[[str], str]) -> None:
    soak.build(oracle("gcc"))
    found = soak.run(3, [])
    assert found["opens"] == found["rows"] + found["reported"]
    assert min(found["kinds"].values()) > 0
    assert found["rows"] > found["opens"] / 2
    assert found["status"] == 0
