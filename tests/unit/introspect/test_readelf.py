"""`probee readelf` without any other tool: what it shows, what it refuses, what it withstands."""

from __future__ import annotations

import re
import shlex
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.readelf_damage import damaged
from tests.readelf_objects import header_of, one_of_each_relocation, packed, sample
from tests.readelf_pair import ours

PAGE = Path(__file__).parents[3] / "docs" / "readelf.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trace.bpf.o"
    path.write_bytes(sample())
    return path


def test_it_shows_sections_symbols_and_relocations(file: Path) -> None:
    status, out, err = ours(["-SW", "-s", "-r", str(file)])
    assert (status, err) == (0, b"")
    for line in (
        "  [ 1] .text             PROGBITS        0000000000000000 000040 000020 00  AX  0   0  8",
        "     5: 0000000000000000    32 OBJECT  GLOBAL DEFAULT    4 events",
        "0000000000000000  0000000500000001 R_BPF_64_64            0000000000000000 events",
        "0000000000000004  0000000600000003 R_BPF_64_ABS32         0000000000000000 LICENSE - 1",
    ):
        assert line in out.decode().splitlines()


def test_older_names_on_request(file: Path) -> None:
    for compat in (["--compat=2.40"], ["--compat", "2.40"]):
        assert b" R_BPF_INSN_64 " in ours([*compat, "-r", str(file)]).out
        assert b"invalid option -- 'j'" in ours([*compat, "-j1", str(file)]).err
    assert ours(["--compat=2.41", "-h", str(file)]).status == 1
    assert ours(["--compat=2.40", "-h", "--", "--compat=2.41"]).err == (
        b"readelf: Error: '--compat=2.41': No such file\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("-w", "-h"), ("-wi",), ("--debug-dump=info",), ("--dwarf-depth=2",), ("--ctf=1",), ("-P",),
        ("--ctf-parent=x",), ("--sframe",), ("-C",), ("--demangle=auto",), ("-L",),
        ("--dwarf-check",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_refused_ends_in_an_error(words: tuple[str, ...], file: Path) -> None:
    status, out, err = ours([*words, str(file)])
    assert (status, out) == (1, b"")
    assert re.match(rb"readelf: Error: option -\S+ .*refused.* here\n$", err)


def refused(path: Path, data: bytes, words: tuple[str, ...] = ("-a",)) -> str:
    path.write_bytes(data)
    status, _, err = ours([*words, str(path)])
    assert status == 1
    return err.decode().removeprefix(f"readelf: Error: {path}: ")


def test_files_that_are_refused_say_why(tmp_path: Path) -> None:
    path, whole = tmp_path / "x.o", bytearray(sample())
    assert "objects of Alpha are not shown here" in refused(path, header_of(36902))
    old = refused(path, header_of(243), ("--compat=2.40", "-h"))
    assert "objects of RISC-V are shown here as readelf 2.44 does" in old
    linked = bytearray(header_of(243))
    linked[16] = 2
    assert "of RISC-V objects alone are shown here" in refused(path, bytes(linked))
    assert "archives are not shown here" in refused(path, b"!<arch>\n" + bytes(64))
    assert "files of Solaris" in refused(path, bytes(whole[:7]) + b"\6" + bytes(whole[8:]))
    assert "only ELF64" in refused(path, bytes(whole[:4]) + b"\1" + bytes(whole[5:]))
    core = bytearray(whole)
    core[16] = 4
    assert "notes of core files" in refused(path, bytes(core))
    notes = bytes(whole).replace(b"owner\0", b"QNX\0\0\0")
    assert refused(path, notes).startswith("notes of QNX")


@pytest.mark.parametrize("batch", range(8))
def test_damaged_objects_never_break_it(batch: int, tmp_path: Path) -> None:
    path = tmp_path / "x.o"
    samples = (sample(), sample(">"), sample("<", 62), one_of_each_relocation(247, 5))
    everything = ("-aW", "--lint", "-c", "--lto-syms", "--dyn-syms", "-z")
    dumps = [f"-{letter}{at}" for letter in "xpRj" for at in range(15)]
    for seed in range(batch * 100, batch * 100 + 100):
        path.write_bytes(damaged(samples[seed % len(samples)], 100_000 + seed))
        status, _, err = ours([*everything, *dumps, str(path)])
        assert status in (0, 1)
        assert all(line.startswith(b"readelf: ") for line in err.splitlines() if line)


def test_claims_of_enormous_tables_cost_nothing(tmp_path: Path) -> None:
    """Sizes and counts are believed only as far as the file goes."""
    path, whole = tmp_path / "x.o", sample()
    table = struct.unpack_from("<Q", whole, 40)[0]
    for row in range(14):
        for field, value in (
            (24, 1 << 40),
            (32, 1 << 40),
            (32, (1 << 64) - 1),
            (56, 1),
            (56, 1 << 62),
        ):
            data = bytearray(whole)
            struct.pack_into("<Q", data, table + 64 * row + field, value)
            path.write_bytes(data)
            before = time.process_time()
            ours(["-a", "-x1", "-p6", "-R6", "-z", str(path)])
            assert time.process_time() - before < 30  # a hang, not a measurement


def test_a_name_without_an_end_is_not_copied_for_each_symbol(tmp_path: Path) -> None:
    """4,000 symbols with a name of a megabyte each: of each only the column is looked at."""
    strings = b"\0" + b"x" * (1 << 20)
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x10, 0, 1, 0, 0) * 4000
    body = strings + symbols
    rows = bytes(64)
    rows += struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 64, len(strings), 0, 0, 1, 0)
    rows += struct.pack("<IIQQQQIIQQ", 1, 2, 0, 0, 64 + len(strings), len(symbols), 1, 1, 8, 24)
    header = bytearray(header_of(247))
    struct.pack_into("<Q", header, 40, 64 + len(body))
    struct.pack_into("<HH", header, 60, 3, 1)
    path = tmp_path / "x.o"
    path.write_bytes(bytes(header) + body + rows)
    status, out, _ = ours(["-s", str(path)])
    assert (status, out.count(b" xxxxxxxxxxxxxxxx[...]\n")) == (0, 4000)


def test_the_examples_of_the_page_run(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cut.o").write_bytes(file.read_bytes()[:400])
    lines = re.findall(
        r"^\$ probee readelf ([^#;\n]*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(lines) > 5
    for line in lines:
        words = [str(word) for word in shlex.split(line)]
        if words[-1] == "*.o":
            words[-1:] = ["cut.o", file.name]
        status, out, err = ours(words)
        assert out
        assert status == 0
        assert bool(err) == ("cut.o" in words)


def test_it_starts_without_heavy_modules(file: Path) -> None:
    program = PAGE.parents[1] / "bin" / "probee"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-IS", program, "readelf", "-aW", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "probee.introspect.readelf.notes" in imported
    heavy = {"argparse", "ctypes", "dataclasses", "enum", "inspect", "json", "re", "typing"}
    assert not imported & heavy


def test_a_long_number_of_riscv_attributes_is_read_soon(tmp_path: Path) -> None:
    number = b"\xff" * (1 << 20)
    size = struct.pack("<I", 5 + len(number))
    rows = b"riscv\0\1" + size + number
    data = b"A" + struct.pack("<I", 4 + len(rows)) + rows
    sections = [
        ("", 0, 0, b"", 0, 0, 0), (".riscv.attributes", 0x70000003, 0, data, 0, 0, 0),
        (".shstrtab", 3, 0, None, 0, 0, 0),
    ]  # fmt: skip
    (path := tmp_path / "riscv.o").write_bytes(packed("<", 243, sections))
    start = time.monotonic()
    shown = ours(["-A", str(path)])
    assert time.monotonic() - start < 30  # that it ends, on whatever machine
    assert b"end of data encountered whilst reading LEB" in shown.err
