"""Each form of instruction against its row in tests/golden/asm_forms.txt, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from probee.asm.decode import decode
from probee.asm.disasm import kernel_text, llvm_text
from probee.asm.encode import encode
from probee.asm.forms import FORMS
from probee.asm.isa import form_of, required_level

GOLDEN = Path(__file__).parents[2] / "golden" / "asm_forms.txt"


class Row(NamedTuple):
    name: str
    level: str
    since: str
    little: str
    big: str
    kernel: str
    llvm: str


def rows() -> list[Row]:
    lines = GOLDEN.read_text(encoding="ascii").splitlines()
    return [Row(*(word.strip() for word in line.split(" | "))) for line in lines if line[0] != "#"]


def test_every_form_has_a_row() -> None:
    assert [row.name for row in rows()] == [form.name for form in FORMS]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_row(row: Row) -> None:
    (insn,) = decode(bytes.fromhex(row.little))
    assert decode(bytes.fromhex(row.big), "big") == [insn]
    assert encode([insn]).hex() == row.little
    assert encode([insn], "big").hex() == row.big
    form = form_of(insn)
    assert (form.name, f"v{required_level(insn)}", form.since) == row[:3]
    assert kernel_text(insn) == row.kernel
    assert llvm_text(insn).replace("\t", " ") == row.llvm
    assert insn.slots * 8 == len(row.little) // 2
