"""`probee cfg`: graphviz draws what it prints, and nothing of a program is missing in it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.asm.decode import decode
from probee.asm.insn import slot_starts
from probee.cli import cfg
from probee.cli.main import main
from probee.introspect.cfg import dot
from probee.objfile.read import read_file
from tests.objects.build import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Not these: refused, or half of a program.
WHOLE = tuple(
    row
    for row in objects()
    if row.debug and row.sources[0] not in {"legacy_maps", "link_one"}
    and row.compiler == 19 and not row.flags.startswith("-mcpu=v1")
)  # fmt: skip


@pytest.mark.oracle("dot", "clang-19", "llvm-strip", "bpftool")
def test_every_program_of_the_corpus(
    built: Callable[[Object], Path], oracle: Callable[[str], str]
) -> None:
    drawn = 0
    for row in WHOLE:
        spec = read_file(built(row))
        for program in spec.programs:
            text = "".join(dot(spec, program.name))
            shown = [int(slot) for slot in re.findall(r"(?:\\l|\")\s*(\d+): ", text)]
            insns = decode(program.code, spec.endian)
            assert sorted(shown) == slot_starts(insns)[:-1], (row, program.name)
            nodes = set(re.findall(r"^\t\tb(\d+) \[", text, re.MULTILINE))
            edges = re.findall(r"^\tb(\d+) -> b(\d+) ", text, re.MULTILINE)
            assert {node for edge in edges for node in edge} <= nodes
            assert text.count("subgraph") == len(program.functions)
            if row.endian == "little" and drawn < 25:
                command = [oracle("dot"), "-Tsvg"]
                done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
                assert done.stderr == b""
                assert done.stdout.count(b'class="node"') == len(nodes)
                drawn += 1
    assert drawn == 25


@pytest.mark.oracle("dot", "clang-19")
def test_svg_and_refusals(
    built: Callable[[Object], Path],
    oracle: Callable[[str], str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = str(built(next(row for row in WHOLE if row.sources == ("calls",))))
    name = read_file(path).programs[0].name
    drawing = tmp_path / "x.svg"
    assert main(["cfg", "--svg", "-o", str(drawing), path, name]) == 0
    assert "<svg" in drawing.read_text(encoding="utf-8")
    assert main(["cfg", path, name]) == 0
    assert capfd.readouterr().out.startswith(f'digraph "{name}" {{\n')
    assert main(["cfg", path, f"{name}x"]) == 1
    assert f"did you mean {name}?" in capfd.readouterr().err
    assert main(["cfg", path]) == 2
    assert "a file and the name of a program" in capfd.readouterr().err
    assert main(["cfg", "/nothing/here", "x"]) == 1
    assert "No such file" in capfd.readouterr().err
    assert main(["cfg", "/dev/null", "x"]) == 1
    assert "/dev/null: " in capfd.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["cfg", "--svg", path, name]) == 1
    assert "needs graphviz" in capfd.readouterr().err
    assert cfg.PAGE.name == "cfg"
