"""opensnoop's rows of one list of opens, to be held against those that it shows on other kernels.

In: as a program, the file to write. Out: in it, as JSON, whether the tool traced exits alone or
pairs of entry and exit, which it finds out by probing, and the rows of each view. `differences`
compares two such files. What must differ is left out: numbers of processes, times, the folder.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import kernel_state
from tests.kernel.opensnoop_support import expected, runs_pair, seen, snooped
from tests.support import Spawn

# In memory, for files there have handles on every kernel.
MEMORY = "/dev/shm"
VIEWS = {
    "names": ("-e", "--syscall"),
    "paths": ("-e", "--syscall", "-F"),
    "pairs": ("-e", "--syscall", "--pair"),
}
PREPARE = """
base = {base!r}.encode()
os.chdir(base)
os.mkdir('below')
os.symlink('made', 'link')
here, below = os.open('.', os.O_PATH), os.open('below', os.O_PATH)
handle, mount = (ctypes.c_uint32 * 34)(128), ctypes.c_int()
os.close(os.open('held', os.O_CREAT | os.O_RDWR))
assert call(303, L(-100), b'held', ctypes.byref(handle), ctypes.byref(mount), L(0)) == 0
ground = os.open('.', os.O_RDONLY)
def held(flags):
    note('handle', None, call(304, L(ground), ctypes.byref(handle), L(flags)), flags)
"""
OPENS = """
for way in (open_, openat, openat2):
    way(b'/dev/null')
    way(base + b'/made', os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    way(b'made', os.O_CREAT | os.O_EXCL, 0o600)
    way(b'link', os.O_WRONLY)
    way(b'none')
    way(b'below/../none')
    way(b'below', os.O_RDONLY | os.O_DIRECTORY)
    way(b'')
    way(b'na\\xffme \\n\\x1b[1m', os.O_CREAT | os.O_WRONLY, 0o600)
    way(b'x' * 300)
for way in (openat, openat2):
    way(b'../made', at=below)
    way(b'none', at=below)
    way(b'made', at=99)
    way(b'.', os.O_TMPFILE | os.O_RDWR, 0o600, at=here)
creat(b'created', 0o604)
creat(b'below', 0o644)
held(os.O_RDONLY)
held(os.O_RDWR)
os.unlink('held')
"""
SECONDS = 450  # at most, for all views
LEFT_OUT = ("pid", "comm")


def shown(base: str, words: tuple[str, ...]) -> list[dict[str, Any]]:
    """What opensnoop with these options shows of the opens, done in the folder `base`."""
    spawn = Spawn()
    try:
        prepare = PREPARE.format(base=base)
        calls, rows = snooped(spawn, OPENS, *words, prepare=prepare)
    finally:
        spawn.end()
    if "-F" not in words and [seen(row) for row in rows] != [expected(call) for call in calls]:
        raise AssertionError(f"shown: {rows}\ndone: {calls}")
    kept = [{k: v for k, v in row.items() if k not in LEFT_OUT} for row in rows]
    for row in kept:
        if row["path"] is not None:  # a file without a name goes by the number of its inode
            row["path"] = re.sub(r"^BASE/#[0-9]+$", "BASE/#", row["path"].replace(base, "BASE"))
    return kept


def differences(reference: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """A line for each view that shows something else: the first row that does."""
    out = []
    for view, options in VIEWS.items():
        wanted, got = reference["views"][view], found["views"][view]
        if got == wanted:
            continue
        pairs = enumerate(zip([*wanted, None], [*got, None], strict=False))
        at, (theirs, ours) = next((at, pair) for at, pair in pairs if pair[0] != pair[1])
        out.append(f"opensnoop {' '.join(options)}, row {at}: {_told(ours, theirs)}")
    return out


def _told(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    """Two rows, as far as they differ."""
    if ours is None or theirs is None:
        return f"{ours}, elsewhere {theirs}"
    keys = [key for key in theirs | ours if ours.get(key) != theirs.get(key)]
    name = ours.get("path")
    said = ", ".join(f"{key} {ours.get(key)!r}, elsewhere {theirs.get(key)!r}" for key in keys)
    return f"{name!r}: {said}"


class Unseen(Exception):
    """opensnoop showed nothing of use on this machine, though it could; the message says why."""


def of_this_machine(file: Path) -> dict[str, Any] | None:
    """What the kernel below shows, in a process of its own; None where nobody may ask it.

    Raises Unseen.
    """
    reason = kernel_state.why_no_bpf()
    if reason:
        print(f"opensnoop's rows are not compared with this machine's: {reason}", flush=True)
        return None
    run = [sys.executable, "-m", "vmtest.rows", str(file)]
    try:
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Unseen(f"not done after {SECONDS} s") from None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise Unseen(": ".join([f"status {done.returncode}", *last]))
    return read(file)


def read(file: Path) -> dict[str, Any]:
    """What such a process wrote."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def main(words: list[str]) -> int:
    """Writes the file at once when all is known."""
    (name,) = words
    found: dict[str, Any] = {"variant": "pair" if runs_pair(()) else "exit-only", "views": {}}
    for view, options in VIEWS.items():
        with tempfile.TemporaryDirectory(prefix="vmtest-", dir=MEMORY) as base:
            found["views"][view] = shown(base, options)
    Path(name).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
