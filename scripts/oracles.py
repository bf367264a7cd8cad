"""The real tools that tests and benchmarks compare with: where they are, how to get them.

In: nothing, or `--install` (as root on Debian or Ubuntu: fetch the packages of missing tools).
Out: one line a tool: its path, or the package that has it. Always status 0: whether a missing tool
is a failure is for the tests to say (PROBEE_REQUIRE=oracles).

With NO_INSTALL=1 in the environment the system is left alone. Standard library only: this runs
before anything else is installed. What this system's own packages lack is fetched into a folder
(fetched.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # started as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts import fetched
from scripts.debian import Unavailable

# Where Debian keeps administrators' programs, which is not on every user's PATH.
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])

ALWAYS = "always"  # without it a test is missed
REACHABLE = "reachable"  # from a suite that may vanish: no test needs it
ASKED = "asked"  # for tests that somebody asks for: not fetched with the others


class Oracle(NamedTuple):
    """`names`: the first that exists is the tool. `packages`: alternatives, each of some words.

    Without names the tool is a row of fetched.py. `need`: see above.
    """

    tool: str
    names: tuple[str, ...]
    packages: tuple[str, ...]
    why: str
    need: str = ALWAYS


def _llvm(tool: str) -> tuple[str, ...]:
    """Old LLVMs know fewer instructions; anything from 18 on serves."""
    return (*(f"{tool}-{version}" for version in (19, 20, 21, 18)), tool)


CORPUS = "compiles the corpus of objects"

# fmt: off
ORACLES = (
    Oracle("bpftool", ("bpftool",), ("bpftool", "linux-tools-generic"), "shows what is loaded"),
    Oracle("clang", _llvm("clang"), ("clang-19", "clang"), "compiles C to BPF and to BTF"),
    Oracle("clang-14", ("clang-14",), ("clang-14",), CORPUS),
    Oracle("clang-16", ("clang-16",), ("clang-16",), CORPUS),
    Oracle("clang-19", ("clang-19",), ("clang-19",), CORPUS),
    Oracle("llvm-mc", _llvm("llvm-mc"), ("llvm-19", "llvm"), "assembles BPF"),
    Oracle("llvm-objdump", _llvm("llvm-objdump"), ("llvm-19", "llvm"), "disassembles BPF"),
    Oracle("llvm-objcopy", _llvm("llvm-objcopy"), ("llvm-19", "llvm"), "takes sections out"),
    Oracle("llvm-strip", _llvm("llvm-strip"), ("llvm-19", "llvm"), "takes DWARF out"),
    Oracle("llvm-readelf", _llvm("llvm-readelf"), ("llvm-19", "llvm"), "reads ELF"),
    Oracle("readelf", ("readelf",), ("binutils",), "reads ELF"),
    Oracle("objdump", ("objdump",), ("binutils",), "disassembles x86-64, in the words of GNU"),
    Oracle("pahole", ("pahole",), ("pahole", "dwarves"), "prints types from BTF"),
    Oracle("gcc", ("gcc", "cc"), ("gcc libc6-dev",), "builds load generators"),
    Oracle("strace", ("strace",), ("strace",), "says what a process really did"),
    Oracle("opensnoop", ("opensnoop-libbpf", "opensnoop"), ("libbpf-tools",), "the C peer"),
    Oracle("bpftrace", ("bpftrace",), ("bpftrace",), "a peer"),
    Oracle("dot", ("dot",), ("graphviz",), "draws graphs"),
    Oracle("bash", ("bash",), ("bash",), "completes words"),
    Oracle("zsh", ("zsh",), ("zsh",), "completes words"),
    Oracle("fish", ("fish",), ("fish",), "completes words"),
    Oracle("mandoc", ("mandoc",), ("mandoc",), "judges manual pages"),
    Oracle("groff", ("groff",), ("groff",), "renders manual pages"),
    Oracle("man", ("man",), ("man-db",), "shows manual pages"),
    Oracle("ip", ("ip",), ("iproute2",), "makes interfaces of network namespaces"),
    Oracle("tc", ("tc",), ("iproute2",), "attaches programs to traffic control"),
    Oracle("debootstrap", ("debootstrap",), ("debootstrap",), "makes an empty Debian"),
    Oracle("readelf-2.44", (), ("binutils",), "reads ELF, in the words of Debian 13"),
    Oracle("bpftool-7.5", (), ("bpftool",), "shows what is loaded, in the words of Debian 13"),
    Oracle("clang-13", (), ("clang-13",), CORPUS),
    Oracle("clang-18", (), ("clang-18",), CORPUS),
    Oracle("clang-22", (), ("clang-22",), CORPUS),
    Oracle("llvm-objdump-22", (), ("llvm-22",), "disassembles BPF of after LLVM 19"),
    Oracle("clang-11", (), ("clang-11",), CORPUS, REACHABLE),
    Oracle("clang-12", (), ("ziglang",), CORPUS, ASKED),
    Oracle("clang-15", (), ("clang-15",), CORPUS, ASKED),
    Oracle("clang-17", (), ("clang-17",), CORPUS, ASKED),
    Oracle("clang-20", (), ("ziglang",), CORPUS, ASKED),
    Oracle("clang-21", (), ("clang-21",), CORPUS, ASKED),
)
# fmt: on


def find(tool: str) -> str | None:
    """The path of `tool`, or None. KeyError if it stands in no row."""
    row = next((row for row in ORACLES if row.tool == tool), None)
    if row is None:
        raise KeyError(tool)
    if not row.names:
        return fetched.find(tool)
    paths = (shutil.which(name, path=SEARCH) for name in row.names)
    return next((path for path in paths if path), None)


def how_to_get(tool: str) -> str:
    """A sentence for a message: the package that has `tool`."""
    row = next(row for row in ORACLES if row.tool == tool)
    if not row.names:
        return f"{tool} is missing: scripts/fetched.py {tool} fetches it"
    return f"{tool} is missing: apt-get install {row.packages[0]}"


def _apt_get(*words: str) -> int:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", "-q", *words], env=environment, check=False).returncode


def install(rows: list[Oracle]) -> None:
    """Fetch the packages of `rows`, one alternative after the other."""
    if _apt_get("update") != 0:
        print("apt-get update failed; trying with the lists that are there", file=sys.stderr)
    for row in rows:
        print(f"installing {row.tool} ({row.why})", flush=True)
        for package in row.packages:
            if find(row.tool):
                break
            _apt_get("install", "-y", "--no-install-recommends", *package.split())


def fetch_missing() -> None:
    """Fetch what this system's packages lack and what is not there yet; this needs no root."""
    for row in ORACLES:
        if row.names or row.need == ASKED or find(row.tool):
            continue
        print(f"fetching {row.tool} ({row.why})", flush=True)
        try:
            fetched.fetch(row.tool)
        except (Unavailable, OSError) as error:
            print(f"{row.tool}: {error}", file=sys.stderr)


def main(words: list[str]) -> int:
    """`words` is empty or `--install`. Prints, and returns the exit status."""
    missing = [row for row in ORACLES if row.names and find(row.tool) is None]
    if "--install" in words and not os.environ.get("NO_INSTALL"):
        fetch_missing()
    if missing and "--install" in words:
        if os.environ.get("NO_INSTALL"):
            print("NO_INSTALL is set: no package is installed")
        elif os.geteuid() != 0 or shutil.which("apt-get") is None:
            print("not root on Debian or Ubuntu: no package is installed")
        else:
            install(missing)
    for row in ORACLES:
        path = find(row.tool)
        if path is None and row.need == ALWAYS:
            print(f"  {row.tool:13} missing: {row.why}; package {row.packages[0]}")
        elif path and "--install" not in words:
            print(f"  {row.tool:13} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
