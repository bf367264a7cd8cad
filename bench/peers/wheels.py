"""Peers out of the Python package index, each in a folder of its own inside the Debian 13 folder.

In: pip, as this machine is set up. Out: the folder that goes onto PYTHONPATH there.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.peers import trixie
from scripts.debian import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

# Python-BPF 0.2.0 says 3.10, but its sources need 3.12: hence Debian 13's interpreter.
WHEELS = {"pythonbpf": "pythonbpf==0.2.0", "ebpfcat": "ebpfcat==1.0.0"}
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def install(name: str, folder: Path) -> Path:
    """The package `name` and what it depends on, as pip would choose. Raises Unavailable."""
    target = folder / "opt" / name
    mark = target / trixie.MARK
    if mark.exists() and mark.read_text() == WHEELS[name]:
        return target
    if target.exists():
        shutil.rmtree(target)
    machine = platform.machine()
    # pip looks at the version of its own interpreter too; --python-version chose already.
    words = ["--quiet", "--target", str(target), "--only-binary=:all:", "--ignore-requires-python"]
    words += ["--python-version", trixie.python(folder)]
    words += [f"--platform={kind}_{machine}" for kind in PLATFORMS]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *words, WHEELS[name]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise Unavailable(f"pip install {WHEELS[name]}: {' '.join(last)}")
    mark.write_text(WHEELS[name])
    return target
