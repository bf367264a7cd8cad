"""ELF files: what is written is read back, what is damaged is a FormatError and nothing else."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from io import BytesIO

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import given, settings, strategies as st

from probee.elf import raw
from probee.elf.read import ElfFile, file_bytes
from probee.elf.write import ElfWriter
from probee.errors import FormatError, UsageError
from probee.uapi import elf as uapi


def sample(*, big_endian: bool = False) -> bytes:
    """Code with two relocations, a section without contents, symbols of several kinds."""
    writer = ElfWriter(uapi.EM_BPF, big_endian=big_endian)
    flags = uapi.SHF_ALLOC | uapi.SHF_EXECINSTR
    code = writer.section("tp/one", uapi.SHT_PROGBITS, bytes(range(32)), flags=flags, align=8)
    bss = writer.section(".bss", uapi.SHT_NOBITS, size=4096, flags=uapi.SHF_ALLOC, align=8)
    program = writer.symbol("one", code, value=8, size=24, bind=uapi.STB_GLOBAL, type=uapi.STT_FUNC)
    section = writer.symbol("", bss, type=uapi.STT_SECTION)
    writer.symbol("other", None, bind=uapi.STB_GLOBAL)
    writer.symbol("number", None, value=7, index=uapi.SHN_ABS, visibility=uapi.STV_HIDDEN)
    writer.relocate(code, [(0, section, 1), (16, program, 10)])
    return writer.build()


@pytest.mark.parametrize("big_endian", [False, True])
def test_what_is_written_is_read(big_endian: bool) -> None:
    data = sample(big_endian=big_endian)
    file = ElfFile(data)
    names = ["", ".strtab", "tp/one", ".reltp/one", ".bss", ".symtab"]
    assert file.big_endian == big_endian
    assert [section.name for section in file.sections] == names
    code, bss = file.section("tp/one"), file.section(".bss")
    assert code is not None
    assert bss is not None
    assert (bytes(code.data), code.flags, code.align) == (bytes(range(32)), 6, 8)
    assert (bss.size, bytes(bss.data)) == (4096, b"")
    assert [s.name for s in file.symbols] == ["", "", "number", "one", "other"]
    one = file.symbols[3]
    assert (one.value, one.size, one.bind, one.type, one.section) == (8, 24, 1, 2, code.index)
    assert (file.symbols[2].section, file.symbols[2].visibility) == (uapi.SHN_ABS, 2)
    rows = file.relocations(file.sections[3])
    found = [(r.offset, r.type, file.symbols[r.symbol].section) for r in rows]
    assert found == [(0, 1, bss.index), (16, 10, code.index)]


@pytest.mark.parametrize("big_endian", [False, True])
def test_pyelftools_reads_the_same(big_endian: bool) -> None:
    data = sample(big_endian=big_endian)
    ours, theirs = ElfFile(data), ELFFile(BytesIO(data))
    assert theirs["e_machine"] == "EM_BPF"
    assert theirs.little_endian is not big_endian
    for mine, other in zip(ours.sections, theirs.iter_sections(), strict=True):
        assert mine.name == other.name
        assert (mine.offset, mine.size, mine.link) == (
            other["sh_offset"], other["sh_size"], other["sh_link"],
        )  # fmt: skip
        assert mine.info == other["sh_info"]
    table = theirs.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    # The number of the first symbol that is not local.
    assert table["sh_info"] == 3
    assert [s.name for s in ours.symbols] == [s.name for s in table.iter_symbols()]


def test_the_same_calls_give_the_same_bytes() -> None:
    assert sample() == sample()


def test_raw_rows_go_both_ways() -> None:
    data = sample()
    header = raw.header(data)
    assert raw.header_bytes(header) == data[:64]
    table = data[header.shoff :]
    rows = raw.section_headers(table, big_endian=False)
    packed = b"".join(raw.section_header_bytes(row, big_endian=False) for row in rows)
    assert packed == table
    symbols = next(row for row in rows if row.type == uapi.SHT_SYMTAB)
    piece = data[symbols.offset : symbols.offset + symbols.size]
    again = [raw.symbol_bytes(s, big_endian=False) for s in raw.symbols(piece, big_endian=False)]
    assert b"".join(again) == piece


def test_a_name_with_a_nul_is_refused() -> None:
    writer = ElfWriter(uapi.EM_BPF)
    writer.section("a\0b", uapi.SHT_PROGBITS)
    with pytest.raises(UsageError, match="NUL"):
        writer.build()


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(FormatError, match="starts with 7f 45 4c 46"):
        file_bytes("/dev/zero")
    source = "import os\nwhile True: os.write(1, b'\\x7fELF' * 9999)"
    words = [sys.executable, "-ISc", source]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as endless:
        assert endless.stdout is not None
        with pytest.raises(FormatError, match="more than 1 MiB"):
            file_bytes(f"/dev/fd/{endless.stdout.fileno()}", 1 << 20)
        endless.kill()


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(OSError, match=r"/proc/self/mem"):
        file_bytes("/proc/self/mem")


def changed(at: int, form: str, value: int) -> bytes:
    data = bytearray(sample())
    struct.pack_into("<" + form, data, at, value)
    return bytes(data)


SECTIONS_AT = raw.header(sample()).shoff


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (b"", 0, "7f 45"),
        (sample()[:40], 40, "64 bytes"),
        (changed(4, "B", 1), 4, "ELF64"),
        (changed(5, "B", 3), 5, "byte order"),
        (changed(6, "B", 0), 6, "version"),
        (changed(20, "I", 2), 20, "version"),
        (changed(58, "H", 40), 58, "64 bytes"),
        (changed(40, "Q", 1 << 40), 40, "no section header"),
        (changed(60, "H", 900), 60, "do not fit"),
        (changed(62, "H", 2), 62, "names"),
        (changed(SECTIONS_AT + 2 * 64 + 32, "Q", 1 << 50), SECTIONS_AT + 152, "ends behind"),
        (changed(SECTIONS_AT + 2 * 64, "I", 1 << 20), SECTIONS_AT + 128, "no name at"),
    ],
)
def test_damage_is_named_with_its_place(data: bytes, offset: int, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        ElfFile(data)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("section", "field", "value", "words"),
    [
        (5, 56, 23, "rows of 24"),  # sh_entsize of the symbols
        (5, 40, 77, "names are in section 77"),
        (3, 44, 77, "for section 77"),
        (3, 56, 8, "rows of 16"),
    ],
)
def test_damaged_tables(section: int, field: int, value: int, words: str) -> None:
    form = "Q" if field == 56 else "I"
    file = ElfFile(changed(SECTIONS_AT + section * 64 + field, form, value))
    with pytest.raises(FormatError, match=words):
        ask_everything(file)


def test_many_long_names_are_refused() -> None:
    writer = ElfWriter(uapi.EM_BPF)
    writer.section("n" * 100_000, uapi.SHT_PROGBITS)
    for _ in range(100):
        writer.symbol("", None)
    data = bytearray(writer.build())
    file = ElfFile(bytes(data))
    symtab = file.section(".symtab")
    assert symtab is not None
    # Each symbol's name begins one byte further into the same long text.
    for number in range(1, 101):
        struct.pack_into("<I", data, symtab.offset + number * 24, number)
    with pytest.raises(FormatError, match="longer than"):
        _ = ElfFile(bytes(data)).symbols


def ask_everything(file: ElfFile) -> None:
    _ = file.symbols
    for section in file.sections:
        if section.type in (uapi.SHT_REL, uapi.SHT_RELA):
            file.relocations(section)


def read_hostile(data: bytes) -> None:
    try:
        ask_everything(ElfFile(data))
    except FormatError:
        pass


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    read_hostile(raw.MAGIC + b"\2\1\1" + data)


def test_every_cut_and_many_flips() -> None:
    for big_endian in (False, True):
        whole = sample(big_endian=big_endian)
        for length in range(len(whole)):
            read_hostile(whole[:length])
        chance = random.Random(1)
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 1, 2, 5))):
                data[chance.randrange(len(data))] = chance.choice(
                    (0, 1, 255, chance.randrange(256))
                )
            read_hostile(bytes(data))


def with_numbers_beyond_16_bits(*, numbers: int = 1) -> bytes:
    """A file that says its numbers of sections where larger ones would stand."""
    writer = ElfWriter(uapi.EM_BPF)
    code = writer.section("code", uapi.SHT_PROGBITS, bytes(8))
    shndx = struct.pack("<2I", 0, 2) * numbers
    writer.section(".symtab_shndx", uapi.SHT_SYMTAB_SHNDX, shndx[: 8 * numbers - (numbers > 1)])
    writer.symbol("here", code)
    data = bytearray(writer.build())
    file = ElfFile(bytes(data))
    at = file.header.shoff
    symtab = file.section(".symtab")
    assert symtab is not None
    struct.pack_into("<I", data, at + 3 * 64 + 40, symtab.index)
    struct.pack_into("<H", data, symtab.offset + 24 + 6, uapi.SHN_XINDEX)
    struct.pack_into("<I", data, at + 40, file.header.shstrndx)  # of section 0: sh_link
    struct.pack_into("<Q", data, at + 32, len(file.sections))  # and sh_size
    struct.pack_into("<HH", data, 60, 0, uapi.SHN_XINDEX)
    return bytes(data)


def test_numbers_of_sections_that_do_not_fit_16_bits() -> None:
    file = ElfFile(with_numbers_beyond_16_bits())
    assert [s.name for s in file.sections] == ["", ".strtab", "code", ".symtab_shndx", ".symtab"]
    assert [(s.name, s.section) for s in file.symbols] == [("", 0), ("here", 2)]
    with pytest.raises(FormatError, match="numbers of 4 bytes"):
        _ = ElfFile(with_numbers_beyond_16_bits(numbers=2)).symbols


def test_relocations_of_what_has_none() -> None:
    file = ElfFile(sample())
    with pytest.raises(FormatError, match="expected a section of relocations"):
        file.relocations(file.sections[2])
