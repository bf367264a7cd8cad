"""Docs without a kernel: links lead somewhere, examples parse."""

from __future__ import annotations

import ast
import re
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
