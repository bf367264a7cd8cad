"""Types from files of all sorts, and what they are refused for."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from probee.btf.writer import BtfBuilder
from probee.cli.main import main
from probee.elf.write import ElfWriter
from probee.errors import FormatError, NotSupportedError
from probee.introspect.btf import read_file
from probee.introspect.btf_c import c_header
from probee.introspect.btf_raw import raw_json, raw_text
from probee.uapi import elf
from tests.unit.btf.samples import info, newest_kinds

if TYPE_CHECKING:
    from pathlib import Path


def base() -> BtfBuilder:
    b = BtfBuilder()
    b.struct("pair", 8, [("a", b.int_("int", 4, signed=True), 0), ("b", 1, 32)])
    return b


def split(order: str = "<") -> bytes:
    """What stands on `base`, whose two types and 14 bytes of strings go first."""
    strings = b"whole\0x\0"
    below = len(base().build()) - 24 - struct.unpack_from("<I", base().build(), 12)[0]
    # struct whole { struct pair x; }; and a pointer to it
    words = [below, info(4, 1), 8, below + 6, 2, 0, 0, info(2), 3]
    types = struct.pack(f"{order}{len(words)}I", *words)
    sizes = (24, 0, len(types), len(types), len(strings))
    return struct.pack(f"{order}HBB5I", 0xEB9F, 1, 0, *sizes) + types + strings


def object_with(sections: dict[str, bytes], *, big_endian: bool = False) -> bytes:
    writer = ElfWriter(elf.EM_BPF, big_endian=big_endian)
    for name, data in sections.items():
        writer.section(name, elf.SHT_PROGBITS, data)
    return writer.build()


@pytest.mark.parametrize("big_endian", [False, True])
def test_an_object_and_its_bare_types_are_the_same(tmp_path: Path, big_endian: bool) -> None:
    blob = newest_kinds().build(big_endian=big_endian)
    bare, whole = tmp_path / "bare", tmp_path / "whole.o"
    bare.write_bytes(blob)
    whole.write_bytes(object_with({".BTF": blob}, big_endian=big_endian))
    text = "".join(raw_text(read_file(str(bare)).flat))
    assert text == "".join(raw_text(read_file(str(whole)).flat))
    assert text.startswith("[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n")
    (tmp_path / "little").write_bytes(newest_kinds().build())
    assert text == "".join(raw_text(read_file(str(tmp_path / "little")).flat))


def test_types_on_top_of_others(tmp_path: Path) -> None:
    below, above = tmp_path / "below", tmp_path / "above"
    below.write_bytes(base().build())
    above.write_bytes(split())
    under = read_file(str(below)).flat
    types = read_file(str(above), under)
    assert "".join(raw_text(types.flat)) == (
        "[3] STRUCT 'whole' size=8 vlen=1\n\t'x' type_id=2 bits_offset=0\n"
        "[4] PTR '(anon)' type_id=3\n"
    )
    assert "struct whole {\n\tstruct pair x;\n};\n" in "".join(c_header(types.flat))
    with pytest.raises(FormatError, match="string"):
        read_file(str(above))
    above.write_bytes(split(">"))
    with pytest.raises(FormatError, match="byte order"):
        read_file(str(above), under)
    above.write_bytes(object_with({".BTF": split(), ".BTF.base": base().build()}))
    assert "'whole'" in "".join(raw_text(read_file(str(above)).flat))
    with pytest.raises(NotSupportedError, match=r"\.BTF\.base"):
        read_file(str(above), under)


def test_json_is_json() -> None:
    from probee.btf.flat import Flat
    from probee.btf.raw import Sections

    types = Flat(Sections(newest_kinds().build()))
    one = json.loads("".join(raw_json(types)))
    assert one == json.loads("".join(raw_json(types, pretty=True)))
    assert [row["id"] for row in one["types"]] == list(range(1, types.last + 1))
    assert {row["kind"] for row in one["types"]} >= {"ENUM64", "DECL_TAG", "FLOAT", "DATASEC"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "x"), 2, "what is 'x'?"),
        (("dump",), 2, "'dump' needs at least 2 arguments, 0 found"),
        (("dump", "file"), 2, "'dump' needs at least 2 arguments, 1 found"),
        (("dump", "prog", "id"), 2, "'prog' needs at least 2 arguments, 1 found"),
        (("dump", "map", "x", "1"), 2, "expected 'id', 'name' or 'pinned', got: 'x'?"),
        (("dump", "id", "x"), 2, "can't parse x as ID"),
        (("dump", "file", "x", "format"), 2, "expecting value for 'format' option"),
        (("dump", "file", "x", "format", "C"), 2, "unrecognized format specifier: '"),
        (("dump", "file", "x", "sorted"), 2, "unrecognized option: 'sorted'"),
        (("dump", "file", "x", "fo", "d"), 2, "unrecognized format specifier: '"),
        (("dump", "file", "/nothing/here"), 1, "No such file"),
        (("dump", "file", "/dev/null"), 1, "ELF"),
        (("dump", "file", "/", "format", "c"), 1, "directory"),
    ],
)
def test_refusals(
    words: tuple[str, ...], status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["btf", *words]) == status
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("probee btf: ")


def test_words_may_be_short_and_an_object_without_types_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "some.btf"
    path.write_bytes(base().build())
    assert main(["btf", "d", "f", str(path), "fo", "c", "uns"]) == 0
    out, err = capfd.readouterr()
    assert (err, out.count("struct pair {")) == ("", 1)
    path.write_bytes(object_with({".text": b""}))
    assert main(["btf", "dump", "file", str(path)]) == 1
    assert "there is no section .BTF" in capfd.readouterr().err
