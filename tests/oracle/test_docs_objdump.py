"""The examples of docs/objdump.md: its program, compiled as it says, and what the commands print.

`python -m tests.oracle.test_docs_objdump` writes the page's outputs anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "objdump.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _compiled(page: str, folder: Path) -> None:
    source = re.search(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    recipe = re.search(r"^clang-19 .*$", page, re.MULTILINE)
    assert source
    assert recipe
    (folder / "count.c").write_text(source[1], encoding="ascii")
    subprocess.run(recipe[0], shell=True, check=True, cwd=folder)
    link = folder / "bin" / "probee"
    link.parent.mkdir()
    link.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m probee "$@"\n')
    link.chmod(0o755)


def _ran(block: str, folder: Path) -> str:
    """The block with what its commands print now."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    text = ""
    for line in block.splitlines():
        if line.startswith("$ "):
            done = subprocess.run(
                line[2:], shell=True, cwd=folder, env={**os.environ, "PATH": path},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.stderr == "", line
            text += f"{line}\n{done.stdout}"
    return text if text.endswith("\n") else f"{text}\n"


def renewed(page: str) -> str:
    """The page with all outputs as they are now."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _compiled(page, folder)
        return BLOCK.sub(lambda match: f"```console\n{_ran(match[1], folder)}```", page)


@pytest.mark.oracle("clang-19", "llvm-strip", "dot")
def test_the_page_shows_what_the_commands_print() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(page)) == 3
    assert renewed(page) == page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
