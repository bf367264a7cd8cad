"""An empty Debian to try things in: nothing but the base system and python3.

In: a suite (bookworm has Python 3.11, trixie 3.13), a checkout, a command.
Out: `tree(suite)`, made once by debootstrap and kept under ~/.cache/probee-tests; `command(...)`,
words that run something in it, the checkout at /probee read-only. Every mount lies in a mount
namespace of that command, and what it writes goes to memory: nothing is left.

    python3 scripts/empty_debian.py trixie python3 -m probee opensnoop -p 42

The mirror is the one that this system's own apt uses.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":  # started as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts import oracles

ROOT = Path(__file__).parent.parent
SUITES = ("bookworm", "trixie")
ENTER = """
set -e
tree=$1 checkout=$2 work=$3
shift 3
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/scratch" "$work/root"
mount -t overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/scratch" overlay "$work/root"
cd "$work/root"
mkdir probee
mount --bind "$checkout" probee
mount -o remount,bind,ro probee
mount -t proc proc proc
mount -t sysfs sysfs sys
exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    sh -c 'cd /probee && exec "$@"' sh "$@"
"""


class NoDebianError(Exception):
    """Why there can be no empty Debian here, as a sentence."""


def mirror() -> str:
    """Where this system gets Debian's packages from."""
    rows = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(LABEL)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    found = [uri for uri, _, label in (row.partition("|") for row in rows) if label == "Debian"]
    if not found:
        raise NoDebianError("apt here has no list of Debian's packages (apt-get update?)")
    return found[0]


def cache() -> Path:
    """Where trees are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "probee-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tree(suite: str) -> Path:
    """The root of an empty `suite`, made now if it is not there. NoDebianError if it cannot be."""
    folder = cache() / suite
    with (cache() / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _make(suite, folder)
    return folder


def _make(suite: str, folder: Path) -> None:
    debootstrap = oracles.find("debootstrap")
    if debootstrap is None:
        raise NoDebianError(oracles.how_to_get("debootstrap"))
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", debootstrap, "--variant=minbase",
         "--include=python3", suite, fresh, mirror()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise NoDebianError(f"debootstrap {suite}: {(done.stdout + done.stderr).strip()[-300:]}")
    shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
    fresh.rename(folder)


def command(suite: str, checkout: Path, work: Path, *words: str) -> list[str]:
    """Words that run `words` in an empty `suite`; `work` is an empty folder to mount on.

    The process that they start is the process of `words`, so signals reach it.
    """
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
    return [*enter, str(tree(suite)), str(checkout), str(work), *words]


def main(words: list[str]) -> int:
    """Runs a command, returns its status."""
    if len(words) < 2 or words[0] not in SUITES:
        print(f"usage: empty_debian.py {'|'.join(SUITES)} COMMAND...", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as work:
        line = command(words[0], ROOT, Path(work), *words[1:])
        return subprocess.run(line, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
