"""What an object, its sections and its code can have wrong, with what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.btf.writer import BtfBuilder
from probee.errors import NotSupportedError
from probee.objfile.read import read
from probee.uapi import elf as uapi
from tests.unit.objfile.samples import (
    CALL,
    CALLED,
    EXIT,
    LD64,
    NAMED,
    Sample,
    one_reference,
    refusal,
)

if TYPE_CHECKING:
    pass


def test_the_smallest_there_is() -> None:
    sample = Sample()
    sample.code("?socket")
    (program,) = read(sample.build()).programs
    assert (program.name, program.section, program.code) == ("program", "socket", EXIT)
    assert (program.type, program.autoload) == (1, False)


def test_a_section_that_says_nothing() -> None:
    sample = Sample()
    sample.code("somewhere/else")
    (program,) = read(sample.build()).programs
    assert (program.type, program.attach, program.section) == (0, (), "somewhere/else")


def test_the_only_function_in_text_is_a_program() -> None:
    sample = Sample()
    sample.code(".text", EXIT * 2, one=(0, 8), two=(8, 8))
    assert read(sample.build()).programs == ()
    sample = Sample()
    sample.code(".text")
    assert [p.name for p in read(sample.build()).programs] == ["program"]
    sample = Sample()
    sample.code(".text")
    sample.code("socket", EXIT, other=(0, 8))
    assert [p.name for p in read(sample.build()).programs] == ["other"]


def test_two_names_of_one_function() -> None:
    sample = Sample()
    sample.code("socket", EXIT, one=(0, 8), other=(0, 8))
    assert [p.name for p in read(sample.build()).programs] == ["one", "other"]


def test_not_for_bpf() -> None:
    sample = Sample(machine=62)
    sample.code("socket")
    assert "no BPF object" in refusal(sample.build())


def test_no_symbols() -> None:
    header = bytearray(Sample().build())
    header[40:48] = bytes(8)  # no section headers
    header[60:64] = bytes(4)
    assert "no symbol table" in refusal(bytes(header))


def test_what_is_not_taken() -> None:
    sample = Sample()
    sample.data("maps")
    with pytest.raises(NotSupportedError, match="libbpf"):
        read(sample.build())


def test_types_in_the_other_byte_order() -> None:
    sample = Sample()
    sample.blob = BtfBuilder().build(big_endian=True)
    assert "other byte order" in refusal(sample.build())


def test_types_that_are_none() -> None:
    sample = Sample()
    sample.blob = b"\x9f\xeb\2\0" + bytes(20)
    assert "BTF version is 1, not 2" in refusal(sample.build())
    sample = Sample()
    sample.ext = bytes(24)
    assert ".BTF.ext starts with" in refusal(sample.build())


def test_records_without_types_or_in_the_other_order() -> None:
    from probee.btf.ext import BtfExt, write_ext

    sample = Sample()
    sample.ext = write_ext(BtfExt(), big_endian=True)
    assert "other byte order" in refusal(sample.build())
    sample = Sample()
    sample.blob, sample.ext = b"", write_ext(BtfExt())
    assert "no BTF" in refusal(sample.build())


@pytest.mark.parametrize("name", [".BTF", ".maps", "license"])
def test_no_bytes_where_there_must_be_some(name: str) -> None:
    sample = Sample()
    sample.blob = b""
    sample.data(name, size=1 << 40)
    assert f"section {name} has no bytes in the file" in refusal(sample.build())


def test_version_of_another_size() -> None:
    sample = Sample()
    sample.data("version", b"123")
    assert "version has 4 bytes" in refusal(sample.build())


def test_more_zeroes_than_any_program_needs() -> None:
    sample = Sample()
    sample.data(".bss", size=1 << 40)
    assert ".bss sections have more than" in refusal(sample.build())
    sample = Sample()
    sample.map("arena", [("type", sample.number(33))])
    sample.data(".addr_space.1", size=1 << 40)
    assert ".addr_space.1 has" in refusal(sample.build())


def test_data_of_an_arena_that_is_not_there() -> None:
    sample = Sample()
    sample.data(".addr_space.1")
    assert "there are 0 in .maps" in refusal(sample.build())


@pytest.mark.parametrize("name", [".data", "license", ".BTF"])
def test_two_sections_of_one_name(name: str) -> None:
    sample = Sample()
    sample.data(name)
    sample.data(name)
    assert f"a second section {name}" in refusal(sample.build())


@pytest.mark.parametrize(
    ("functions", "size"),
    [
        ({"one": (0, 16), "two": (8, 8)}, 16),
        ({"one": (4, 8)}, 16),
        ({"one": (0, 4)}, 16),
        ({"one": (0, 0)}, 16),
        ({"one": (8, 16)}, 16),
    ],
)
def test_functions_that_do_not_fit(functions: dict[str, tuple[int, int]], size: int) -> None:
    sample = Sample()
    sample.code("socket", EXIT * (size // 8), **functions)
    assert "not apart from others" in refusal(sample.build())


@pytest.mark.parametrize(
    ("kind", "code", "offset", "said"),
    [
        (NAMED, EXIT * 2, 0, "opcode 0x95 cannot refer to license"),
        (NAMED, CALL + EXIT, 0, "expected a relocation of type 10, not 1"),
        (CALLED, LD64 + EXIT, 0, "expected a relocation of type 1, not 10"),
        (NAMED, LD64 + EXIT, 0, "refers to license, no data or function"),
        (NAMED, b"\x18\0\0\0\7\0\0\0" + bytes(8) + EXIT, 0, "refers to license + 7"),
        (NAMED, LD64 + EXIT, 4, "a relocation of byte 4"),
        (CALLED, CALL + EXIT, 0, "calls license, which is no function"),
        (CALLED, b"\x85" + bytes(7) + EXIT, 0, "a call of a helper has a relocation"),
    ],
)
def test_references_that_lead_nowhere(kind: int, code: bytes, offset: int, said: str) -> None:
    sample = Sample()
    symbol = sample.object(sample.data("license", b"GPL\0"), "license")
    one_reference(kind, code, offset)(sample, symbol)
    assert said in refusal(sample.build())


def test_code_that_is_no_code() -> None:
    for code, said in (
        (LD64[:8], "second half of an ld_imm64"),
        (LD64[:8] + EXIT, "second half of an ld_imm64"),
        (b"\x85\x10\0\0\5\0\0\0" + EXIT, "where no function begins"),
        (b"\x85\x30\0\0\5\0\0\0" + EXIT, "a call of unknown kind 3"),
    ):
        sample = Sample()
        sample.code("socket", code)
        assert said in refusal(sample.build())


def test_two_relocations_of_one_instruction() -> None:
    sample = Sample()
    data = sample.object(sample.data(".data"), "number")
    code = sample.code("socket", LD64 + EXIT)
    sample.elf.relocate(code, [(0, data, NAMED), (0, data, NAMED)])
    assert "a relocation of byte 0" in refusal(sample.build())


def test_relocations_with_addends() -> None:
    sample = Sample()
    data = sample.object(sample.data(".data"), "number")
    sample.elf.relocate(sample.code("socket", LD64 + EXIT), [(0, data, NAMED)])
    made = sample.build()
    at = made.index(bytes([uapi.SHT_REL, 0, 0, 0]), made.rindex(b"socket"))
    changed = bytearray(made)
    changed[at] = uapi.SHT_RELA
    assert "without addends" in refusal(bytes(changed))


def test_a_place_before_all_data() -> None:
    sample = Sample()
    symbol = sample.object(sample.data(".data"), "number")
    one_reference(NAMED, b"\x18\0\0\0\xf8\xff\xff\xff" + bytes(8) + EXIT)(sample, symbol)
    assert "byte -8 of .data is no place" in refusal(sample.build())


def test_a_map_at_a_place_where_none_is() -> None:
    sample = Sample()
    sample.hash()
    symbol = sample.object(0, "beside", 4)
    one_reference(NAMED, LD64 + EXIT)(sample, symbol)
    assert "no map begins at byte 4 of .maps" in refusal(sample.build())
