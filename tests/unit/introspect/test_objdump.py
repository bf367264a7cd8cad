"""`probee objdump`: its command line, and what brings along lines of source. Whole listings beside
llvm-objdump's: tests/oracle/test_objdump.py.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from probee.btf.core_text import core_text
from probee.btf.ext import BtfExt, CoreRelo, ExtSection, LineInfo, write_ext
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.cli.main import main
from probee.elf.read import ElfFile
from probee.elf.write import ElfWriter
from probee.errors import FormatError, NotSupportedError
from probee.introspect.objdump import Shown, listing
from probee.uapi import bpf_flags, elf
from tests.readelf_objects import packed

if TYPE_CHECKING:
    from pathlib import Path

EXIT = b"\x95" + bytes(7)
LOAD = b"\x18\1" + bytes(14)
EVERYTHING = Shown(source=True, lines=True, relocations=True)


def build(*, machine: int = elf.EM_BPF) -> bytes:
    """`main`: a load and an exit, from lines 3 and 4 of a.py, the load patched by CO-RE."""
    b = BtfBuilder()
    b.struct("task", 8, [("", b.union("", 4, [("tgid", b.int_("u32", 4))]), 32)])
    b.enum("colour", [("RED", -1)], signed=True)
    path, three, four = b.string("a.py"), b.string("    x = y"), b.string("")
    section, access = b.string("prog"), b.string("0:0:0")
    lines = (
        LineInfo(0, path, three, 3, 1), LineInfo(16, path, four, 4, 1),
    )  # fmt: skip
    ext = BtfExt(
        line_info=(ExtSection(section, lines),),
        core_relo=(ExtSection(section, (CoreRelo(0, 3, access, 0),)),),
    )
    writer = ElfWriter(machine)
    flags = elf.SHF_ALLOC | elf.SHF_EXECINSTR
    code = writer.section("prog", elf.SHT_PROGBITS, LOAD + EXIT, flags=flags, align=8)
    writer.section(".BTF", elf.SHT_PROGBITS, b.build())
    writer.section(".BTF.ext", elf.SHT_PROGBITS, write_ext(ext))
    data = writer.section(".bss", elf.SHT_NOBITS, size=8, flags=elf.SHF_ALLOC)
    main_ = writer.symbol("main", code, type=elf.STT_FUNC, bind=elf.STB_GLOBAL)
    assert main_ >= 0
    count = writer.symbol("count", data, type=elf.STT_OBJECT, bind=elf.STB_GLOBAL)
    writer.relocate(code, [(0, count, elf.R_BPF_64_64)])
    return writer.build()


def test_lines_and_relocations_stand_around_the_instruction() -> None:
    assert "".join(listing("x.o", ElfFile(build()), EVERYTHING)) == (
        "\nx.o:\tfile format elf64-bpf\n\nDisassembly of section prog:\n\n"
        "0000000000000000 <main>:\n; a.py:3\n;     x = y\n"
        "       0:\t18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00\tr1 = 0x0 ll\n"
        "\t\t0000000000000000:  CO-RE <byte_off> [3] struct task::<anon 0>.tgid (0:0:0)\n"
        "\t\t0000000000000000:  R_BPF_64_64\tcount\n"
        "; a.py:4\n"
        "       2:\t95 00 00 00 00 00 00 00\texit\n"
    )


@pytest.mark.parametrize(
    ("kind", "type_", "access", "said"),
    [
        (bpf_flags.BPF_CORE_TYPE_SIZE, 3, "0", "<type_size> [3] struct task"),
        (bpf_flags.BPF_CORE_ENUMVAL_VALUE, 4, "0", "<enumval_value> [4] enum colour::RED = -1"),
        (bpf_flags.BPF_CORE_FIELD_EXISTS, 3, "1", "<field_exists> [3] struct task::[1] (1)"),
        (
            0,
            3,
            "0:7",
            "<byte_off> [3] '0:7' <member index 7 for spec sub-string 1 is out of range>",
        ),
        (0, 3, "", "<byte_off> [3] '' <field spec too short>"),
        (0, 3, "x", "<byte_off> [3] 'x' <spec string is not a number>"),
        (0, 3, "0;0", "<byte_off> [3] '0;0' <unexpected spec string delimiter: ';'>"),
        (0, 99, "0", "<byte_off> [99] '0' <unknown type id: 99>"),
        (0, 1, "0:0", "<byte_off> [1] '0:0' <unexpected type kind 1 for spec sub-string 1>"),
        (10, 4, "3", "<enumval_exists> [4] '3' <bad value index: 3>"),
        (10, 3, "0", "<enumval_exists> [3] '0' <unexpected type kind for enum relocation: 4>"),
        (9, 3, "1", "<type_size> [3] '1' <unexpected type-based relocation spec: should be '0'>"),
        (44, 3, "0", "<reloc kind #44> [3] '0' <unknown relocation kind: 44>"),
    ],
)
def test_core_records_in_words(kind: int, type_: int, access: str, said: str) -> None:
    b = BtfBuilder()
    b.struct("task", 8, [("", b.union("", 4, [("tgid", b.int_("u32", 4))]), 32)])
    b.enum("colour", [("RED", -1)], signed=True)
    relo = CoreRelo(0, type_, b.string(access), kind)
    assert core_text(Btf(b.build()), relo) == said


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "-d, -S or -l is wanted"),
        (("x.o",), 2, "-d, -S or -l is wanted"),
        (("-r", "x.o"), 2, "probee readelf -r"),
        (("-d",), 2, "a file is wanted"),
        (("-d", "--mcpu=v5", "x.o"), 2, "none of v1"),
        (("-h", "x.o"), 2, "-h is not here: probee readelf -S"),
        (("-dt", "x.o"), 2, "-t is not here: probee readelf -s"),
        (("--syms", "x.o"), 2, "--syms is not here: probee readelf -s"),
        (("-D", "x.o"), 2, "unknown option -D"),
        (("--symbolize-operands", "x.o"), 2, "unknown option --symbolize-operands"),
        (("-d", "/nothing/here.o"), 1, "No such file"),
        (("-d", "/dev/null"), 1, "/dev/null: "),
    ],
)
def test_refusals(
    words: tuple[str, ...], status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["objdump", *words]) == status
    out, err = capfd.readouterr()
    assert (out, said in err) == ("", True)


def test_a_section_that_no_file_has_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.o"
    path.write_bytes(build())
    assert main(["objdump", "-d", "-j", "prog", "-j", "nothing", str(path)]) == 1
    out, err = capfd.readouterr()
    assert "<main>" in out
    assert err == "probee objdump: no file has a section 'nothing'\n"
    path.write_bytes(build(machine=elf.EM_X86_64))
    assert main(["objdump", "-d", str(path)]) == 1
    assert "not for BPF but for machine 62" in capfd.readouterr().err


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_objects_are_listed_or_refused(seed: int) -> None:
    random_ = random.Random(seed)
    whole, listed = build(), 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(random_.randrange(1, 4)):
            data[random_.randrange(len(data))] = random_.choice((0, 1, 255, random_.randrange(256)))
        try:
            listed += bool("".join(listing("x.o", ElfFile(bytes(data)), EVERYTHING)))
        except (FormatError, NotSupportedError):
            pass
    assert listed


def test_a_section_that_has_no_bytes_whatever_its_size() -> None:
    row = ("unused", elf.SHT_PROGBITS, elf.SHF_EXECINSTR, bytes(16), 0, 0, 0)
    data = bytearray(packed("<", elf.EM_BPF, [("", 0, 0, b"", 0, 0, 0), row,
                                              (".shstrtab", 3, 0, None, 0, 0, 0)]))  # fmt: skip
    at = int.from_bytes(data[40:48], "little") + 64
    data[at + 4 : at + 8] = bytes(4)  # SHT_NULL
    data[at + 32 : at + 40] = (1 << 40).to_bytes(8, "little")
    text = "".join(listing("x.o", ElfFile(data), Shown()))
    assert text.endswith("<unused>:\n...\n")
