"""Modules of a start out of one file: kept, used, left alone when a source changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Imports the command line as `python3 -m probee` does, and says by what each module was loaded.
SAYS = (
    "import sys; from probee.start import begin; start = begin(); import probee.cli.main as m;"
    "print(type(m.__loader__).__name__, m.OK, start.save())"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package, without what Python or probee keep beside it."""
    home = tmp_path / "checkout"
    shutil.copytree(ROOT / "probee", home / "probee", ignore=shutil.ignore_patterns("__pycache__"))
    return home


def said(home: Path, code: str = SAYS, **more: str) -> str:
    """What an interpreter prints that runs `code` in `home`; -B and its like do not reach it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=home, env={**own, **more}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def kept(home: Path) -> list[Path]:
    """The files that hold a start."""
    return list((home / "probee/__pycache__").glob("start.*.bin"))


def test_the_second_start_comes_from_the_file(checkout: Path) -> None:
    assert said(checkout) == "SourceFileLoader 0 True"
    assert len(kept(checkout)) == 1
    assert said(checkout) == "_Kept 0 False"
    assert not list((checkout / "probee/__pycache__").glob("*.bin.*"))


def test_a_changed_source_is_what_runs(checkout: Path) -> None:
    said(checkout)
    main = checkout / "probee/cli/main.py"
    main.write_text(main.read_text().replace("OK, FAILED, USAGE = 0, 1, 2", "OK = 77"))
    assert said(checkout) == "SourceFileLoader 77 True"
    assert said(checkout) == "_Kept 77 False"


def test_a_source_written_anew_with_the_same_size_and_time_is_what_runs(checkout: Path) -> None:
    """Python itself would run its old compiled file until that is removed; so not what is kept."""
    said(checkout)
    main = checkout / "probee/cli/main.py"
    times = main.stat()
    main.write_text(
        main.read_text().replace("OK, FAILED, USAGE = 0, 1, 2", "OK, FAILED, USAGE = 7, 1, 2")
    )
    os.utime(main, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert said(checkout) == "SourceFileLoader 0 True"
    assert said(checkout) == "_Kept 7 False"


def test_it_is_whole_when_all_came_from_the_file(checkout: Path) -> None:
    code = SAYS + "; print(start.whole())"
    assert said(checkout, code) == "SourceFileLoader 0 True\nFalse"
    assert said(checkout, code) == "_Kept 0 False\nTrue"
    (checkout / "probee/errors.py").touch()
    assert said(checkout, code) == "_Kept 0 True\nFalse"


def test_a_source_that_is_gone_is_gone(checkout: Path) -> None:
    said(checkout)
    (checkout / "probee/cli/commands.py").unlink()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        said(checkout)
    assert "ModuleNotFoundError" in caught.value.stderr


@pytest.mark.parametrize("spoil", [b"", b"probee start 1\n", b"x" * 5000])
def test_a_file_that_is_not_whole_is_made_anew(checkout: Path, spoil: bytes) -> None:
    said(checkout)
    (file,) = kept(checkout)
    file.write_bytes(spoil)
    assert said(checkout) == "SourceFileLoader 0 True"
    assert said(checkout) == "_Kept 0 False"


def test_a_file_that_was_cut_is_made_anew(checkout: Path) -> None:
    said(checkout)
    (file,) = kept(checkout)
    file.write_bytes(file.read_bytes()[:-3])
    assert said(checkout) == "SourceFileLoader 0 True"


def test_nothing_is_written_where_python_writes_nothing(checkout: Path) -> None:
    assert said(checkout, PYTHONDONTWRITEBYTECODE="1") == "SourceFileLoader 0 False"
    assert kept(checkout) == []


def test_a_traceback_shows_the_source(checkout: Path) -> None:
    said(checkout)
    code = (
        "from probee.start import begin; begin()\nimport traceback, probee.frame.options as o\n"
        "try: o.whole('x', 0, 1, 'a number')\nexcept Exception: print(traceback.format_exc())"
    )
    assert "raise UsageError(f" in said(checkout, code)


def test_the_command_line_from_a_checkout() -> None:
    done = subprocess.run(
        [ROOT / "bin/probee", "--version"], cwd="/", capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("probee ")
