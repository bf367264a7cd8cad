"""docs/errors: a page for each code; its examples give exactly the words that stand there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.doc_examples import ROOT
from tests.error_pages import INDEX, PAGES, index, refusal, right, wrong

UNSHOWN = {
    "nesting",
    "no-source",
    "source-changed",
    "verifier",
}  # see test_source.py, test_refusals.py
SHOWN = sorted(set(PAGES) - UNSHOWN)


@pytest.mark.parametrize("code", SHOWN)
def test_wrong_examples_are_refused_in_these_words(code: str) -> None:
    assert wrong(code)
    for source, said in wrong(code):
        error = refusal(source)
        assert error is not None
        assert f"{error}\n" == said
        (diagnostic,) = error.diagnostics
        assert diagnostic.code == code
        assert diagnostic.why
        assert diagnostic.fix


@pytest.mark.parametrize("code", SHOWN)
def test_right_examples_compile(code: str) -> None:
    assert right(code)
    assert [refusal(source) for source in right(code)] == [None] * len(right(code))


@pytest.mark.parametrize("code", sorted(PAGES))
def test_page_opens_with_its_code(code: str) -> None:
    assert PAGES[code].startswith(f"# {code}\n\n")


def _codes(path: Path) -> set[str]:
    """The codes that a file of the compiler gives."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if name in ("refuse", "diagnose", "at", "_unreadable", "Diagnostic"):
            given = [*node.args[:2], *(k.value for k in node.keywords if k.arg == "code")]
            texts = [a.value for a in given if isinstance(a, ast.Constant)]
            found |= {t for t in texts if isinstance(t, str) and re.fullmatch("[a-z-]+", t)}
    return found


def test_every_code_has_a_page_and_every_page_its_code() -> None:
    files = (ROOT / "probee" / "compiler").rglob("*.py")
    codes = set().union(*map(_codes, files)) | {"syntax", "not-yet", "stack", "verifier"}
    assert codes == set(PAGES)


def test_index_lists_every_page() -> None:
    """`python -m tests.error_pages` writes it."""
    assert INDEX.read_text(encoding="utf-8") == index()
    assert not (ROOT / "docs" / "errors.md").exists(), "its sections are pages of docs/errors now"
