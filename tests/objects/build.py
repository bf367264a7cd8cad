"""The corpus of BPF objects: every C file of this folder as clang 14, 16 and 19 compile it.

In: the C files, and the compilers that this machine has. Out: rows (`objects()`) that say what to
build, and `path(row)`, which builds a row once and keeps it below .output/objects under a name made
of everything that went into it. `python -m tests.objects.build` builds all of them and lists them.

A test takes rows as parameters and the fixture `built` for their files:

    @pytest.mark.parametrize("row", objects(), ids=str)
    def test_something(row: Object, built: Callable[[Object], Path]) -> None: ...
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from scripts import oracles

HERE = Path(__file__).parent
OUTPUT = HERE.parents[1] / ".output" / "objects"
COMPILERS = (14, 16, 19)
BOTH = ("little", "big")
TARGETS = {"little": "bpfel", "big": "bpfeb"}


class Source(NamedTuple):
    """A C file: which versions of clang take it, and the options it needs besides -g -O2."""

    name: str
    compilers: tuple[int, ...] = COMPILERS
    flags: str = ""


class Object(NamedTuple):
    """An object to build: `sources` compiled with `flags`, joined by the BPF linker if `linked`.

    `stripped`: without DWARF, as tools are shipped. `debug`: with -g, hence with BTF.
    """

    sources: tuple[str, ...]
    compiler: int
    endian: str = "little"
    flags: str = ""
    debug: bool = True
    stripped: bool = False
    linked: bool = False

    def __str__(self) -> str:
        words = ["+".join(self.sources), f"clang-{self.compiler}", TARGETS[self.endian]]
        words += [flag.removeprefix("-") for flag in self.flags.split()]
        words += [] if self.debug else ["nodebug"]
        words += [name for name in ("stripped", "linked") if getattr(self, name)]
        return " ".join(words)

    @property
    def tools(self) -> tuple[str, ...]:
        """What must be there to build it: rows of scripts/oracles.py."""
        names = [f"clang-{self.compiler}"]
        return (*names, *["llvm-strip"] * self.stripped, *["bpftool"] * self.linked)


class MissingToolError(Exception):
    """A tool that an object is built with is not on this machine."""


# fmt: off
SOURCES = (
    Source("smallest"),
    Source("relocs"),
    Source("calls"),
    Source("own_section"),
    Source("data"),
    Source("strings"),
    Source("symbols"),
    Source("shown", (19,)),
    Source("attached", (19,)),
    Source("hooks"),
    Source("attachable"),
    Source("maps"),
    Source("nested"),
    Source("static_maps"),
    Source("legacy_maps"),
    Source("kconfig"),
    Source("ksyms"),
    Source("struct_ops"),
    Source("kinds"),
    Source("core_fields"),
    Source("core_types"),
    Source("core_kernel"),
    Source("core_matches", (16, 19)),  # the built-in's third question: LLVM 15
    Source("enum64"),  # clang 14 writes what fits 32 bits: BTF_KIND_ENUM64 is of LLVM 15
    Source("atomics"),
    Source("fetching", flags="-mcpu=v3"),
    Source("extended", (19,), "-mcpu=v4"),  # LLVM 18
    Source("arena", (19,)),  # address spaces in BPF code: LLVM 19
    Source("link_one"),
    Source("link_two"),
)
# What is compiled in further ways: an ISA level, no debugging, DWARF 4, stripped.
LEVELS = (("v1", COMPILERS), ("v2", COMPILERS), ("v3", COMPILERS), ("v4", (19,)))
LEVELLED = ("atomics", "relocs", "core_fields")
UNDEBUGGED = ("smallest", "relocs", "strings", "symbols")
STRIPPED = ("smallest", "relocs", "calls", "data", "maps", "struct_ops", "kinds", "core_fields")
# What the BPF linker makes one object of; it takes its own byte order only.
LINKED = (
    ("link_one", "link_two"), ("relocs",), ("data",), ("calls",), ("nested",), ("static_maps",),
    ("maps",), ("kconfig",), ("ksyms",), ("struct_ops",), ("core_fields",), ("kinds",),
    ("static_maps", "data"),
)
# fmt: on


@cache
def objects() -> tuple[Object, ...]:
    """Every row, the plain ones first."""
    flags = {source.name: source.flags for source in SOURCES}
    rows = [
        Object((source.name,), compiler, endian, source.flags)
        for source in SOURCES
        for compiler in source.compilers
        for endian in BOTH
    ]
    rows += [
        Object((name,), compiler, endian, f"-mcpu={level}")
        for name in LEVELLED
        for level, compilers in LEVELS
        for compiler in compilers
        for endian in BOTH
    ]
    rows += [Object((name,), 19, endian, debug=False) for name in UNDEBUGGED for endian in BOTH]
    rows += [Object((name,), 14, endian, "-gdwarf-4") for name in ("relocs",) for endian in BOTH]
    rows += [
        Object((name,), compiler, endian, stripped=True)
        for name in STRIPPED
        for compiler in (14, 19)
        for endian in BOTH
    ]
    rows += [
        Object(names, compiler, flags=flags[names[0]], stripped=True, linked=True)
        for names in LINKED
        for compiler in COMPILERS
    ]
    return tuple(rows)


@cache
def _version(tool: str) -> str:
    found = oracles.find(tool)
    if found is None:
        raise MissingToolError(oracles.how_to_get(tool))
    said = subprocess.run([found, "--version"], capture_output=True, check=True, text=True)
    return f"{found} {said.stdout}"


@cache
def _text(name: str) -> bytes:
    return (HERE / name).read_bytes()


def _key(row: Object) -> str:
    """A digest of everything that the bytes of the object depend on."""
    parts = [repr(row).encode(), *(_version(tool).encode() for tool in row.tools), _text("bpf.h")]
    parts += [_text(f"{name}.c") for name in row.sources]
    parts.append(_text(Path(__file__).name))
    return sha256(b"\0".join(parts)).hexdigest()[:20]


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, check=False, text=True, cwd=HERE)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr}")


def _compile(row: Object, name: str, to: str) -> None:
    clang = oracles.find(f"clang-{row.compiler}")
    debug = ["-g"] if row.debug else ["-g0"]
    target = ["-target", TARGETS[row.endian]]
    _run(str(clang), *target, *debug, "-O2", *row.flags.split(), "-c", f"{name}.c", "-o", to)
    if row.stripped:
        _run(str(oracles.find("llvm-strip")), "-g", to)


def path(row: Object) -> Path:
    """The object's file, built if it is not there. MissingToolError where a tool is missing."""
    file = OUTPUT / f"{'+'.join(row.sources)}.{row.compiler}.{_key(row)}.o"
    if file.exists():
        return file
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=OUTPUT) as folder:
        made = [f"{folder}/{name}.o" for name in row.sources]
        for name, to in zip(row.sources, made, strict=True):
            _compile(row, name, to)
        whole = made[0]
        if row.linked:
            whole = f"{folder}/whole"
            _run(str(oracles.find("bpftool")), "gen", "object", whole, *made)
        os.rename(whole, file)  # two test runs at once each find a whole file, or none
    return file


def main() -> int:
    """Builds all; prints a line each, and the status says whether all could be built."""
    failed = 0
    for row in objects():
        try:
            file = path(row)
            print(f"{file.stat().st_size:8} {file.name:44} {row}")
        except (MissingToolError, RuntimeError) as problem:
            failed += 1
            print(f"not built: {row}: {problem}", file=sys.stderr)
    print(f"{len(objects()) - failed} of {len(objects())} objects in {OUTPUT}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
