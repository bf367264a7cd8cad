"""Each whole program in README.md and docs/ runs as it stands, in the system's own way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.doc_examples import ROOT, Example, examples

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

WHOLE = [example for example in examples() if example.whole]


@pytest.mark.parametrize("example", WHOLE, ids=lambda example: example.place)
def test_example_runs_and_prints(example: Example, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(example.source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PROBEE_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_readme_example_sees_its_own_open(tmp_path: Path) -> None:
    example = next(example for example in WHOLE if example.place.startswith("README.md"))
    program = tmp_path / "opens.py"
    program.write_text(example.source, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(program)],
        env={"PYTHONPATH": str(ROOT), "PROBEE_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        shown, _ = process.communicate(timeout=60)
    rows = [line.split() for line in shown.splitlines()]
    assert [str(process.pid), "/etc/hostname"] in [[row[0], row[-1]] for row in rows]
