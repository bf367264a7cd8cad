"""The programs that booting takes. In: nothing. Out: an environment that has them, or Unavailable.

As root on Debian the missing packages are fetched, unless NO_INSTALL=1 says otherwise; virtme-ng
comes with the `vm` extra of pyproject.toml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.debian import Unavailable

NEEDS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "depmod": "kmod",
}
ADMINISTRATORS = "/usr/local/sbin:/usr/sbin:/sbin"


def environment() -> dict[str, str]:
    """The environment to boot in: virtme-ng looks for its own programs on PATH."""
    programs = Path(sys.executable).parent
    path = f"{programs}:{os.environ.get('PATH', os.defpath)}:{ADMINISTRATORS}"
    _system(path)
    if shutil.which("vng", path=path) is None:
        raise Unavailable("virtme-ng is missing: pip install '.[vm]' (make vmtest does so)")
    return {**os.environ, "PATH": path}


def _system(path: str) -> None:
    missing = [package for tool, package in NEEDS.items() if not shutil.which(tool, path=path)]
    if not missing:
        return
    how = f"apt-get install {' '.join(missing)}"
    if os.environ.get("NO_INSTALL") or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable(f"programs are missing: {how}")
    print(f"installing {' '.join(missing)}", flush=True)
    words = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", "update"], env=quiet, check=False)
    if subprocess.run(words, env=quiet, check=False).returncode != 0:
        raise Unavailable(f"could not install: {how}")
