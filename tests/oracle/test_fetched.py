"""Tools of other suites and of wheels run here, by their own name and with their own libraries."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts import fetched, oracles
from scripts.debian import Suite, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


NEEDED = {row.tool for row in oracles.ORACLES if row.need == oracles.ALWAYS}


@pytest.mark.parametrize("row", fetched.FETCHED, ids=lambda row: row.tool)
@pytest.mark.oracle
def test_a_tool_is_the_version_that_its_row_says(
    row: fetched.Fetched, oracle: Callable[[str], str]
) -> None:
    if row.tool not in NEEDED and fetched.find(row.tool) is None:
        pytest.skip(f"nobody fetched {row.tool}, or it cannot be reached")
    done = subprocess.run([oracle(row.tool), "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert row.says in done.stdout


@pytest.mark.skipif(not shutil.which("apt-get"), reason="this is no Debian")
def test_a_suite_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the suite nosuch cannot be reached: apt-get ended"):
        Suite("nosuch", "Debian", tmp_path)


@pytest.mark.oracle("readelf-2.44")
def test_it_calls_itself_by_its_plain_name(oracle: Callable[[str], str]) -> None:
    done = subprocess.run([oracle("readelf-2.44"), "-h", "/"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "readelf: Error: '/' is not an ordinary file\n")


def test_every_row_is_an_oracle_and_no_other_is_without_names() -> None:
    without = [row.tool for row in oracles.ORACLES if not row.names]
    assert sorted(without) == sorted(row.tool for row in fetched.FETCHED)
    with pytest.raises(KeyError):
        fetched.find("readelf-9")
