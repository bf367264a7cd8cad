"""`probee inspect` on objects of compilers: its whole text, for a kernel of literals; and what
bpftool says of the same programs and maps.

`python -m tests.oracle.test_inspect` writes the texts anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.cli.inspect_text import lines
from probee.errors import FormatError, NotSupportedError
from probee.frame.document import fields
from probee.introspect.inspect.explain import explain
from tests.inspect_kernel import Literal
from tests.objects import build
from tests.objects.build import HERE, Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = HERE.parent / "golden" / "inspect"
# Nothing in them tells which release of clang it was.
SHOWN = (
    tuple(row for row in objects() if row.compiler == 19 and row.stripped and not row.linked)
    + tuple(
        Object((name,), 19, stripped=True, linked=True) for name in ("ksyms", "kconfig", "nested")
    )
    + tuple(Object((name,), 19, debug=False) for name in ("strings", "symbols"))
)


def text_of(row: Object, path: Path) -> str:
    """Without the folder that the object was compiled in, and what its length is part of."""
    name = f"{row}.o".replace(" ", ".")
    text = "".join(lines(explain(name, path.read_bytes(), Literal())))
    text = re.sub(r"(object of |types: )[\d,]+ bytes", r"\1N bytes", text)
    text = re.sub(r"[\d,]+ B  \.BTF ", "N B  .BTF ", text)
    return re.sub(r"/\S*(?:\n +\S*)*/tests/objects/", "", text)


def golden(row: Object) -> Path:
    return TEXTS / f"{str(row).replace(' ', '.')}.txt"


@pytest.mark.oracle("clang-19", "llvm-strip", "bpftool")
@pytest.mark.parametrize("row", SHOWN, ids=str)
def test_text(row: Object, built: Callable[[Object], Path]) -> None:
    assert text_of(row, built(row)) == golden(row).read_text()


@pytest.mark.parametrize("row", objects(), ids=str)
def test_every_object_is_explained_or_refused(row: Object, built: Callable[[Object], Path]) -> None:
    data = built(row).read_bytes()
    try:
        report = explain("x.o", data, Literal())
    except (FormatError, NotSupportedError):
        assert row.sources[0] in ("legacy_maps", "link_one", "link_two") or not row.debug
        return
    foreign = row.endian == "big"
    assert (report.loadable.answer == "no") == foreign
    for program in report.programs:
        assert program.runs
        assert program.type
        assert (program.loads.answer == "not asked") >= foreign
        for core in program.core:
            assert core.instruction
            local = core.kind == "local_type_id"
            states = ("not asked",) if foreign and not local else ("found", "missing")
            assert core.state in states
    for line in lines(report):
        assert line.endswith("\n")
        assert line[:-1].isprintable()
        assert len(line) <= 81 or " " not in line.strip() or row.sources[0] == "hooks", line
    json.dumps(fields(report))


if __name__ == "__main__":
    TEXTS.mkdir(exist_ok=True)
    for one in SHOWN:
        golden(one).write_text(text_of(one, build.path(one)))
