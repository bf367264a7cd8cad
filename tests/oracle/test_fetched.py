"""Tools of other suites and of wheels run here, by their own name and with their own libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts import fetched, oracles
from scripts.debian import Suite, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
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


def test_what_is_away_keeps_nothing_behind_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho nothing answers >&2\nexit 100\n", encoding="utf-8")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    there = fetched.cache_folder() / "bpftool-7.5" / "start"
    there.parent.mkdir(parents=True)
    there.touch()
    assert fetched.main(["readelf-2.44", "bpftool-7.5"]) == 1
    said = capsys.readouterr()
    assert said.out == f"  bpftool-7.5   {there}\n"
    assert said.err == "readelf-2.44: apt-get ended with status 100: nothing answers\n"
    assert fetched.main(["bpftool-7.5"]) == 0


@pytest.mark.parametrize("which", ["all", ""])
def test_the_corpus_goes_without_the_clang_that_may_be_away(which: str, tmp_path: Path) -> None:
    code = "from tests.objects.build import objects; print({row.compiler for row in objects()})"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PROBEE_CLANGS": which}
    words = [sys.executable, "-c", code]
    compilers = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, check=True)
    expected = range(12, 23) if which else (13, 14, 16, 18, 19, 22)
    assert compilers.stdout.decode() == f"{set(expected)}\n"
