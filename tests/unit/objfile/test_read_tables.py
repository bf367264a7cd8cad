"""Jump tables: the maps that they become, and tables that lead nowhere."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from probee.objfile.read import read
from probee.spec import Reloc
from probee.uapi import bpf as uapi
from tests.unit.objfile.samples import EXIT, LD64, NAMED, Sample, refusal
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
