"""The corpus of objects: what it holds, as the real tools see it. Whoever takes a C file's subject
out of it is told here.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.btf import kinds
from tests.objects.build import COMPILERS, Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RELOCATIONS = {
    "R_BPF_64_64",
    "R_BPF_64_ABS64",
    "R_BPF_64_ABS32",
    "R_BPF_64_NODYLD32",
    "R_BPF_64_32",
}


def test_how_many_there_are() -> None:
    assert len(objects()) == len(set(objects())) == len({str(row) for row in objects()})
    for compiler in COMPILERS:
        rows = [row for row in objects() if row.compiler == compiler]
        for endian in ("little", "big"):
            assert sum(row.endian == endian for row in rows) >= 30, (compiler, endian)


@pytest.mark.oracle("clang-14", "clang-16", "clang-19", "llvm-strip", "bpftool")
def test_every_row_is_an_object_of_its_byte_order(
    built: Callable[[Object], Path],
) -> None:
    for row in objects():
        data = built(row).read_bytes()
        assert data[:6] == b"\x7fELF\2" + bytes([1 + (row.endian == "big")]), row
        assert data[18:20] == (b"\0\xf7" if row.endian == "big" else b"\xf7\0"), row


@pytest.mark.oracle("llvm-readelf", "bpftool", "clang-19")
def test_relocations_and_btf_kinds_of_all_sorts_are_in_it(
    built: Callable[[Object], Path], oracle: Callable[[str], str]
) -> None:
    plain = [
        row for row in objects() if row.compiler == 19 and not row.linked and row.endian == "little"
    ]
    relocations, types = set(), set()
    for row in plain:
        words = [oracle("llvm-readelf"), "-r", str(built(row))]
        said = subprocess.run(words, capture_output=True, check=True, text=True)
        relocations |= set(re.findall(r"R_BPF\w+", said.stdout))
        if row.debug:
            words = [oracle("bpftool"), "btf", "dump", "file", str(built(row))]
            said = subprocess.run(words, capture_output=True, check=True, text=True)
            types |= set(re.findall(r"^\[\d+\] (\w+)", said.stdout, re.MULTILINE))
    assert relocations == RELOCATIONS
    assert types == set(kinds.NAMES) - {"VOID"}
