"""Real tools of a newer Debian than this one: fetched with apt, unpacked into a folder, run there.

In: the name of a row, such as "readelf-2.44".
Out: `find`, the path of a program that runs it, or None; `fetch`, which makes it. The tool runs
with the libraries of its own suite, by its own dynamic loader: no chroot, no root, and nothing of
this system is touched.

Kept in probee-tests in the user's cache folder. Standard library only, as scripts/oracles.py.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # started as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.debian import Suite, Unavailable, run


class Newer(NamedTuple):
    """`program`: its path in the package. `says`: what its --version prints."""

    tool: str
    suite: str
    package: str
    program: str
    says: str


# fmt: off
NEWER = (
    Newer("readelf-2.44", "trixie", "binutils", "usr/bin/readelf", "Debian) 2.44\n"),
    Newer("bpftool-7.5", "trixie", "bpftool", "usr/sbin/bpftool", "bpftool v7.5.0\n"),
)
# fmt: on

# --argv0: what the tool calls itself in its messages.
START = """#!/bin/sh
exec '{loader}' --argv0 {name} --library-path '{libraries}' '{program}' "$@"
"""


def cache_folder() -> Path:
    """Where tools are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "probee-tests" / "newer"


def row_of(tool: str) -> Newer | None:
    """The row of `tool`, if it is one of these."""
    return next((row for row in NEWER if row.tool == tool), None)


def find(tool: str) -> str | None:
    """The path of a program that runs `tool`, if it has been fetched. KeyError if it has no row."""
    if row_of(tool) is None:
        raise KeyError(tool)
    start = cache_folder() / tool / "start"
    return str(start) if start.exists() else None


def fetch(tool: str) -> str:
    """The same, fetched now if it is not there. Raises Unavailable; KeyError if it has no row."""
    row = row_of(tool)
    if row is None:
        raise KeyError(tool)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find(tool)
        if found is None:
            _make(row, cache_folder() / tool)
            found = str(cache_folder() / tool / "start")
    return found


def _make(row: Newer, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    suite = Suite(row.suite, "Debian", cache_folder() / "apt" / row.suite)
    suite.unpack_whole([row.package], folder)
    start = folder / "new"
    start.write_text(_start(row, folder), encoding="utf-8")
    start.chmod(0o755)
    printed = run(str(start), "--version")
    if row.says not in printed:
        raise Unavailable(f"{row.suite} has no {row.tool}: {printed.splitlines()[:1]}")
    start.rename(folder / "start")  # last: without it a folder is an attempt that was broken off


def _start(row: Newer, folder: Path) -> str:
    """A shell script that runs the unpacked program with the libraries beside it."""
    loaders = sorted(folder.glob("usr/lib*/**/ld-linux*.so.*")) or sorted(folder.glob("lib*/ld-*"))
    program = folder / row.program
    if not loaders or not program.exists():
        raise Unavailable(f"the packages of {row.tool} hold no {row.program}, or no loader")
    folders = {path.parent for path in folder.glob("usr/lib/**/*.so.*")}
    return START.format(
        loader=loaders[0],
        name=program.name,
        libraries=":".join(str(one) for one in sorted(folders)),
        program=program,
    )


def main(words: list[str]) -> int:
    """Fetches the tools named in `words`, or all; prints where they are."""
    for tool in words or [row.tool for row in NEWER]:
        print(f"  {tool:13} {fetch(tool)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
