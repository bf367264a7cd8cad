"""docs/errors.md: a section for each code; its examples give exactly the words that stand there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from probee.errors import CompileError
from tests.doc_examples import ROOT
from tests.frontend_cases import compiled, names_of

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = {s.split()[0]: s for s in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
PRELUDE = re.findall(r"^```py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
UNSHOWN = {"nesting", "no-source", "source-changed"}  # tested in test_source.py
SHOWN = sorted(set(SECTIONS) - UNSHOWN)


def _blocks(code: str) -> tuple[str, str, str]:
    """The wrong example, what the compiler says, the right example."""
    found = re.findall(r"^```(?:py)?\n(.*?)^```", SECTIONS[code], re.MULTILINE | re.DOTALL)
    assert len(found) == 3
    return found[0], found[1], found[2]


@pytest.mark.parametrize("code", SHOWN)
def test_wrong_example_is_refused_in_these_words(code: str) -> None:
    wrong, said, _ = _blocks(code)
    names = names_of(wrong, **names_of(PRELUDE, "declarations.py"))
    with pytest.raises(CompileError) as refusal:
        compiled(names, license_=names.get("LICENSE", "Dual MIT/GPL"), frozen={})
    assert f"{refusal.value}\n" == said
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.why
    assert diagnostic.fix


@pytest.mark.parametrize("code", SHOWN)
def test_right_example_compiles(code: str) -> None:
    names = names_of(_blocks(code)[2], **names_of(PRELUDE, "declarations.py"))
    assert compiled(names, license_=names.get("LICENSE", "Dual MIT/GPL"), frozen={}).programs


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


def test_every_code_has_a_section() -> None:
    files = (ROOT / "probee" / "compiler").rglob("*.py")
    codes = set().union(*map(_codes, files)) | {"syntax", "not-yet", "stack"}
    assert codes == set(SECTIONS)
