"""Kernels out of Debian's packages, unpacked into a folder and ready to boot.

In: a row of kernels.py; apt as this machine is set up, whose own lists say where the archives are.
Out: a `Ready` kernel. It is kept in the cache folder, so apt is asked once for each kernel.

The system's own lists and packages are not touched (scripts/debian.py).
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from scripts.debian import Suite, Unavailable, run
from vmtest.kernels import Kernel

MARK = "release"  # written last: without it a folder is an attempt that was broken off


class Ready(NamedTuple):
    """`image`: the kernel's file; beside it, in ../lib/modules, are its modules."""

    series: str
    release: str
    image: Path


def cache_folder() -> Path:
    """Where kernels are kept: VMTEST_CACHE, or probee-vmtest in the user's cache folder."""
    if chosen := os.environ.get("VMTEST_CACHE"):
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "probee-vmtest"


def prepare(kernel: Kernel, cache: Path, *, fresh: bool = False) -> Ready:
    """The kernel from the cache, or from Debian. Raises Unavailable."""
    folder = cache / kernel.series
    mark = folder / MARK
    if fresh and folder.exists():
        shutil.rmtree(folder)
    if not mark.exists():
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        release = _fetch(kernel, folder, cache)
        _arrange(folder, release)
        mark.write_text(release + "\n", encoding="ascii")
    release = mark.read_text(encoding="ascii").strip()
    return Ready(kernel.series, release, folder / "boot" / f"vmlinuz-{release}")


def newest(series: str, machine: str, names: list[str]) -> str | None:
    """The newest release of `series` among names of packages, without the other flavours.

    >>> newest("5.10", "amd64", ["linux-image-5.10.0-9-amd64", "linux-image-5.10.0-32-amd64"])
    '5.10.0-32-amd64'
    """
    form = re.compile(rf"linux-image-({re.escape(series)}\.[0-9.]+[-+][a-z0-9]+-{machine})")
    found = [match[1] for name in names if (match := form.fullmatch(name))]
    return max(found, key=lambda r: [int(n) for n in re.findall(r"[0-9]+", r)], default=None)


def _fetch(kernel: Kernel, folder: Path, cache: Path) -> str:
    """Downloads and unpacks the newest release of the series; returns it."""
    print(f"{kernel.series}: looking in {kernel.suite}", flush=True)
    suite = Suite(kernel.suite, kernel.archive, cache / "apt" / kernel.suite)
    machine = run("dpkg", "--print-architecture").strip()
    names = suite.names("linux-")
    release = newest(kernel.series, machine, names)
    if release is None:
        others = [name for name in names if re.fullmatch(rf"linux-image-[0-9].*-{machine}", name)]
        there = ", ".join(sorted(others)) or "none"
        raise Unavailable(f"{kernel.suite} has no kernel {kernel.series} (there: {there})")
    # Newer packages split the image: linux-image depends on linux-binary and linux-modules.
    parts = [f"linux-{part}-{release}" for part in ("image", "binary", "modules")]
    wanted = [part for part in parts if part in names]
    print(f"{kernel.series}: downloading {' '.join(wanted)}", flush=True)
    suite.unpack(wanted, folder)
    return release


def _arrange(folder: Path, release: str) -> None:
    """One place for all packages: boot/vmlinuz-RELEASE, lib/modules/RELEASE with its indexes."""
    modules = folder / "lib" / "modules"
    if not modules.exists():
        modules.parent.mkdir(exist_ok=True)
        modules.symlink_to("../usr/lib/modules")
    image = folder / "boot" / f"vmlinuz-{release}"
    if not image.exists():
        image.parent.mkdir(exist_ok=True)
        beside = modules / release / "vmlinuz"
        if not beside.exists():
            raise Unavailable(f"the packages of {release} hold no vmlinuz")
        shutil.copy(beside, image)
    depmod = shutil.which("depmod", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if depmod is None:
        raise Unavailable("depmod is missing: apt-get install kmod")
    run(depmod, "-b", str(folder), release)
