"""Jump tables: the maps that they become, and tables that lead nowhere."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from probee.objfile.read import read
from probee.spec import Reloc
from probee.uapi import bpf as uapi
from tests.unit.objfile.samples import CALL, CALLED, EXIT, LD64, NAMED, Sample, refusal
from tests.unit.objfile.test_read import seed

GOTOX = b"\x0d\1" + bytes(6)
CODE = LD64 + GOTOX + EXIT * 3  # slots 0, 2, 3 to 5


def sample(
    *entries: int,
    code: bytes = CODE,
    start: int = 0,
    size: int | None = None,
    uses: int = 1,
) -> bytes:
    """A program in `socket` behind one of 8 bytes; its table, of which it uses `size` bytes."""
    made = Sample()
    data = struct.pack(f"<{len(entries)}Q", *entries)
    section = made.data(".jumptables", data)
    symbols = [
        made.object(section, f"BPF.JT.0.{n}", start, len(data) if size is None else size)
        for n in range(uses)
    ]
    rows = {"before": (0, 8), "program": (8, len(code))}
    number = made.code("socket", EXIT + code, **rows)
    made.elf.relocate(number, [(8 + 16 * n, symbol, NAMED) for n, symbol in enumerate(symbols)])
    return made.build()


def test_a_table_is_a_map_of_instructions() -> None:
    spec = read(sample(0x30, 0x20, 0x30))
    (table,) = spec.maps
    assert (table.name, table.type, table.frozen) == (
        "BPF.JT.0.0", uapi.BPF_MAP_TYPE_INSN_ARRAY, True,
    )  # fmt: skip
    assert (table.key_size, table.value_size, table.max_entries) == (4, 16, 3)
    assert table.contents == struct.pack("<I12xI12xI12x", 5, 3, 5)
    assert spec.program("program").relocs == (Reloc(0, "value", "BPF.JT.0.0", 0),)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (sample(0x24), "entry 0 of table BPF.JT.0.0 leads to byte 0x24"),
        (sample(0x20, 0x38), "entry 1 of table BPF.JT.0.0 leads to byte 0x38"),
        (sample(0x20, 0), "expected an instruction of program"),
        (sample(0x20, size=0), "with 0 bytes"),
        (sample(0x20, size=12), "with 12 bytes"),
        (sample(0x20, size=16), "within the 8 bytes"),
        (sample(0x20, 0x20, start=4, size=8), "at 0x4"),
        (sample(0x28, code=LD64 * 2 + EXIT, uses=2), "not apart from others"),
        (sample(0x20, code=LD64[:4] + b"\x08" + CODE[5:]), "refers to byte 8 of table"),
    ],
)
def test_a_table_that_leads_nowhere(data: bytes, why: str) -> None:
    assert why in refusal(data)


def test_a_table_of_functions_of_two_sections() -> None:
    """Its entries lead to both, by their places; one function is too short for them."""
    made = Sample()
    section = made.data(".jumptables", struct.pack("<6Q", 24, 80, *[24] * 4))
    table = made.object(section, "BPF.JT.0.0", 0, 16)
    for name, code in (("socket", CODE + EXIT * 6), ("xdp", LD64 + GOTOX + EXIT)):
        number = made.code(name, code, **{f"of_{name}": (0, len(code))})
        made.elf.relocate(number, [(0, table, NAMED)])
    assert "entry 1 of table BPF.JT.0.0 leads to byte 0x50" in (said := refusal(made.build()))
    assert "an instruction of of_xdp" in said


def test_tables_of_one_name() -> None:
    """Two of a subprogram, one of each program that calls it: local symbols may be alike."""
    made = Sample()
    section = made.data(".jumptables", struct.pack("<4Q", 48, 56, 24, 32))
    tables = [made.object(section, "T", 8 * n) for n in range(4)]
    text = made.code(".text", LD64 * 2 + GOTOX + EXIT * 3, shared=(0, 64))
    made.elf.relocate(text, [(0, tables[0], NAMED), (16, tables[1], NAMED)])
    code = LD64 + GOTOX + EXIT * 2 + CALL + EXIT
    for name, table in (("socket", tables[2]), ("xdp", tables[3])):
        number = made.code(name, code, **{f"of_{name}": (0, len(code))})
        shared = made.elf.symbol("shared", text)
        made.elf.relocate(number, [(0, table, NAMED), (40, shared, CALLED)])
    spec = read(made.build())
    found = {
        (program.name, reloc.insn): struct.unpack("<I12x", spec.map(reloc.symbol).contents)
        for program in spec.programs
        for reloc in program.relocs
    }
    size = len(code) // 8
    assert found == {
        ("of_socket", 0): (3,), ("of_socket", size): (size + 6,),
        ("of_socket", size + 2): (size + 7,),
        ("of_xdp", 0): (4,), ("of_xdp", size): (size + 6,), ("of_xdp", size + 2): (size + 7,),
    }  # fmt: skip
    assert [map_.name for map_ in spec.maps] == [
        "T", "T.of_socket", "T.of_socket.2", "T.of_xdp", "T.of_xdp.2", "T.of_xdp.3",
    ]  # fmt: skip


def test_a_second_section_of_tables() -> None:
    made = Sample()
    made.data(".jumptables")
    made.data(".jumptables")
    made.code("socket")
    assert "a second section .jumptables" in refusal(made.build())


def test_a_shared_subprogram_has_its_tables_in_each_program() -> None:
    spec = seed("switches.bpfeb")
    tables = {map_.name: map_ for map_ in spec.maps if map_.type == uapi.BPF_MAP_TYPE_INSN_ARRAY}
    assert list(tables) == [
        "BPF.JT.0.0", "BPF.JT.2.0", "BPF.JT.2.1", "BPF.JT.2.0.other", "BPF.JT.2.1.other",
    ]  # fmt: skip
    for program in spec.programs:
        starts = [start for _, start in program.functions] + [len(program.code) // 8]
        for reloc in program.relocs:
            if reloc.symbol in tables:
                table = tables[reloc.symbol]
                assert table.max_entries == 16
                (own,) = [range(a, b) for a, b in pairwise(starts) if a <= reloc.insn < b]
                slots = struct.unpack(">" + "I12x" * 16, table.contents)
                assert all(slot in own and program.code[slot * 8] for slot in slots)
    one, other = tables["BPF.JT.2.0"], tables["BPF.JT.2.0.other"]
    shift = (
        dict(spec.program("other").functions)["shared"]
        - dict(spec.program("one").functions)["shared"]
    )
    moved = [
        b - a
        for a, b in zip(
            struct.unpack(">" + "I12x" * 16, one.contents),
            struct.unpack(">" + "I12x" * 16, other.contents),
            strict=True,
        )
    ]
    assert set(moved) == {shift} != {0}
