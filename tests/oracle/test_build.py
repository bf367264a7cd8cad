"""Every object that probee builds, before the real tools: none warns, and they see what we meant.

What loads them into the kernel stands in tests/kernel/test_objects.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.asm.decode import decode
from probee.asm.disasm import llvm_lines
from probee.elf.read import ElfFile
from probee.introspect.build import compiled, from_file, from_tool, header, object_bytes
from probee.objfile.read import read
from probee.spec.target import Target
from probee.tools.opensnoop import TOOL
from probee.uapi import elf as uapi
from tests import readelf_pair
from tests.doc_examples import ROOT, examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probee.spec.programs import CollectionSpec

ENDIANS = ("little", "big")
WHOLE = [example for example in examples() if example.whole]


class Built(NamedTuple):
    """One object, and what it was made of."""

    path: Path
    spec: CollectionSpec
    header: str


@pytest.fixture(scope="module")
def all_built(tmp_path_factory: pytest.TempPathFactory) -> list[Built]:
    """Of opensnoop and of each example of the docs, in both byte orders."""
    folder = tmp_path_factory.mktemp("built")
    sources = [from_tool(TOOL, "x86_64")]
    before = list(sys.path)
    for number, example in enumerate(WHOLE):
        path = folder / f"example_{number}.py"
        path.write_text(example.source, encoding="utf-8")
        sources.append(from_file(str(path)))
    sys.path[:] = before
    found = []
    for source in sources:
        for endian in ENDIANS:
            spec = compiled(source, Target(endian=endian))
            path = folder / f"{source.name}_{endian}.bpf.o"
            path.write_bytes(object_bytes(spec))
            found.append(Built(path, spec, header(spec, source)))
    return found


@pytest.fixture
def here(all_built: list[Built]) -> list[Built]:
    """Those of this machine's byte order."""
    return [built for built in all_built if built.spec.endian == sys.byteorder]


def said(*words: str | Path) -> tuple[str, str]:
    """What a tool prints, and what it complains about; it must succeed."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout, done.stderr


@pytest.mark.oracle("readelf", "llvm-readelf", "readelf-2.44")
@pytest.mark.parametrize("tool", ["readelf", "readelf-2.44", "llvm-readelf"])
def test_no_reader_warns(all_built: list[Built], oracle: Callable[[str], str], tool: str) -> None:
    for built in all_built:
        out, complaints = said(oracle(tool), "-a", "-W", built.path)
        assert not complaints
        assert "tracepoint/" in out
        assert "arning" not in out


@pytest.mark.oracle("llvm-objdump")
def test_the_disassembler_of_llvm_agrees(
    all_built: list[Built], oracle: Callable[[str], str]
) -> None:
    count = 0
    for built in all_built:
        elf = ElfFile(built.path.read_bytes())
        out, _ = said(oracle("llvm-objdump"), "-d", "--no-show-raw-insn", built.path)
        theirs = re.findall(r"^ +\d+:\s+(.*?)(?: <[^ ]+>)?$", out, re.MULTILINE)
        ours: list[str] = []
        for section in elf.sections:
            if section.flags & uapi.SHF_EXECINSTR and section.size:
                insns = decode(bytes(section.data), built.spec.endian)
                ours += [plain(line) for line in llvm_lines(insns, alu32=False)]
        assert ours == [line.strip() for line in theirs]
        count += len(ours)
    assert count > 2500


def plain(line: str) -> str:
    """Without the number of the slot in front."""
    return line.partition(":")[2].strip()


@pytest.mark.oracle("bpftool", "bpftool-7.5")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
def test_bpftool_reads_types(here: list[Built], oracle: Callable[[str], str], tool: str) -> None:
    for built in here:
        raw, complaints = said(oracle(tool), "btf", "dump", "file", built.path)
        assert not complaints
        assert raw.count("DECL_TAG 'probee:1:") >= 4
        text, complaints = said(oracle(tool), "btf", "dump", "file", built.path, "format", "c")
        assert not complaints
        assert "typedef" in text


@pytest.mark.oracle("bpftool", "bpftool-7.5", "gcc")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
def test_its_skeletons_compile(
    here: list[Built], oracle: Callable[[str], str], tool: str, tmp_path: Path
) -> None:
    for number, built in enumerate(here):
        text, _ = said(oracle(tool), "gen", "skeleton", built.path, "name", f"skeleton_{number}")
        source = tmp_path / "skeleton.c"
        source.write_text(built.header + text, encoding="utf-8")
        said(oracle("gcc"), "-Wall", "-Werror", "-Wno-unused-function", "-fsyntax-only", source)


@pytest.mark.oracle("bpftool", "bpftool-7.5")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
def test_its_linker_takes_them(
    here: list[Built], oracle: Callable[[str], str], tool: str, tmp_path: Path
) -> None:
    """What comes out has its types in another order, and means the same to our reader."""
    for built in here:
        linked = tmp_path / "linked.bpf.o"
        _, complaints = said(oracle(tool), "gen", "object", linked, built.path)
        assert not complaints
        again = read(linked.read_bytes())
        assert [m.name for m in again.maps] == [m.name for m in built.spec.maps]
        for ours, theirs in zip(built.spec.programs, again.programs, strict=True):
            assert (ours.name, ours.attach, ours.context) == (
                theirs.name, theirs.attach, theirs.context,
            )  # fmt: skip
            assert ours.code == theirs.code
        assert built.spec.variables == again.variables
        assert built.spec.counters == again.counters


@pytest.mark.oracle("bpftool")
def test_two_of_them_become_one(
    here: list[Built], oracle: Callable[[str], str], tmp_path: Path
) -> None:
    """Each has a first counter; what it says of itself is of a part only, and not taken."""
    names = {program.name for program in here[0].spec.programs}
    other = next(
        built for built in here[1:]
        if built.spec.counters and not names & {p.name for p in built.spec.programs}
    )  # fmt: skip
    linked = tmp_path / "linked.bpf.o"
    said(oracle("bpftool"), "gen", "object", linked, here[0].path, other.path)
    again = read(linked.read_bytes())
    assert {p.name for p in other.spec.programs} < {program.name for program in again.programs}
    assert again.counters == ()


@pytest.mark.oracle("bpftool", "bpftool-7.5")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
def test_it_finds_what_they_ask_of_a_kernel(
    here: list[Built], oracle: Callable[[str], str], tool: str, tmp_path: Path
) -> None:
    for built in here:
        if not any(program.core for program in built.spec.programs):
            continue
        least = tmp_path / "least.btf"
        said(oracle(tool), "gen", "min_core_btf", "/sys/kernel/btf/vmlinux", least, built.path)
        text, _ = said(oracle(tool), "btf", "dump", "file", least)
        asked = (core for program in built.spec.programs for core in program.core)
        structs = {core.struct.partition("___")[0] for core in asked}
        assert all(f"'{struct}'" in text for struct in structs)


@pytest.mark.oracle("pahole")
def test_pahole_shows_their_structs(here: list[Built], oracle: Callable[[str], str]) -> None:
    for built in here:
        out, _ = said(oracle("pahole"), built.path)  # 1.24 says that it knows no decl tags
        for map_ in built.spec.maps:
            name = getattr(map_.value_type, "name", "")
            size = map_.value_type.size if map_.value_type is not None else 0
            if hasattr(map_.value_type, "fields"):
                assert f"struct {name} {{" in out
                assert f"/* size: {size}," in out


@pytest.mark.oracle("readelf-2.44")
@pytest.mark.parametrize(
    "words", ["-a -W", "-a", "-h", "-S", "-t", "-s", "-r", "-x", "-p"], ids=str
)
def test_probee_readelf_shows_them_as_readelf_does(
    words: str, all_built: list[Built], oracle: Callable[[str], str]
) -> None:
    line = [f"{words}{at}" for at in range(60)] if words in ("-x", "-p") else words.split()
    line += [str(built.path) for built in all_built]
    theirs = readelf_pair.real(oracle("readelf-2.44"), line)
    assert not readelf_pair.difference(theirs, readelf_pair.ours(line))


@pytest.mark.oracle("strace")
def test_no_kernel_is_asked(oracle: Callable[[str], str], tmp_path: Path) -> None:
    """Nothing of this machine is looked at: no bpf(), no types, no tracepoints, no /proc."""
    trace = tmp_path / "trace"
    words = [
        oracle("strace"), "-f", "-o", str(trace), "-e", "trace=bpf,openat,open,perf_event_open",
        sys.executable, "-m", "probee", "build", "opensnoop", "--arch", "x86_64",
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True)
    lines = trace.read_text(encoding="utf-8").splitlines()
    assert any("opensnoop.bpf.o" in line for line in lines)
    asked = [line for line in lines if re.search(r'bpf\(|perf_event_open|"/(sys|proc)/', line)]
    assert not asked


def test_the_pair_is_no_larger_than_clangs() -> None:
    """What the libbpf-tools' opensnoop is, of an entry and an exit."""
    elf = ElfFile(object_bytes(compiled(from_tool(TOOL, "x86_64"), Target())))
    sizes = {s.name: s.size for s in elf.sections if s.name.startswith("tracepoint/")}
    assert max(size for name, size in sizes.items() if "/sys_enter_" in name) <= 0x170
    assert max(size for name, size in sizes.items() if "/sys_exit_" in name) <= 0x330
