"""Programs and libraries: what has segments, a dynamic section, hash tables and symbol versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import readelf_pair
from tests.readelf_damage import damaged
from tests.readelf_objects import (
    LIBRARY,
    LIBRARY_VERSIONS,
    PACKED,
    PROGRAM,
    dynamic_of,
    types_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES, CASES = 4, 50
WORDS: tuple[tuple[str, ...], ...] = (
    ("-a", "-W"), ("-a",), ("-h", "-l"), ("-d",), ("-V",), ("-I",), ("-s", "--dyn-syms"), ("-r",),
    ("-D", "-r", "-s", "-I"), ("-DW", "-sr"), ("-aL",), ("-n",),
    ("-j.dynsym", "-j.dynstr", "-x.dynamic"),
)  # fmt: skip
OLDER_WORDS = WORDS[:-1]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of gcc and the linker of this machine, and Python's own program."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc is here")
    folder = tmp_path_factory.mktemp("linked")
    for name, text in (("library.c", LIBRARY), ("packed.c", PACKED), ("program.c", PROGRAM)):
        (folder / name).write_text(text)
    (folder / "versions").write_text(LIBRARY_VERSIONS)
    lines = (
        ("library.so", "library.c",
         "-shared -fPIC -Wl,--hash-style=both -Wl,-soname,l.so -Wl,--version-script=versions"),
        ("old.so", "packed.c", "-shared -fPIC -Wl,--hash-style=sysv -Wl,-rpath,/there"),
        ("program", "program.c", "-pie library.so"),
        ("fixed", "program.c", "-no-pie library.so -Wl,-z,now -Wl,--disable-new-dtags"),
        ("stripped", "program.c", "-s -pie library.so"),
    )  # fmt: skip
    for name, source, words in lines:
        subprocess.run(["gcc", source, "-o", name, *words.split()], check=True, cwd=folder)
    packed = [
        "gcc",
        "packed.c",
        "-o",
        "packed.so",
        "-shared",
        "-fPIC",
        "-Wl,-z,pack-relative-relocs",
    ]
    subprocess.run(packed, check=False, cwd=folder, capture_output=True)  # binutils 2.38
    made = [folder / name for name, _, _ in lines]
    return [*made, *folder.glob("packed.so"), Path(sys.executable).resolve()]


@pytest.mark.oracle("readelf-2.44")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_programs_and_libraries(
    words: tuple[str, ...], linked: list[Path], oracle: Callable[[str], str]
) -> None:
    for file in linked:
        line = [*words, str(file)]
        theirs = readelf_pair.real(oracle("readelf-2.44"), line)
        assert not readelf_pair.difference(theirs, readelf_pair.ours(line)), file.name


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize(
    "tool",
    [pytest.param(name, marks=pytest.mark.oracle(name)) for name in ("readelf-2.44", "readelf")],
)
def test_damaged_programs(
    tool: str, batch: int, linked: list[Path], oracle: Callable[[str], str], tmp_path: Path
) -> None:
    readelf, compat, choices = oracle(tool), [], WORDS
    if tool == "readelf":
        if not readelf_pair.is_2_40(readelf):
            pytest.skip("this system's readelf is not 2.40")
        compat, choices = ["--compat=2.40"], OLDER_WORDS
    file, compared = tmp_path / "x", 0
    small = [path.read_bytes() for path in linked[:-1]]
    for seed in range(batch * CASES, (batch + 1) * CASES):
        file.write_bytes(damaged(small[seed % len(small)], seed))
        words = [*choices[seed % len(choices)], str(file)]
        mine = readelf_pair.ours([*compat, *words])
        theirs = readelf_pair.real(readelf, words)
        # refused; and how far one can seek is for the file system to say
        if b" here" in mine.err or b"Unable to seek" in theirs.err:
            continue
        compared += 1
        assert not readelf_pair.difference(theirs, mine), (seed, words)
    assert compared > CASES * 0.8


@pytest.mark.parametrize("tool", ["readelf-2.44", "readelf"])
def test_all_tags_have_readelfs_names(
    tool: str, oracle: Callable[[str], str], tmp_path: Path
) -> None:
    readelf = oracle(tool)
    if tool == "readelf" and not readelf_pair.is_2_40(readelf):
        pytest.skip("this system's readelf is not 2.40")
    compat = ["--compat=2.40"] if tool == "readelf" else []
    ranges = (range(1, 70), range(0x6000000C, 0x60000020), range(0x6FFFEFF0, 0x6FFFF010),
              range(0x6FFFFD00, 0x70000010), range(0x7FFFFFF0, 0x80000004))  # fmt: skip
    refused = (0x6FFFFDFE, 0x6FFFFEFF)  # DT_SYMINSZ and DT_SYMINFO
    tags = [tag for some in ranges for tag in some if tag not in refused]
    file = tmp_path / "x.so"
    for machine in (62, 183, 247, 0):
        for value in (0, 1, 0x1234, 0xFFFFFFFF_FFFFFFFF):
            file.write_bytes(dynamic_of(machine, [(tag, value) for tag in tags]))
            theirs = readelf_pair.real(readelf, ["-dW", str(file)])
            mine = readelf_pair.ours([*compat, "-dW", str(file)])
            assert not readelf_pair.difference(theirs, mine)


@pytest.mark.parametrize("tool", ["readelf-2.44", "readelf"])
def test_all_types_of_sections_and_segments_have_readelfs_names(
    tool: str, oracle: Callable[[str], str], tmp_path: Path
) -> None:
    readelf = oracle(tool)
    if tool == "readelf" and not readelf_pair.is_2_40(readelf):
        pytest.skip("this system's readelf is not 2.40")
    compat = ["--compat=2.40"] if tool == "readelf" else []
    ranges = (range(24), range(0x60000000, 0x60000008), range(0x6474E54E, 0x6474E558),
              range(0x65A3DBE0, 0x65A3DBF0), range(0x65A41BE0, 0x65A41BF0),
              range(0x6FFF4700, 0x6FFF4702), range(0x6FFF4BFE, 0x6FFF4C12),
              range(0x6FFFFEFE, 0x6FFFFF04), range(0x6FFFFFEE, 0x7000000C),
              range(0x7FFFFFF8, 0x80000004), range(0xFFFFFFF0, 0x100000000))  # fmt: skip
    types = [kind for some in ranges for kind in some]
    file = tmp_path / "x.o"
    for machine in (62, 183, 247, 0):
        for osabi in (0, 3, 9, 51):
            file.write_bytes(types_of(machine, osabi, types))
            theirs = readelf_pair.real(readelf, ["-lSW", str(file)])
            mine = readelf_pair.ours([*compat, "-lSW", str(file)])
            assert not readelf_pair.difference(theirs, mine)
