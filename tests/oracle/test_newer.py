"""Tools of a newer Debian run here, by their own name and with their own libraries."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts import newer, oracles

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("row", newer.NEWER, ids=lambda row: row.tool)
@pytest.mark.oracle
def test_a_newer_tool_is_the_version_that_its_row_says(
    row: newer.Newer, oracle: Callable[[str], str]
) -> None:
    done = subprocess.run([oracle(row.tool), "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert row.says in done.stdout


@pytest.mark.oracle("readelf-2.44")
def test_it_calls_itself_by_its_plain_name(oracle: Callable[[str], str]) -> None:
    done = subprocess.run([oracle("readelf-2.44"), "-h", "/"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "readelf: Error: '/' is not an ordinary file\n")


def test_every_row_is_an_oracle_and_no_other_is_without_names() -> None:
    without = [row.tool for row in oracles.ORACLES if not row.names]
    assert without == [row.tool for row in newer.NEWER]
    with pytest.raises(KeyError):
        newer.find("readelf-9")
