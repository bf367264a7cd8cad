"""The README's commands in an empty Debian: a checkout, python3, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts import empty_debian
from tests.doc_examples import ROOT, examples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Spawn

# The first run on a machine makes the Debian, which takes a minute.
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("debootstrap"), pytest.mark.timeout(600)]

OPENS = """
import time
while True:
    open("/etc/hostname").close()
    try:
        open("/nowhere/at/all")
    except FileNotFoundError:
        pass
    time.sleep(0.01)
"""


@pytest.fixture(params=empty_debian.SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone of the work tree would have: no ignored file, no compiled module."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    folder = tmp_path / "clone"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def run(words: list[str], status: int = 0) -> str:
    """What `words` print; they end with `status` and no complaint but a report of no loss."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_opensnoop_runs_in_a_bare_checkout(
    suite: str, clone: Path, work: Path, spawn: Spawn
) -> None:
    traced = spawn.python(OPENS)
    words = [
        "python3",
        "-m",
        "probee",
        "opensnoop",
        "-p",
        str(traced.pid),
        "--count",
        "4",
        "--json",
    ]
    shown = run(empty_debian.command(suite, clone, work, *words))
    rows = [json.loads(line) for line in shown.splitlines()]
    assert len(rows) == 4
    assert {row["pid"] for row in rows} == {traced.pid}
    assert {(row["path"], row["errno"]) for row in rows} == {
        ("/etc/hostname", 0),
        ("/nowhere/at/all", 2),
    }


def test_tool_of_ones_own_runs_in_a_bare_checkout(suite: str, clone: Path, work: Path) -> None:
    example = next(row for row in examples() if row.place.startswith("README.md") and row.whole)
    (clone / "opens.py").write_text(example.source, encoding="utf-8")
    shown = run(empty_debian.command(suite, clone, work, "python3", "opens.py"))
    assert "/etc/hostname" in {line.split()[-1] for line in shown.splitlines()}


def test_nothing_is_left_in_the_debian(suite: str, clone: Path, work: Path) -> None:
    run(empty_debian.command(suite, clone, work, "touch", "/left", "/var/cache/probee"))
    assert not (empty_debian.tree(suite) / "left").exists()
    assert os.listdir(work) == []
