"""`probee readelf` prints what GNU readelf 2.44 prints: objects of clang and gcc, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.introspect.readelf import machines, reloc_names
from tests import readelf_pair
from tests.objects.build import Object, objects
from tests.readelf_objects import C_SOURCE, CXX_SOURCE, NOTES, header_of, one_of_each_relocation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.oracle("readelf-2.44")
EVERY = 12  # of the corpus of BPF objects one in so many is shown in all ways
GCC = {
    "plain": ("-O0",),
    "debug": ("-O2", "-g"),
    "sections": ("-O2", "-ffunction-sections", "-fdata-sections"),
    "pic": ("-O2", "-fPIC", "-fcommon"),
    "large": ("-Os", "-mcmodel=large"),
    "compressed": ("-O2", "-g", "-gz"),
    "features": ("-O1", "-fcf-protection", "-Wa,-mx86-used-note=yes"),
}
SETS_OF_WORDS: tuple[tuple[str, ...], ...] = (
    ("-a",), ("-a", "-W"), ("-h",), ("-S",), ("-SW",), ("-t",), ("-t", "-W"), ("-s",), ("-r",),
    ("-l",), ("-g",), ("-u",), ("-V",), ("-d",), ("-A",), ("-I",), ("-n",), ("-nW",), ("-e",),
    ("--syms", "-X"), ("-sT",), ("--sym-base=8", "-s"), ("--sym-base=16", "-s"), ("-sDr",),
    ("--dyn-syms", "--lto-syms"), ("-hL",), ("-ac",), ("-sr", "-Uh"),
    ("-x1", "-x2", "-x", "3", "-p4", "-R3", "--hex-dump=.text", "--string=.strtab", "-j5"),
    ("-x", ".BTF", "-p", ".BTF", "-R", ".debug_info", "-R", ".debug_line", "-R", ".BTF.ext"),
    ("-j", ".symtab", "-j1", "-j2", "-j3", "-j.rodata", "-j", ".strtab", "-j0", "-x", "77"),
    ("-z", "-x", ".debug_str", "-p", ".debug_info"),
)  # fmt: skip


WHOLE_CORPUS: tuple[tuple[str, ...], ...] = (
    ("-a", "-W"), ("-a",), ("-h",), ("-S",), ("-t",), ("-s",), ("-r",),
    tuple(f"-x{at}" for at in range(40)), tuple(f"-p{at}" for at in range(40)),
    tuple(f"-R{at}" for at in range(40)),
)  # fmt: skip


def _compile(compiler: str, source: Path, target: Path, *words: str) -> Path:
    subprocess.run([compiler, *words, "-c", str(source), "-o", str(target)], check=True)
    return target


@pytest.fixture
def corpus(built: Callable[[Object], Path]) -> list[Path]:
    """Every BPF object of tests/objects."""
    return [built(row) for row in objects()]


@pytest.fixture(scope="module")
def of_gcc(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Objects of x86-64, none where there is no gcc."""
    folder = tmp_path_factory.mktemp("objects")
    found: list[Path] = []
    for suffix, text in (("c", C_SOURCE), ("cc", CXX_SOURCE), ("s", NOTES)):
        (folder / f"source.{suffix}").write_text(text)
    for name, flags in GCC.items():
        for compiler, suffix in (("gcc", "c"), ("g++", "cc")):
            if shutil.which(compiler):
                source, target = folder / f"source.{suffix}", folder / f"{name}-{suffix}.o"
                found.append(_compile(compiler, source, target, *flags))
    if shutil.which("gcc"):
        found.append(_compile("gcc", folder / "source.s", folder / "notes.o"))
    return found


@pytest.fixture
def some(corpus: list[Path], of_gcc: list[Path]) -> list[Path]:
    """A part of the corpus, and what gcc makes."""
    return [*corpus[::EVERY], *of_gcc]


@pytest.fixture
def compare(oracle: Callable[[str], str]) -> Callable[[Sequence[str]], str]:
    """`compare(words)` is empty, or says how the two differ."""
    readelf = oracle("readelf-2.44")

    def run(words: Sequence[str]) -> str:
        return readelf_pair.difference(readelf_pair.real(readelf, words), readelf_pair.ours(words))

    return run


@pytest.mark.parametrize("words", WHOLE_CORPUS, ids=lambda words: " ".join(words[:3]))
def test_the_whole_corpus_is_shown_byte_for_byte(
    words: tuple[str, ...], corpus: list[Path], compare: Callable[[Sequence[str]], str]
) -> None:
    assert len(corpus) > 200
    assert compare((*words, *map(str, corpus))) == ""


@pytest.mark.parametrize("words", SETS_OF_WORDS, ids=" ".join)
def test_objects_are_shown_byte_for_byte(
    words: tuple[str, ...], some: list[Path], compare: Callable[[Sequence[str]], str]
) -> None:
    found = {path.name: compare((*words, str(path))) for path in some}
    assert not {name: text for name, text in found.items() if text}


def test_several_files_have_headings_and_one_status(
    some: list[Path], compare: Callable[[Sequence[str]], str], tmp_path: Path
) -> None:
    nothing, text = tmp_path / "nothing", tmp_path / "text"
    nothing.touch()
    text.write_text("no object, but long enough to hold the header of one: " + "x" * 64)
    words = [str(path) for path in (*some[:3], nothing, text, tmp_path, tmp_path / "none")]
    assert compare(["-hS", *words]) == ""
    assert compare([words[0], "-h", words[1], "--", words[2]]) == ""


def test_wrong_options_are_told_in_getopts_words(
    some: list[Path], oracle: Callable[[str], str]
) -> None:
    file = str(some[0])
    for words in (
        ["-q"], ["-hq", file], ["--foo=3", file], ["--sym", file], ["--d=3", file], ["--dwarf"],
        ["--sections=3", file], ["--hex-dump"], ["-x"], ["-i"], ["-i", "x", file], ["-h"],
        ["-hU"], ["--uni"],
    ):  # fmt: skip
        theirs, mine = readelf_pair.real(oracle("readelf-2.44"), words), readelf_pair.ours(words)
        assert (mine.status, mine.out) == (theirs.status, b"")
        assert mine.err.splitlines()[0] == theirs.err.splitlines()[0]


def test_options_that_are_abbreviated_or_odd(
    some: list[Path], compare: Callable[[Sequence[str]], str], tmp_path: Path
) -> None:
    file = str(some[-1])
    listed = tmp_path / "words"
    listed.write_text(f"-h '--sections' \\\n \"{file}\"")
    for words in (
        ["--file-h", "--prog"], ["-Ufoo", "-h"], ["--hex=0x1"], ["-x", "-1"], ["-x", ""],
        ["-x", " 2"], ["-x", "99999999999"], ["-p", "010"], ["--sym-base=9", "-s"],
        ["--sym-base", "-s"], ["--no-dem", "--no-recursion-limit", "--recurse", "-h"],
        ["--no-extra", "-Xs"], ["-X", "--no-extra", "-s"], ["-x.text", "-x", ".text"],
    ):  # fmt: skip
        assert compare([*words, file]) == ""
    assert compare([f"@{listed}"]) == ""
    assert compare([f"@{listed}none", "-h"]) == ""
    assert compare([f"@{tmp_path}", "-h"]) == ""
    listed.write_text(f'-S "{file}" @{listed}')
    assert compare([f"@{listed}"]) == ""


def test_all_machines_have_readelfs_names(oracle: Callable[[str], str], tmp_path: Path) -> None:
    numbers = sorted({*range(300), *machines.NAMES, 0xFFFF})
    files = [tmp_path / str(number) for number in numbers]
    for number, file in zip(numbers, files, strict=True):
        file.write_bytes(header_of(number))
    theirs = readelf_pair.real(oracle("readelf-2.44"), ["-h", *map(str, files)])
    lines = [line for line in theirs.out.decode().splitlines() if "Machine:" in line]
    shown = [f"  Machine:                           {machines.machine_name(n)}" for n in numbers]
    assert shown == lines


@pytest.mark.parametrize("tool", ["readelf-2.44", "readelf"])
def test_all_relocations_have_readelfs_names(
    tool: str, oracle: Callable[[str], str], tmp_path: Path
) -> None:
    compat = []
    if tool == "readelf":
        if not readelf_pair.is_2_40(oracle(tool)):
            pytest.skip("this system's readelf is not 2.40")
        compat = ["--compat=2.40"]
    for machine in (62, 183, 247):
        file = tmp_path / f"{machine}.o"
        file.write_bytes(one_of_each_relocation(machine, 1200))
        words = ["-rW", str(file)]
        theirs = readelf_pair.real(oracle(tool), words)
        assert readelf_pair.difference(theirs, readelf_pair.ours([*compat, *words])) == ""
    assert set(reloc_names.BPF) != set(reloc_names.BPF_2_40)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_foreign_names(locale: str, oracle: Callable[[str], str], tmp_path: Path) -> None:
    """Run as a program of its own, for the locale is that of the process."""
    import sys

    from tests.readelf_objects import FOREIGN

    if not shutil.which("gcc"):
        pytest.skip("no gcc is here")
    source = tmp_path / "foreign.s"
    source.write_bytes(FOREIGN)
    file = _compile("gcc", source, tmp_path / "foreign.o")
    environ = {**os.environ, "LC_ALL": locale}
    for way in ("", "-Ud", "-Ul", "-Ue", "-Ux", "-Uh", "-Ui"):
        for wide in ("", "-W"):
            words = [*filter(None, (way, wide)), "-s", "-p", ".strtab", "-S", str(file)]
            theirs = readelf_pair.real(oracle("readelf-2.44"), words, locale)
            done = subprocess.run(
                [sys.executable, "-m", "probee", "readelf", *words],
                capture_output=True, env=environ,
            )  # fmt: skip
            mine = readelf_pair.Printed(done.returncode, done.stdout, done.stderr)
            assert readelf_pair.difference(theirs, mine) == ""
