"""A program is what its file says, and is compiled only if the file still says it."""

from __future__ import annotations

import importlib.util
import linecache
import os
from pathlib import Path
from types import ModuleType

import pytest

from probee.compiler.frontend.source import Source
from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

SOURCE = """\
from probee import Context, Global, raw_tracepoint, u64

total = Global(u64, 0)


@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    total.value += 1
"""


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("program", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (len(text), len(text)))  # another time, so that nobody relies on it


@pytest.mark.parametrize(
    "change",
    [
        ("+= 1", "+= 2"),
        ("total.value += 1", "total.value -= 1"),
        ("\n\n\n@raw", "\n\n\n\n@raw"),
        ("def program", "def another"),
        ("    total", "  total ("),
        ("value", "other"),
    ],
)
def test_a_file_that_changed_is_an_error(change: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    _write(path, SOURCE)
    module = _module(path)
    assert compiled(vars(module)).programs
    _write(path, SOURCE.replace(*change))
    with pytest.raises(CompileError) as refusal:
        compiled(vars(module))
    assert [d.code for d in refusal.value.diagnostics] == ["source-changed"]


def test_what_does_not_matter_may_change(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    _write(path, SOURCE)
    module = _module(path)
    _write(path, SOURCE + "\n# a remark at the end\n")
    assert compiled(vars(module)).programs


def test_no_source() -> None:
    names = names_of(SOURCE, "<stdin>")
    linecache.cache.pop("<stdin>")
    with pytest.raises(CompileError) as refusal:
        compiled(names)
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == "no-source"
    assert diagnostic.why
    assert diagnostic.fix


def test_columns_count_characters() -> None:
    source = SOURCE.replace("total.value += 1", 'ärger = "ä"; total.value = öl')
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source))
    rows = str(refusal.value).splitlines()
    assert rows[2].index("^") == rows[1].index("öl")


def test_nesting_is_refused_and_not_a_crash() -> None:
    deep = "total.value = " + "(" * 90 + "1" + " + total.value)" * 90
    body = "\n".join([f"def f{i}(a: u64) -> u64:\n    return f{i + 1}(a) + 1\n" for i in range(99)])
    body += "\ndef f99(a: u64) -> u64:\n    return a\n"
    source = SOURCE.replace("@raw", body + "\n@raw").replace("+= 1", "= f0(1)")
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source))
    assert [d.code for d in refusal.value.diagnostics] == ["nesting"]
    assert compiled(names_of(SOURCE.replace("total.value += 1", deep))).programs


def test_functions_of_a_file_share_its_tree() -> None:
    names = names_of(SOURCE)
    trees: dict[str, object] = {}
    first = Source(names["program"].function, trees)  # type: ignore[arg-type]
    assert Source(names["program"].function, trees).definition is first.definition  # type: ignore[arg-type]
