"""An explanation on a kernel with modules: which of them has a type that the kernel has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.btf.ext import CoreRelo, ExtSection
from probee.cli.inspect_text import lines
from probee.introspect.inspect.explain import explain
from probee.relocate.modules import ModuleTypes
from tests.inspect_kernel import Literal, types
from tests.unit.objfile.samples import EXIT, Sample
from tests.unit.relocate.test_modules import split, table

if TYPE_CHECKING:
    from probee.introspect.inspect.report import CoreRow


def told(kernel: Literal) -> tuple[CoreRow, str]:
    """The row of a record about struct table, which no kernel has, and the whole text."""
    sample = Sample()
    struct = sample.types.struct("table", 4, [("use", sample.int, 0)])
    section = sample.types.string("socket")
    record = CoreRelo(0, struct, sample.types.string("0:0"), 0)
    sample.code("socket", b"\xb7" + bytes(7) + EXIT)
    sample.core.append(ExtSection(section, (record,)))
    report = explain("sample.o", sample.build(), kernel)
    return report.programs[0].core[0], "\n".join(lines(report))


def modular(*read: str) -> Literal:
    """Modules netfilter and others are loaded; those `read` can be read."""
    kernel = Literal()
    kernel.modules = ("netfilter", "others")
    base = types().sections
    header = bytes.fromhex("9feb010018000000")
    numbers = (0, 4 * len(base.words), 4 * len(base.words), len(base.strings))
    blob = header + b"".join(n.to_bytes(4, "little") for n in numbers)
    blob += base.words.tobytes() + base.strings.tobytes()
    data = {"netfilter": split(blob, table)[0], "others": split(blob, lambda _: None)[0]}
    kernel.module_types = tuple(ModuleTypes(name, types(), data[name]) for name in read)
    return kernel


def test_the_module_is_named() -> None:
    row, text = told(modular("netfilter", "others"))
    assert (row.state, row.after, row.module, row.why) == ("found", 8, "netfilter", "")
    assert "where table.use starts: 0, in module netfilter 8" in text


@pytest.mark.parametrize(
    ("read", "more"),
    [(("others",), " (the types of some of its modules cannot be read)"), (None, "")],
)
def test_what_no_module_has(read: tuple[str, ...] | None, more: str) -> None:
    row, text = told(Literal() if read is None else modular(*read))
    assert (row.state, row.module) == ("missing", "")
    assert row.why == f"this kernel has no struct table{more}"
    assert "MISSING: this kernel has no struct table" in text
