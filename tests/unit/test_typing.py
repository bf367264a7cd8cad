"""mypy and pyright, as strict as they can be, over what users see: no ignore, and no blind spot.

In: the programs of README.md and docs/, tests/typed/forms.py, maps.py and mistakes.py, the tools.
Out: no complaint, but for one on each line of mistakes.py that says so. (basedpyright is pyright's
engine, as a wheel that brings its own Node.)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.doc_examples import ROOT, examples

if TYPE_CHECKING:
    from pathlib import Path

FORMS = [ROOT / "tests" / "typed" / name for name in ("forms.py", "maps.py")]
MISTAKES = ROOT / "tests" / "typed" / "mistakes.py"


@pytest.fixture
def programs(tmp_path: Path) -> list[str]:
    """The whole examples of the docs as files, and the main forms."""
    files = list(FORMS)
    for number, example in enumerate(examples()):
        if example.whole:
            files.append(tmp_path / f"example_{number}.py")
            files[-1].write_text(f"# {example.place}\n{example.source}", encoding="utf-8")
    assert len(files) > 2
    return [str(file) for file in files]


def said(*words: str) -> str:
    """What a type checker says, or "" if it is content."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def pyright(tmp_path: Path, mode: str, files: list[str]) -> str:
    config = {"typeCheckingMode": mode, "extraPaths": [str(ROOT)], "include": files}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    return said("basedpyright", "--project", str(tmp_path))


def test_no_program_asks_a_checker_to_look_away(programs: list[str]) -> None:
    for program in programs:
        with open(program, encoding="utf-8") as file:
            text = file.read()
        assert not re.search(r"type:\s*ignore|pyright:|typing\b.*\bcast\b", text), program


def test_strict_mypy_accepts_the_programs(programs: list[str]) -> None:
    assert said("mypy", "--strict", *programs) == ""


def test_strict_pyright_accepts_the_programs(programs: list[str], tmp_path: Path) -> None:
    assert pyright(tmp_path, "strict", programs) == ""


def test_pyright_accepts_the_tools(tmp_path: Path) -> None:
    """`make types` holds all of the sources to mypy."""
    assert (
        pyright(tmp_path, "standard", [str(ROOT / "probee/tools"), str(ROOT / "probee/klib")]) == ""
    )


def wrong_lines() -> list[int]:
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("  # wrong")]


def test_both_find_every_mistake(tmp_path: Path) -> None:
    for text in (
        said("mypy", "--strict", str(MISTAKES)),
        pyright(tmp_path, "standard", [str(MISTAKES)]),
    ):
        found = re.findall(r"mistakes\.py:(\d+)(?::\d+ -)?:? error", text)
        assert sorted({int(number) for number in found}) == wrong_lines(), text
