"""A warm start loads what the files say now: the third one needs no capture, an edit ends that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
# The modules that the run had when it ended, behind its rows.
RUN = (
    "import sys; sys.argv = ['probee', 'opensnoop', '-p', '1', '-d', '0.01']\n"
    "import probee.__main__ as main\n"
    "def leave(status): print(status, *sys.modules); sys.stdout.flush(); quit(status)\n"
    "main._exit = leave; main.run()"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "probee", tmp_path / "probee", ignore=shutil.ignore_patterns("__py*"))
    return tmp_path


def run(home: Path) -> set[str]:
    """One start; what it imported."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own["PROBEE_CACHE_DIR"] = str(home / "cache")
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=home, env=own, capture_output=True, text=True, check=True
    )
    status, *modules = done.stdout.splitlines()[-1].split()
    assert status == "0"
    return set(modules)


def entries(home: Path, kind: str) -> int:
    return len(list((home / "cache").glob(f"{kind}-*")))


def test_the_way_to_a_warm_start_and_back(checkout: Path) -> None:
    assert "probee.compiler.pipeline" in run(checkout)
    assert (entries(checkout, "spec"), entries(checkout, "names")) == (1, 0)
    second = run(checkout)
    assert not [name for name in second if name.startswith("probee.compiler")]
    assert (entries(checkout, "spec"), entries(checkout, "names")) == (2, 1)
    third = run(checkout)
    assert (entries(checkout, "spec"), entries(checkout, "names")) == (2, 1)
    assert not third & {
        "pwd", "probee.lang.capture", "probee.runtime.reuse",
        "probee.frame.globs", "probee.runtime.cpus", "probee.uapi.bpf_flags",
        "probee.uapi.perf_event",
        "probee.frame.clock", "probee.frame.users", "probee.frame.containers",
    }  # fmt: skip
    edited = checkout / "probee/klib/tasks.py"
    times = edited.stat()
    edited.write_text(edited.read_text().replace("range(NAME_SIZE)", "range(NAME_SIXE)"))
    edited.write_text(edited.read_text().replace("range(NAME_SIXE)", "range(NAME_SIZE)"))
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))  # size, time, content as before
    assert "probee.compiler.pipeline" in run(checkout)
