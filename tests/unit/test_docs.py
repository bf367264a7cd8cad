"""Docs without a kernel: links lead somewhere, examples parse and satisfy a strict type checker."""

from __future__ import annotations

import ast
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_examples_pass_strict_mypy(tmp_path: Path) -> None:
    files = []
    for number, example in enumerate(EXAMPLES):
        if example.whole:
            files.append(tmp_path / f"example_{number}.py")
            files[-1].write_text(f"# {example.place}\n{example.source}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
