"""The table of mixed operands: the compiler's, the page's and the tests' own are one."""

from __future__ import annotations

import itertools
import re

import pytest

from probee.compiler.frontend import numbers
from probee.compiler.frontend.values import Num, literal
from probee.lang.types import BOOL
from probee.spec.types import Int
from tests.doc_examples import ROOT
from tests.meaning import widths

TYPES = {name: Int(name, bits // 8, name[0] == "s") for name, bits in widths.BITS.items()}
TYPES["bool"] = BOOL
LITERALS = (0, 1, -1, 127, 128, 255, 256, -129, 2**31, 2**32, -(2**40), 2**63 - 1, 2**63, 2**64 - 1)


@pytest.mark.parametrize(("a", "b"), [*itertools.product(TYPES, repeat=2)])
def test_two_types(a: str, b: str) -> None:
    assert numbers.common(Num(TYPES[a], 0), Num(TYPES[b], 0)).name == widths.common(a, b)


@pytest.mark.parametrize(("name", "number"), [*itertools.product(TYPES, LITERALS)])
def test_type_and_literal(name: str, number: int) -> None:
    expected = widths.common(name, "literal", number)
    assert numbers.common(Num(TYPES[name], 0), literal(number)).name == expected
    assert numbers.common(literal(number), Num(TYPES[name], 0)).name == expected


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip(" `*") for cell in line.strip("|\n").split("|")]
        for line in re.findall(r"^\|.*\|$", page, re.MULTILINE)
    ]
    head = next(row for row in rows if row[1:] == list(TYPES))
    table = rows[rows.index(head) + 2 :][: len(TYPES)]
    assert [row[0] for row in table] == list(TYPES)
    for row in table:
        assert row[1:] == [widths.common(row[0], b) for b in TYPES], row[0]
