"""func_info, line_info and `.BTF.ext`, in both forms."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings, strategies as st

from probee.btf.ext import (
    BtfExt,
    CoreRelo,
    ExtSection,
    FuncInfo,
    LineInfo,
    func_info_bytes,
    line_info_bytes,
    read_ext,
    read_func_info,
    read_line_info,
    write_ext,
)
from probee.errors import FormatError, UsageError

EXT = BtfExt(
    func_info=(ExtSection(1, (FuncInfo(0, 5), FuncInfo(64, 6))), ExtSection(9, (FuncInfo(0, 7),))),
    line_info=(ExtSection(1, (LineInfo(0, 20, 30, 31, 22), LineInfo(8, 20, 40, 0x3FFFFF, 0x3FF))),),
    core_relo=(ExtSection(1, (CoreRelo(16, 4, 50, 0), CoreRelo(16, 4, 50, 3))),),
)
BLOB = write_ext(EXT)


def test_the_kernel_form_by_hand() -> None:
    assert func_info_bytes([FuncInfo(0, 5), FuncInfo(3, 6)]) == struct.pack("<4I", 0, 5, 3, 6)
    lines = [LineInfo(0, 20, 30, 31, 22), LineInfo(1, 20, 40, 32)]
    packed = struct.pack("<8I", 0, 20, 30, 31 << 10 | 22, 1, 20, 40, 32 << 10)
    assert line_info_bytes(lines) == packed
    assert list(read_line_info(packed)) == lines
    assert read_func_info(func_info_bytes([FuncInfo(2, 9)])) == (FuncInfo(2, 9),)
    assert line_info_bytes(lines, big_endian=True)[:4] == b"\0\0\0\0"
    assert list(read_line_info(line_info_bytes(lines, big_endian=True), big_endian=True)) == lines


@pytest.mark.parametrize("big_endian", [False, True])
def test_the_section_comes_back(big_endian: bool) -> None:
    assert read_ext(write_ext(EXT, big_endian=big_endian)) == EXT
    assert read_ext(write_ext(BtfExt(), big_endian=big_endian)) == BtfExt()


def test_a_section_of_before_core() -> None:
    body = struct.pack("<I2I2I", 8, 1, 1, 0, 5)
    data = struct.pack("<HBBI4I", 0xEB9F, 1, 0, 24, 0, len(body), len(body), 0) + body
    assert read_ext(data) == BtfExt(func_info=(ExtSection(1, (FuncInfo(0, 5),)),))


def test_longer_records_lose_their_tails() -> None:
    body = struct.pack("<I2I3I", 12, 1, 1, 0, 5, 77)
    data = struct.pack("<HBBI6I", 0xEB9F, 1, 0, 32, 0, len(body), len(body), 0, len(body), 0) + body
    assert read_ext(data).func_info == (ExtSection(1, (FuncInfo(0, 5),)),)


@pytest.mark.parametrize(
    "wrong",
    [
        [LineInfo(0, 1, 1, 1 << 22)],
        [LineInfo(0, 1, 1, 1, 1024)],
        [LineInfo(0, 1, 1, -1)],
        [LineInfo(0, 1 << 32, 1, 1)],
        [LineInfo(1, 1, 1, 1), LineInfo(0, 1, 1, 1)],
        [LineInfo(1, 1, 1, 1), LineInfo(1, 1, 1, 1)],
    ],
    ids=["line", "column", "negative", "offset", "descending", "twice"],
)
def test_lines_that_do_not_fit(wrong: list[LineInfo]) -> None:
    with pytest.raises(UsageError):
        line_info_bytes(wrong)


def test_wrong_things_to_write() -> None:
    with pytest.raises(UsageError):
        write_ext(BtfExt(func_info=(ExtSection(1, ()),)))
    with pytest.raises(UsageError):
        write_ext(BtfExt(func_info=(ExtSection(1, (LineInfo(0, 1, 1, 1),)),)))
    with pytest.raises(UsageError):
        write_ext(BtfExt(func_info=(ExtSection(1, (FuncInfo(4, 1),)),)))


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0, 0x1EB9F), (0, 0x0201EB9F), (0, 0), (4, 20), (4, 31), (4, 1 << 20), (8, 2), (12, 3),
        (12, 1 << 20), (32, 4), (32, 10), (32, 1 << 31), (40, 0), (40, 1000), (40, 1 << 31),
    ],
)  # fmt: skip
def test_wrong_sections(offset: int, value: int) -> None:
    data = bytearray(BLOB)
    old = data[offset : offset + 4]
    struct.pack_into("<I", data, offset, value)
    assert data[offset : offset + 4] != old or value == 0x1EB9F
    if value == 0x1EB9F:
        data[2] = 9
    with pytest.raises(FormatError):
        read_ext(data)


def test_every_truncation() -> None:
    for size in range(len(BLOB)):
        with pytest.raises(FormatError):
            read_ext(BLOB[:size])
    for size in (1, 7, 15):
        with pytest.raises(FormatError):
            read_func_info(BLOB[:size])
        with pytest.raises(FormatError):
            read_line_info(BLOB[:size])


@settings(max_examples=300)
@given(st.lists(st.integers(0, len(BLOB) * 8 - 1), min_size=1, max_size=3))
def test_flipped_bits(bits: list[int]) -> None:
    data = bytearray(BLOB)
    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
    try:
        read_ext(data)
    except FormatError:
        pass


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    for blob in (data, BLOB[:32] + data):
        try:
            read_ext(blob)
        except FormatError:
            pass
