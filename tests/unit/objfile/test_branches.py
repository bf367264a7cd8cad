"""The kept cases of fuzzing still lead to every branch of the readers that they led to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fuzz.branches import Branch, Missed, allows, judged
from tests.fuzz.cases import CORPUS
from tests.fuzz.unreached import NOT_YET, UNREACHED, Row

ROOT = Path(__file__).parents[3]


def test_the_kept_cases_reach_the_readers() -> None:
    """In a process of its own: what watches them must come before them."""
    words = [sys.executable, "-m", "tests.fuzz.branches"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert not done.returncode, done.stdout + done.stderr


def test_the_kept_cases_stay_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < 200 << 10


def test_rows_have_reasons_and_files() -> None:
    assert all(row.reason and (ROOT / row.file).exists() for row in UNREACHED)
    assert all(count > 0 and (ROOT / file).exists() for file, count in NOT_YET.items())


def test_a_branch_without_a_row_is_told() -> None:
    branch = Branch("probee/elf/raw.py", "header", 1, "if x:", "raise y")
    row = Row("probee/elf/raw.py", "header", "if", "raise", "why")
    assert judged([branch], (row,), {}) == Missed([], [], [])
    assert judged([branch], (), {}) == Missed([branch], [], [])
    assert judged([], (row,), {}) == Missed([], [row], [])
    assert judged([branch], (), {"probee/elf/raw.py": 1}) == Missed([], [], [])
    fewer = ["probee/elf/raw.py: 1 and not 2"]
    assert judged([branch], (), {"probee/elf/raw.py": 2}) == Missed([], [], fewer)
    assert not allows(row._replace(scope="other"), branch)
