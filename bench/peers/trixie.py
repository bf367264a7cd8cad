"""Debian 13 in a folder of its own: newer peers than the machine's, and bcc with headers.

In: debootstrap, and apt as this machine is set up, whose lists say where Debian is. Out: `prepare`
makes the folder once and keeps it; `enter` mounts what programs in there need, in this process's
own mount namespace (surroundings.py), so that nothing stays mounted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench import surroundings
from scripts import oracles
from scripts.debian import Unavailable, archive

SUITE = "trixie"
# bcc compiles C against headers: those of Debian's kernel are lent to the one that runs.
PACKAGES = ("libbpf-tools", "bpftrace", "python3-bpfcc", "bpfcc-tools", "linux-headers-amd64")
MARK = "probee-bench"  # written last: what it was made with
OWN = "opt/probee-bench"  # our programs for the peers, in the folder
PROGRAMS = Path(__file__).parent / "programs"


def cache_folder() -> Path:
    """Where peers are kept: PROBEE_BENCH_CACHE, or probee-bench in the user's cache folder."""
    if chosen := os.environ.get("PROBEE_BENCH_CACHE"):
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "probee-bench"


def prepare(cache: Path) -> Path:
    """The folder, made if it is not there or not whole. Raises Unavailable."""
    folder, wanted = cache / SUITE, " ".join(PACKAGES)
    mark = folder / MARK
    if mark.exists() and mark.read_text() == wanted:
        return folder
    debootstrap = oracles.find("debootstrap")
    if debootstrap is None:
        raise Unavailable(oracles.how_to_get("debootstrap"))
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    words = [debootstrap, "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE]
    done = subprocess.run(
        [*words, folder, archive("Debian")], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Unavailable(f"debootstrap of {SUITE}: {' '.join(last)}")
    mark.write_text(wanted)
    return folder


def enter(folder: Path) -> None:
    """Mounts /proc and /sys in there, lends it headers, and puts our programs into it."""
    surroundings.mount("proc", folder / "proc", "proc")
    surroundings.mount("/sys", folder / "sys", flags=surroundings.MS_BIND | surroundings.MS_REC)
    modules = folder / "lib" / "modules"
    lent, running = sorted(modules.glob("*-amd64")), modules / os.uname().release
    if lent and not running.exists():
        running.symlink_to(lent[-1].name)
    shutil.copytree(PROGRAMS, folder / OWN, dirs_exist_ok=True)


def python(folder: Path) -> str:
    """The version of its interpreter: "3.13". Raises Unavailable."""
    found = sorted((folder / "usr" / "lib").glob("python3.*"))
    if not found:
        raise Unavailable(f"{folder} has no Python")
    return found[-1].name.removeprefix("python")
