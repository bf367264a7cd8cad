"""Sections, symbols and relocations of the whole corpus: what our reader says, and llvm-readelf."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from probee.elf.read import ElfFile
from probee.uapi import elf as uapi
from tests.objects.build import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.oracle("llvm-readelf")
NAMELESS = "<null>"  # clang 11 has such symbols in relocations of DWARF
EVERY = 8  # files for one run of llvm-readelf


def theirs(tool: str, paths: list[Path]) -> list[dict[str, Any]]:
    words = [tool, "--elf-output-style=JSON", "-S", "-s", "-r", *map(str, paths)]
    return list(json.loads(subprocess.run(words, capture_output=True, check=True).stdout))


def sections(file: ElfFile) -> list[tuple[object, ...]]:
    return [
        (s.name, s.type, s.flags, s.addr, s.offset, s.size, s.link, s.info, s.align, s.entsize)
        for s in file.sections
    ]


def their_sections(rows: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            s["Name"]["Name"], s["Type"]["Value"], s["Flags"]["Value"], s["Address"], s["Offset"],
            s["Size"], s["Link"], s["Info"], s["AddressAlignment"], s["EntrySize"],
        )
        for s in (row["Section"] for row in rows)
    ]  # fmt: skip


def symbols(file: ElfFile) -> list[tuple[object, ...]]:
    """A section's symbol has no name; LLVM gives it that of its section."""
    return [
        (
            s.name or (file.sections[s.section].name if s.type == uapi.STT_SECTION else ""),
            s.value, s.size, s.bind, s.type, s.visibility, s.section,
        )
        for s in file.symbols
    ]  # fmt: skip


def their_symbols(rows: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            s["Name"]["Name"], s["Value"], s["Size"], s["Binding"]["Value"], s["Type"]["Value"],
            s["Other"]["Value"] & 3, s["Section"]["Value"],
        )
        for s in (row["Symbol"] for row in rows)
    ]  # fmt: skip


def relocations(file: ElfFile) -> list[tuple[int, list[tuple[object, ...]]]]:
    names = symbols(file)
    return [
        (s.index, [(r.offset, r.type, names[r.symbol][0] or NAMELESS) for r in file.relocations(s)])
        for s in file.sections
        if s.type == uapi.SHT_REL
    ]


def their_relocations(rows: list[dict[str, Any]]) -> list[tuple[int, list[tuple[object, ...]]]]:
    return [
        (
            table["SectionIndex"],
            [
                (r["Offset"], r["Type"]["Value"], r["Symbol"]["Name"])
                for r in (row["Relocation"] for row in table["Relocs"])
            ],
        )
        for table in rows
    ]


@pytest.mark.parametrize("first", range(0, len(objects()), EVERY))
def test_both_read_the_same(
    first: int, built: Callable[[Object], Path], oracle: Callable[[str], str]
) -> None:
    paths = [built(row) for row in objects()[first : first + EVERY]]
    found = theirs(oracle("llvm-readelf"), paths)
    assert len(found) == len(paths)
    for path, said in zip(paths, found, strict=True):
        file = ElfFile(path.read_bytes())
        assert sections(file) == their_sections(said["Sections"])
        assert symbols(file) == their_symbols(said["Symbols"])
        assert relocations(file) == their_relocations(said["Relocations"])
