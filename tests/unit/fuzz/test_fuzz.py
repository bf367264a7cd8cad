"""The machinery of `make fuzz` finds a wrong compiler, and makes what it finds small."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.ending import AGREED, CRASH, MISMATCH, REFUSED, examine
from tests.fuzz.shrink import shrunk
from tests.meaning import widths
from tests.meaning.compare import Case, case

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "from probee import Context, raw_tracepoint, s64\n\n\n@raw_tracepoint('probee_meaning')\n"


def program(body: str) -> Case:
    source = f"{HEADER}def program(ctx: Context) -> s64:\n    {body}\n"
    return Case(source, (dict.fromkeys("abcdefghij", 5),), {})


@pytest.mark.parametrize(
    ("body", "kind", "signature"),
    [
        ("return ctx.a ^ 3", AGREED, ()),
        ("return ctx.nothing", REFUSED, ("no-attribute",)),
        ("return unknown", REFUSED, ("undefined-name",)),
    ],
)
def test_endings(body: str, kind: str, signature: tuple[str, ...], tmp_path: Path) -> None:
    ending = examine(program(body), tmp_path, isa=3, kernel=False)
    assert (ending.kind, ending.signature) == (kind, signature)
    assert ending.failed == (kind != AGREED)


def test_a_crash_is_an_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(widths.OPERATORS, "Add", None)
    ending = examine(program("return ctx.a + 1"), tmp_path, isa=3, kernel=False)
    assert (ending.kind, ending.signature[0], ending.failed) == (CRASH, "TypeError", True)


def test_wrong_meaning_is_found_and_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the compiler took `^` for `|`."""
    monkeypatch.setitem(widths.OPERATORS, "BitXor", operator.or_)
    endings = ((n, examine(case(n), tmp_path, isa=3, kernel=False)) for n in range(30))
    seed, ending = next((n, ending) for n, ending in endings if ending.kind == MISMATCH)
    found = case(seed)

    def fails(other: Case) -> bool:
        again = examine(other, tmp_path, isa=3, kernel=False)
        return (again.kind, again.signature) == (ending.kind, ending.signature)

    small = shrunk(found, fails, 20)
    assert fails(small)
    assert "^" in small.source
    assert len(small.rounds) == 1
    assert len(small.source.splitlines()) < len(found.source.splitlines()) / 3


def test_statements_go_and_blocks_stay_whole() -> None:
    big = case(3)

    def fails(other: Case) -> bool:
        tree = ast.parse(other.source)
        return any(isinstance(node, ast.BinOp) for node in ast.walk(tree))

    small = shrunk(big, fails, 20)
    assert len(small.source.splitlines()) <= 4
    assert fails(small)


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUZZ_KERNEL", "0")
    monkeypatch.setenv("FUZZ_COUNT", "3")
    monkeypatch.setenv("SEED", "0")
    assert command.main() == 0
    told = capsys.readouterr().out
    assert "3 programs" in told
    assert "rows of the syntax hit" in told
    monkeypatch.setitem(widths.OPERATORS, "Mult", operator.add)
    monkeypatch.setattr(command, "shrunk", lambda found, _: found)
    assert command.main() == 1
    assert "FAILED" in capsys.readouterr().out
    assert {path.suffix for path in (tmp_path / ".output/fuzz").iterdir()} == {".py"}
