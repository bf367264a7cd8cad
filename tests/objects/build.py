"""The corpus of BPF objects: the C files of this folder as clang 11 to 22 compile them.

Clang 14, 16 and 19 compile all of them, some others what tells compilers apart. With
PROBEE_CLANGS=all in the environment each of them compiles all that it takes.

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
from typing import TYPE_CHECKING, NamedTuple

from scripts import oracles

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
OUTPUT = HERE.parents[1] / ".output" / "objects"
OLDEST = (11,) if oracles.find("clang-11") else ()  # of a suite that may vanish
EVERY = (*OLDEST, *range(12, 23))
ALL = os.environ.get("PROBEE_CLANGS") == "all"
COMPILERS = EVERY if ALL else (14, 16, 19)
OTHERS = () if ALL else (*OLDEST, 13, 18, 22)
BOTH = ("little", "big")
TARGETS = {"little": "bpfel", "big": "bpfeb"}


class Source(NamedTuple):
    """A C file: the first clang that takes it, and the options it needs besides -g -O2."""

    name: str
    since: int = 11
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
    Source("shown"),
    Source("attached"),
    Source("hooks"),
    Source("attachable"),
    Source("maps"),
    Source("nested"),
    Source("static_maps"),
    Source("legacy_maps"),
    Source("kconfig"),
    Source("ksyms", 12),  # before, functions of the kernel have no type
    Source("struct_ops"),
    Source("kinds"),
    Source("floats"),
    Source("core_fields"),
    Source("core_types", 12),
    Source("core_kernel", 12),
    Source("core_matches", 15),  # the built-in's third question
    Source("enum64", 12),  # before 15 what fits 32 bits is written, without BTF_KIND_ENUM64
    Source("atomics"),
    Source("fetching", 12, "-mcpu=v3"),
    Source("extended", 18, "-mcpu=v4"),
    Source("arena", 19),  # address spaces in BPF code
    Source("ordered", 21, "-mcpu=v4"),
    Source("switches", 22, "-mcpu=v4"),
    Source("link_one"),
    Source("link_two"),
)
# What the other compilers compile: relocations, sections, maps, data, externs, types, records.
BY_OTHERS = (
    "relocs", "calls", "data", "maps", "static_maps", "kconfig", "ksyms", "struct_ops", "kinds",
    "floats", "core_fields", "core_types", "enum64", "extended", "arena", "ordered",
    "switches",
)
# What is compiled in further ways: an ISA level, less optimized, no debugging, DWARF 4, stripped.
LEVELS = (("v1", 11), ("v2", 11), ("v3", 11), ("v4", 18))
LEVELLED = ("atomics", "relocs", "core_fields")
OPTIMIZED = ("-O1", "-Os") if ALL else ()
UNDEBUGGED = ("smallest", "relocs", "strings", "symbols")
STRIPPED = ("smallest", "relocs", "calls", "data", "maps", "struct_ops", "kinds", "core_fields")
# What the BPF linker makes one object of; it takes its own byte order only.
LINKED = (
    ("link_one", "link_two"), ("relocs",), ("data",), ("calls",), ("nested",), ("static_maps",),
    ("maps",), ("kconfig",), ("ksyms",), ("struct_ops",), ("core_fields",), ("kinds",),
    ("static_maps", "data"),
)
# fmt: on


def _plain() -> Iterator[Object]:
    for source in SOURCES:
        others = OTHERS if source.name in BY_OTHERS else ()
        for compiler in (*COMPILERS, *others):
            if compiler >= source.since:
                for endian in BOTH:
                    yield Object((source.name,), compiler, endian, source.flags)


def _further() -> Iterator[Object]:
    """The same files compiled in other ways."""
    for compiler in COMPILERS:
        flags = [f"-mcpu={level}" for level, since in LEVELS if compiler >= since]
        for flag in (*flags, *OPTIMIZED):
            for name in LEVELLED:
                for endian in BOTH:
                    yield Object((name,), compiler, endian, flag)
    for endian in BOTH:
        for name in UNDEBUGGED:
            yield Object((name,), 19, endian, debug=False)
        yield Object(("relocs",), 14, endian, "-gdwarf-4")
        for compiler in EVERY if ALL else (14, 19):
            for name in STRIPPED:
                yield Object((name,), compiler, endian, stripped=True)


def _linked() -> Iterator[Object]:
    since = {source.name: source.since for source in SOURCES}
    for compiler in (*COMPILERS, *OTHERS):
        for names in LINKED if compiler in COMPILERS else LINKED[:1]:
            if all(compiler >= since[name] for name in names):
                yield Object(names, compiler, stripped=True, linked=True)


@cache
def objects() -> tuple[Object, ...]:
    """Every row, the plain ones first."""
    return (*_plain(), *_further(), *_linked())


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
