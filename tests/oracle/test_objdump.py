"""`probee objdump` beside llvm-objdump's: whole outputs, byte for byte."""

from __future__ import annotations

import random
import subprocess
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from probee.cli.main import main
from probee.elf.write import ElfWriter
from probee.uapi import elf as uapi
from tests.objects.build import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOOLS = ("llvm-objdump", "clang-14", "clang-16", "clang-19", "llvm-strip", "bpftool")
# With DWARF llvm-objdump takes lines from there, where probee knows .BTF.ext alone; without, -l
# tells of symbols of other sections.
STRIPPED = tuple(row for row in objects() if row.stripped)
# Instructions that LLVM 19 does not know yet.
NEW = tuple(row for row in objects() if row.sources[0] in ("ordered", "switches"))
OLD = tuple(row for row in objects() if row not in NEW)
WAYS = (
    (("-d",), OLD),
    (("-dr", "--no-show-raw-insn"), OLD),
    (("-dz", "--mcpu=v4"), OLD),
    (("-d", "-j", ".text", "-j", "license", "-j", ".rodata", "-j", ".bss"), OLD),
    (("-S",), STRIPPED),
    (("-Slr", "--no-leading-addr"), STRIPPED),
    (("--line-numbers", "--source", "--reloc"), STRIPPED),
)


def theirs(llvm_objdump: str, *words: str) -> str:
    done = subprocess.run([llvm_objdump, *words], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "surrogateescape")


def ours(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> str:
    main(["objdump", *words])
    return capfdbinary.readouterr().out.decode("utf-8", "surrogateescape")


@pytest.mark.oracle(*TOOLS)
@pytest.mark.parametrize(("way", "rows"), WAYS, ids=[" ".join(way) for way, _ in WAYS])
def test_the_corpus(
    way: tuple[str, ...],
    rows: tuple[Object, ...],
    built: Callable[[Object], Path],
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    for endian in ("little", "big"):  # llvm-objdump reads all files in the first one's order
        paths = [str(built(row)) for row in rows if row.endian == endian]
        assert len(paths) >= 16
        listed = ours(capfdbinary, *way, *paths)
        assert listed.count("file format elf64-bpf") == len(paths)
        assert_same(listed, theirs(oracle("llvm-objdump"), *way, *paths))


@pytest.mark.oracle("llvm-objdump-22", "clang-22")
@pytest.mark.parametrize("row", NEW, ids=str)
def test_what_came_after_llvm_19(
    row: Object,
    built: Callable[[Object], Path],
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    for way in (("-d", "--mcpu=v4"), ("-dr", "--mcpu=v4", "--no-show-raw-insn")):
        listed = ours(capfdbinary, *way, str(built(row)))
        assert ("gotox" in listed) == (row.sources == ("switches",))
        assert_same(listed, theirs(oracle("llvm-objdump-22"), *way, str(built(row))))


@pytest.mark.oracle("llvm-objdump")
@pytest.mark.parametrize("big_endian", [False, True])
def test_data_and_damage_in_code(
    big_endian: bool,
    tmp_path: Path,
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    writer = ElfWriter(uapi.EM_BPF, big_endian=big_endian)
    exit_, load = b"\x95" + bytes(7), b"\x18\1" + bytes(6)
    code = exit_ + bytes(range(1, 9)) + b"AB\x7f" + b"\xff" + bytes(11) + exit_ + load + exit_
    code += bytes(40) + exit_ + load + b"\5\0\0"
    flags = uapi.SHF_ALLOC | uapi.SHF_EXECINSTR
    text = writer.section(".text", uapi.SHT_PROGBITS, code, flags=flags)
    later = writer.section("later", uapi.SHT_PROGBITS, exit_ * 3, flags=flags)
    for name, section, value, type_ in (
        ("zeta", text, 0, uapi.STT_FUNC),
        ("alpha", text, 0, uapi.STT_NOTYPE),
        ("bits", text, 8, uapi.STT_OBJECT),
        ("both", text, 8 + 11, uapi.STT_OBJECT),
        ("code", text, 8 + 11, uapi.STT_FUNC),
        ("end", text, len(code), uapi.STT_FUNC),
        ("inside", later, 8, uapi.STT_FUNC),
    ):
        bind = uapi.STB_GLOBAL
        writer.symbol(name, section=section, value=value, type=type_, bind=bind)
    path = tmp_path / "damage.o"
    path.write_bytes(writer.build())
    for way in (("-d",), ("-dz",), ("-d", "--no-show-raw-insn", "--no-leading-addr")):
        listed = ours(capfdbinary, *way, str(path))
        assert "<unknown>" in listed
        assert_same(listed, theirs(oracle("llvm-objdump"), *way, str(path)))


@pytest.mark.oracle("llvm-objdump")
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("mcpu", ["v1", "v4"])
def test_any_bytes(
    big_endian: bool,
    mcpu: str,
    tmp_path: Path,
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """LLVM looks at few of the fields that have no use; so does the listing."""
    random_ = random.Random(f"{big_endian} {mcpu}")
    odd = (0x8D, 0x0D, 0xDB, 0xC3)  # callx, gotox, and atomics whose number is damaged
    words = [random_.randbytes(8) for _ in range(6000)]
    code = b"".join(word for word in words if word[0] not in odd) + b"\x95" + bytes(7)
    writer = ElfWriter(uapi.EM_BPF, big_endian=big_endian)
    flags = uapi.SHF_ALLOC | uapi.SHF_EXECINSTR
    writer.section(".text", uapi.SHT_PROGBITS, code, flags=flags)
    path = tmp_path / "any.o"
    path.write_bytes(writer.build())
    way = ("-dz", f"--mcpu={mcpu}", str(path))
    assert_same(ours(capfdbinary, *way), theirs(oracle("llvm-objdump"), *way))


def assert_same(listed: str, expected: str) -> None:
    """As whole texts; of thousands of lines the first difference is enough."""
    if listed != expected:
        pairs = zip_longest(listed.splitlines(), expected.splitlines())
        assert next(pair for pair in pairs if pair[0] != pair[1]) is None
