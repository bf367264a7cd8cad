"""Objects of other machines: `probee readelf` prints what GNU readelf 2.44 prints of them.

Objects by clang, and tables made by hand that hold every number a machine gives a meaning to.
"""

from __future__ import annotations

import struct
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest

from probee.introspect.readelf import machines
from tests import readelf_pair
from tests.oracle.test_readelf import SETS_OF_WORDS
from tests.readelf_damage import damaged
from tests.readelf_objects import C_SOURCE, header_of, one_of_each_relocation, packed, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Compare = Callable[..., str]

pytestmark = pytest.mark.oracle("readelf-2.44")
# as clang calls them
TARGETS = (
    "riscv64", "powerpc64le", "powerpc64", "s390x", "mips64el", "mips64", "loongarch64", "sparcv9",
)  # fmt: skip
FLAGS = {
    "plain": ("-O0",),
    "debug": ("-O2", "-g", "-fPIC", "-fcommon"),
    "sections": ("-O2", "-ffunction-sections", "-fdata-sections"),
}
HEADERS = ("#include <stdio.h>", "#include <string.h>")
SOURCE = "int puts(const char *); unsigned long strlen(const char *);\n" + "\n".join(
    line for line in C_SOURCE.splitlines() if line not in HEADERS
)
MACHINES = {
    name: getattr(machines, name)
    for name in ("MIPS", "PPC64", "S390", "SPARCV9", "RISCV", "LOONGARCH")
}
BOTH = [pytest.param(name, order, id=name + order) for name in MACHINES for order in "<>"]
NAMES = (".shstrtab", 3, 0, None, 0, 0, 0)
NOTHING = ("", 0, 0, b"", 0, 0, 0)


@pytest.fixture
def compare(oracle: Callable[[str], str], tmp_path: Path) -> Compare:
    """`compare(words, data...)` is empty, or says how the two differ on objects of those bytes."""
    readelf = oracle("readelf-2.44")

    def run(words: Sequence[str], *datas: bytes) -> str:
        files = [tmp_path / f"{number}.o" for number in range(len(datas))]
        for file, data in zip(files, datas, strict=True):
            file.write_bytes(data)
        line = [*words, *map(str, files)]
        return readelf_pair.difference(readelf_pair.real(readelf, line), readelf_pair.ours(line))

    return run


def test_all_machines_have_a_name() -> None:
    assert set(MACHINES.values()) == set(machines.OBJECTS)


@pytest.mark.oracle("clang-19")
@pytest.mark.parametrize("target", TARGETS)
def test_objects_of_clang(
    target: str, oracle: Callable[[str], str], compare: Compare, tmp_path: Path
) -> None:
    source = tmp_path / "source.c"
    source.write_text(SOURCE)
    datas = {}
    for name, flags in FLAGS.items():
        words = [oracle("clang-19"), f"--target={target}-linux-gnu", "-w", *flags]
        subprocess.run([*words, "-c", str(source), "-o", str(tmp_path / "made")], check=True)
        datas[name] = (tmp_path / "made").read_bytes()
    for options in SETS_OF_WORDS:
        for name, data in datas.items():
            assert compare(options, data) == "", (name, options)


@pytest.mark.parametrize(("name", "order"), BOTH)
def test_all_relocations_have_readelfs_names(name: str, order: str, compare: Compare) -> None:
    """Also where other numbers stand beside the type: random bits in all of r_info."""
    data = bytearray(one_of_each_relocation(MACHINES[name], 600, order))
    assert compare(["-rW"], data) == ""
    random = Random(1)
    for at in range(64, 64 + 600 * 24, 24):
        mask = random.choice((0xFFFFFF, 0xFF00FF, 0xFF << 56, 0xFFFFFF << 40, (1 << 64) - 1))
        struct.pack_into(f"{order}Q", data, at + 8, random.getrandbits(64) & mask)
    assert compare(["-r"], data) == ""


@pytest.mark.parametrize(("name", "order"), BOTH)
def test_flags_of_the_header(name: str, order: str, compare: Compare) -> None:
    random = Random(2)
    flags = {
        *(1 << bit for bit in range(32)), *range(16), *(0x40 | low for low in range(16)),
        *(high << 16 for high in range(0x80, 0xB0)), *(high << 12 for high in range(16)),
        *(high << 28 for high in range(16)), *(random.getrandbits(32) for _ in range(40)),
    }  # fmt: skip
    datas = []
    for number in sorted(flags):
        header = bytearray(header_of(MACHINES[name], order))
        struct.pack_into(f"{order}H", header, 16, 1)
        struct.pack_into(f"{order}I", header, 48, number)
        datas.append(bytes(header))
    assert compare(["-h"], *datas) == ""


@pytest.mark.parametrize(("name", "order"), BOTH)
def test_types_and_flags_of_sections(name: str, order: str, compare: Compare) -> None:
    kinds = (*range(0x70000000, 0x70000040), *range(0x7FFFFFF0, 0x80000000), 0x60000001)
    rows = [
        (f".s{at}", kind, 1 << at % 64, b"abcd", 0, 0, 0)
        for at, kind in enumerate(kinds)
        if kind != 0x70000003  # the attributes of RISC-V
    ]
    data = packed(order, MACHINES[name], [NOTHING, *rows, NAMES])
    for words in (["-S"], ["-SW"], ["-t"], ["-tW"], [f"-j{at}" for at in range(len(rows) + 2)]):
        assert compare(words, data) == "", words


@pytest.mark.parametrize(("name", "order"), BOTH)
def test_symbols(name: str, order: str, compare: Compare) -> None:
    """Each st_other, each type, each reserved section; local ones behind the others too."""
    random = Random(3)
    symbols = [(0, 0, 0, 0), *((0, random.getrandbits(8), other, 1) for other in range(256))]
    symbols += [(1, info, 0, 0xFF00 + info) for info in range(256)]
    table = b"".join(struct.pack(f"{order}IBBHQQ", *row, 8, 8) for row in symbols)
    sections = [
        NOTHING, (".text", 1, 6, bytes(16), 0, 0, 0), (".symtab", 2, 0, table, 3, 7, 24),
        (".strtab", 3, 0, b"\0name\0", 0, 0, 0), NAMES,
    ]  # fmt: skip
    data = packed(order, MACHINES[name], sections)
    for words in (["-s"], ["-sW"], ["-sX"], ["-aL"]):
        assert compare(words, data) == "", words


@pytest.mark.parametrize("addends", [True, False])
@pytest.mark.parametrize(("name", "order"), BOTH)
def test_relocations_applied(name: str, order: str, addends: bool, compare: Compare) -> None:
    """Each type on bytes of its own, with symbols and places that are not there too."""
    random = Random(4)
    machine = MACHINES[name]
    symbols = [(0, 0), (3, 0x1122334455), (1, 0x77), (4, 0x77)]
    table = b"".join(struct.pack(f"{order}IBBHQQ", 0, i, 0, 1, v, 0) for i, v in symbols)
    datas = []
    for kind in range(130):
        rows = b""
        for place, symbol in ((8, 1), (24, 2), (63, 1), (40, 9), (48, 0), (56, 3), (90, 1)):
            info = symbol | kind << 56 if (name, order) == ("MIPS", "<") else symbol << 32 | kind
            rows += struct.pack(f"{order}QQ", place, info)
            rows += struct.pack(f"{order}q", random.randrange(-99, 99)) if addends else b""
        contents = random.randbytes(64)
        relocations = (".rel.data", 4 if addends else 9, 0x40, rows, 3, 1, 24 if addends else 16)
        sections = [
            NOTHING, (".data", 1, 3, contents, 0, 0, 0), relocations,
            (".symtab", 2, 0, table, 4, 3, 24), (".strtab", 3, 0, b"\0name\0", 0, 0, 0), NAMES,
        ]  # fmt: skip
        datas.append(packed(order, machine, sections))
    assert compare(["-R1"], *datas) == ""


def _number(value: int) -> bytes:
    """Of variable length."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _number(rest) if rest else bytes([low])


def _attributes(random: Random, order: str) -> bytes:
    """A section .riscv.attributes, often a damaged one."""
    body = b""
    for _ in range(random.randrange(6)):
        tag = random.choice((4, 5, 6, 8, 10, 12, 5, 1, 2, 33, 300, 1 << 31, 1 << 33, 1 << 70))
        texts, numbers = (
            (b"rv64imac\0", b"x\1\xe9\0", b"", b"\0", b"rv"),
            (0, 1, 16, 1 << 63, 1 << 66),
        )
        body += _number(tag)
        body += random.choice(texts) if tag & 1 else _number(random.choice(numbers))
    tag = random.choice((1, 1, 1, 2, 3, 7))
    if tag in (2, 3):
        body = _number(random.choice((1, 300, 1 << 33))) + random.choice((b"\0", b"")) + body
    size = max(5 + len(body) + random.choice((0, 0, 0, 0, 1, -1, 100, -4)), 0)
    body = bytes([tag]) + struct.pack(f"{order}I", size) + body
    vendor = random.choice((b"riscv\0", b"riscv\0", b"riscv\0", b"other\0", b"riscv", b"\0"))
    size = max(4 + len(vendor + body) + random.choice((0, 0, 0, 0, 1, -1, 50)), 0)
    whole = struct.pack(f"{order}I", size) + vendor + body
    return random.choice((b"A", b"A", b"A", b"A", b"B")) + whole * random.choice((1, 2))


@pytest.mark.parametrize("order", ["<", ">"])
def test_attributes_of_riscv(order: str, compare: Compare) -> None:
    for seed in range(60):
        random = Random(seed)
        rows = [
            (name, 0x70000003, 0, _attributes(random, order), 0, 0, 0)
            for name in (".riscv.attributes", ".more")[: random.choice((1, 1, 2))]
        ]
        data = packed(order, machines.RISCV, [NOTHING, *rows, NAMES])
        assert compare([random.choice(("-A", "-AW", "-AT", "-AUx"))], data) == "", seed


@pytest.mark.parametrize("order", ["<", ">"])
def test_abi_of_mips(order: str, compare: Compare) -> None:
    random = Random(6)
    datas = []
    for number in range(64):
        low = [random.randrange(most) for most in (256, 4, 6, 5, 5, 12)]
        extension = number if number < 24 else random.getrandbits(32)
        ases = 1 << number % 32 if number else 0
        flags = struct.pack(f"{order}H6BIIII", number & 1, *low, extension, ases, number, 1 << 31)
        flags = flags[: 24 if number % 16 else 23]
        row = (".MIPS.abiflags", 0x7000002A, 2, flags, 0, 0, 0)
        datas.append(packed(order, machines.MIPS, [NOTHING, row, NAMES]))
    assert compare(["-A"], *datas) == ""


@pytest.mark.parametrize(("name", "order"), BOTH)
def test_damaged_objects(name: str, order: str, compare: Compare, tmp_path: Path) -> None:
    compared = 0
    for seed in range(24):
        data = damaged(sample(order, MACHINES[name]), seed)
        words = (["-a"], ["-aW"], ["-R1", "-R6", "-sX"], ["-t", "-r", "-A"])[seed % 4]
        (tmp_path / "x.o").write_bytes(data)
        if b" here" in readelf_pair.ours([*words, str(tmp_path / "x.o")]).err:
            continue  # it is refused, and so not compared
        compared += 1
        assert compare(words, data) == "", seed
    assert compared > 15
