"""Each whole program in README.md and docs/ runs as it stands, in the system's own way."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from probee.host.probes import probe_helper
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_task_pt_regs
from tests.doc_examples import ROOT, Example, examples

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

WHOLE = [example for example in examples() if example.whole]


@pytest.mark.parametrize("example", WHOLE, ids=lambda example: example.place)
def test_example_runs_and_prints(example: Example, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(example.source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PROBEE_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_readme_example_sees_its_own_open(tmp_path: Path) -> None:
    example = next(example for example in WHOLE if example.place.startswith("README.md"))
    program = tmp_path / "opens.py"
    program.write_text(example.source, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(program)],
        env={"PYTHONPATH": str(ROOT), "PROBEE_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        shown, _ = process.communicate(timeout=60)
    rows = [line.split() for line in shown.splitlines()]
    assert [str(process.pid), "/etc/hostname"] in [[row[0], row[-1]] for row in rows]


def test_the_page_on_writing_tools_has_one_that_works(tmp_path: Path) -> None:
    example = next(e for e in examples() if e.place.startswith("docs/tools/writing.md"))
    program = tmp_path / "unlinksnoop.py"
    program.write_text(example.source, encoding="utf-8")
    assert 60 <= example.source.count("\n") <= 120
    there, nowhere = tmp_path / "there", tmp_path / "nowhere"
    there.touch()
    remove = "import os, sys\nfor name in sys.argv[1:]:\n try: os.unlink(name)\n except OSError: 0"
    done = subprocess.run(
        [sys.executable, str(program), "--json", "-U", "--errno=ENOENT", "--",
         sys.executable, "-c", remove, str(there), str(nowhere)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PROBEE_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    if probe_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs) is False:
        assert done.returncode == 1
        assert "Linux 5.15" in done.stderr
        return
    assert (done.returncode, done.stderr) == (0, "probee unlinksnoop: 0 events lost\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["path"], row["error"], row["uid"]) for row in rows] == [
        (str(nowhere), "ENOENT", 0)
    ]
    assert not there.exists()
