"""Docs without a kernel: links lead somewhere, examples parse and satisfy a strict type checker."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.doc_examples import PAGES, ROOT, Example, examples

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = examples()


def test_readme_shows_a_tool_of_ones_own() -> None:
    assert any(example.place.startswith("README.md") and example.whole for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_example_parses(example: Example) -> None:
    ast.parse(example.source, example.place)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.fixture
def programs(tmp_path: Path) -> list[str]:
    """The whole examples as files."""
    files = []
    for number, example in enumerate(EXAMPLES):
        if example.whole:
            files.append(tmp_path / f"example_{number}.py")
            files[-1].write_text(f"# {example.place}\n{example.source}", encoding="utf-8")
    return [str(file) for file in files]


def complaints(*words: str) -> str:
    """What a type checker says, or "" if it is content."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_examples_pass_strict_mypy(programs: list[str]) -> None:
    assert complaints("mypy", "--strict", *programs) == ""


def test_examples_pass_strict_pyright(programs: list[str], tmp_path: Path) -> None:
    config = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": programs}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    assert complaints("basedpyright", "--project", str(tmp_path)) == ""
